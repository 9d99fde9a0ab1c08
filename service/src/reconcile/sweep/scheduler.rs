//! Schedules the sweeps of an account: they run in the background, one at a time, and are retried after a failure. Called by the worker in each turn; never waits for a sweep.

use std::{sync::Arc, time::Duration};

use access::Instant;
use tokio::{sync::Notify, task::JoinHandle};

use super::{RecentWrites, Report, Sweep};
use crate::{
    app::App,
    kisi::{Client, Error, Guard},
    reconcile::execute::{AccountError, back_off},
    store::{
        ClubScope, StoreError,
        kisi_accounts::{self, CallCredentials},
        row::{self, KisiStatus},
        setup,
    },
    transaction,
};

/// The delay after the first failed sweep. It grows with consecutive failures.
const RETRY: Duration = Duration::from_secs(60);

/// The same if members wait for the first read of a group.
const FIRST_READING: Duration = Duration::from_secs(1);

/// The delay after the first failure of the database.
const AFTER_DATABASE: Duration = Duration::from_secs(1);

pub struct SweepScheduler {
    app: Arc<App>,
    recent_writes: Arc<RecentWrites>,
    running: Option<Running>,
    failures: u32,
    /// Consecutive failures of the database, and until when the next sweep waits after them, in real time.
    database_failures: u32,
    retry_at: Option<tokio::time::Instant>,
}

struct Running {
    task: JoinHandle<Result<Report, AccountError>>,
    /// Notified when the task has ended.
    ended: Arc<Notify>,
    began: Instant,
    due_at: i64,
    /// The credentials of its calls.
    call: CallCredentials,
}

impl SweepScheduler {
    pub fn new(app: Arc<App>) -> Self {
        Self {
            app,
            recent_writes: Arc::default(),
            running: None,
            failures: 0,
            database_failures: 0,
            retry_at: None,
        }
    }

    /// The record in which the loop notes the members it writes about.
    pub fn recent_writes(&self) -> &RecentWrites {
        &self.recent_writes
    }

    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether the next sweep is delayed because the database failed, even if it is due.
    pub fn is_waiting_for_database(&self) -> bool {
        self.retry_in().is_some()
    }

    /// How long the next sweep is delayed because the database failed.
    pub fn retry_in(&self) -> Option<Duration> {
        let left = self
            .retry_at?
            .checked_duration_since(tokio::time::Instant::now());
        left.filter(|left| !left.is_zero())
    }

    /// Whether the last sweep failed.
    pub fn has_failed(&self) -> bool {
        self.failures > 0 || self.database_failures > 0
    }

    /// Waits for the end of the running sweep.
    pub async fn finished(&self) {
        match &self.running {
            Some(running) => running.ended.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Cancels a running sweep. The next owner of the account starts a new one.
    pub fn abort(&mut self) {
        if let Some(running) = self.running.take() {
            running.task.abort();
        }
    }

    /// Processes the result of a finished sweep, or starts one that is due. True if one finished. Returns errors that pause all
    /// work on the account; other errors delay the next sweep. Errors with credentials that were replaced meanwhile are ignored,
    /// because replacing them requested a sweep.
    pub async fn poll(
        &mut self,
        account: &row::KisiAccount,
        client: &Client,
        guard: Guard,
    ) -> Result<bool, AccountError> {
        let now = self.app.clock.now();
        if let Some(running) = self.running.take_if(|running| running.task.is_finished()) {
            let outcome = match running.task.await {
                Ok(outcome) => outcome,
                Err(_) => Err(AccountError::Store(StoreError::TaskEnded)),
            };
            match outcome {
                Ok(report) => self.record_success(account, report, running.began),
                Err(AccountError::Store(problem)) => self.postpone_for_database(account, &problem),
                Err(stop) if running.call.credentials != account.credentials => {
                    tracing::info!(account = %account.id, error = ?stop, "a sweep failed with credentials that were replaced meanwhile; a new sweep is due");
                }
                Err(stop) => {
                    let scope = ClubScope::new(account.club_id);
                    let unread = setup::unread(self.app.db.read(), scope, account.id).await?;
                    let first = if unread.is_empty() {
                        RETRY
                    } else {
                        FIRST_READING
                    };
                    self.handle_failure(&running.call, stop, running.due_at, first)
                        .await?;
                }
            }
            return Ok(true);
        }
        if self.running.is_none()
            && !self.is_waiting_for_database()
            && account.read_due_at <= now.micros()
        {
            let sweep = Sweep {
                app: self.app.clone(),
                scope: ClubScope::new(account.club_id),
                account: account.clone(),
                client: client.clone(),
                guard,
                recent_writes: self.recent_writes.clone(),
                began: now,
            };
            let ended = Arc::new(Notify::new());
            let notify = ended.clone();
            self.running = Some(Running {
                task: tokio::spawn(async move {
                    let report = sweep.run().await;
                    notify.notify_one();
                    report
                }),
                ended,
                began: now,
                due_at: account.read_due_at,
                call: CallCredentials::of(account),
            });
        }
        Ok(false)
    }

    fn record_success(&mut self, account: &row::KisiAccount, report: Report, began: Instant) {
        self.failures = 0;
        self.database_failures = 0;
        self.app.metrics.sweep(Some(&report.found));
        let took = self.app.clock.now().micros() - began.micros();
        tracing::info!(
            account = %account.id,
            lists = report.lists,
            rows = report.rows,
            missing = report.found.missing,
            changed = report.found.changed,
            strangers = report.found.strangers,
            duplicate_assignments = report.found.duplicate_assignments,
            overlooked = report.overlooked,
            duration_ms = took / 1000,
            "sweep completed"
        );
    }

    /// Delays the next sweep. A database failure says nothing about Kisi, so the sweep stays due and starts again soon.
    fn postpone_for_database(&mut self, account: &row::KisiAccount, problem: &StoreError) {
        self.app.metrics.sweep(None);
        let wait = back_off(self.database_failures, AFTER_DATABASE, RETRY);
        self.database_failures = self.database_failures.saturating_add(1);
        self.retry_at = Some(tokio::time::Instant::now() + wait);
        tracing::warn!(account = %account.id, error = ?problem, wait_ms = wait.as_millis(), "the database failed during a sweep; the sweep is retried");
    }

    async fn handle_failure(
        &mut self,
        call: &CallCredentials,
        stop: AccountError,
        due_at: i64,
        first: Duration,
    ) -> Result<(), AccountError> {
        if matches!(
            stop,
            AccountError::NotOwned | AccountError::Kisi(Error::Withheld)
        ) {
            return Ok(());
        }
        self.app.metrics.sweep(None);
        let most = self.app.config.sweep_interval.max(RETRY);
        let wait = back_off(self.failures, first, most);
        self.failures = self.failures.saturating_add(1);
        let unreachable = match &stop {
            // A single failure may be accidental.
            AccountError::Kisi(problem) if problem.is_outage() && self.failures > 1 => {
                Some(problem.for_people())
            }
            _ => None,
        };
        let (id, at) = (call.account, self.app.clock.now().plus(wait).micros());
        let made_with = call.clone();
        let stored: Result<(), StoreError> = transaction!(self.app.db, |tx| {
            if let Some(problem) = unreachable {
                let status = KisiStatus::Unreachable;
                kisi_accounts::set_status(tx, &made_with, status, Some(problem)).await?;
            }
            kisi_accounts::schedule_sweep(tx, id, due_at, at).await
        })
        .await;
        stored?;
        match stop {
            AccountError::Kisi(Error::Unauthorized { .. } | Error::RateLimited { .. }) => Err(stop),
            _ => {
                tracing::warn!(account = %id, error = ?stop, wait_ms = wait.as_millis(), "a sweep failed; it is retried");
                Ok(())
            }
        }
    }
}

impl Drop for SweepScheduler {
    fn drop(&mut self) {
        self.abort();
    }
}
