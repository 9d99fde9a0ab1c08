//! When an account is swept: beside the work on it, one sweep at a time, by whoever holds the lease, and again later where
//! one failed. Called by the worker at each of its turns; never waits for a sweep.

use std::{sync::Arc, time::Duration};

use access::Instant;
use tokio::task::JoinHandle;

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
};

/// How long after the first failure the next sweep begins; longer after each more.
const RETRY: Duration = Duration::from_secs(60);

/// The same where members wait for the first reading of a group.
const FIRST_READING: Duration = Duration::from_secs(1);

/// How long after the database failed for the first time.
const AFTER_DATABASE: Duration = Duration::from_secs(1);

/// See the module.
pub struct SweepScheduler {
    app: Arc<App>,
    recent_writes: Arc<RecentWrites>,
    running: Option<Running>,
    failures: u32,
    /// How often in a row the database failed, and the moment of real time until which the next sweep waits for it.
    database_failures: u32,
    waits_until: Option<tokio::time::Instant>,
}

struct Running {
    task: JoinHandle<Result<Report, AccountError>>,
    began: Instant,
    due_at: i64,
    /// What it calls Kisi with.
    call: CallCredentials,
}

impl SweepScheduler {
    /// Nothing runs yet.
    pub fn new(app: Arc<App>) -> Self {
        Self {
            app,
            recent_writes: Arc::default(),
            running: None,
            failures: 0,
            database_failures: 0,
            waits_until: None,
        }
    }

    /// Where the loop says whom it writes about.
    pub fn recent_writes(&self) -> &RecentWrites {
        &self.recent_writes
    }

    /// Whether a sweep is under way.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether the next sweep waits for the database, though one is due.
    pub fn is_waiting(&self) -> bool {
        (self.waits_until).is_some_and(|until| until > tokio::time::Instant::now())
    }

    /// Ends a sweep that is under way: another holder of the lease begins anew.
    pub fn abort(&mut self) {
        if let Some(running) = self.running.take() {
            running.task.abort();
        }
    }

    /// Takes up the end of a sweep, or begins one that is due. True where one ended. What stops all work on the account is
    /// given back; any other trouble puts the next sweep off. What went wrong with other credentials than the account has by
    /// now concerns nobody: whoever set them asked for a sweep.
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
                Ok(report) => self.is_whole(account, report, running.began),
                Err(AccountError::Store(problem)) => self.has_no_database(account, &problem),
                Err(stop) if running.call.credentials != account.credentials => {
                    tracing::info!(account = %account.id, error = ?stop, "a sweep with credentials that were replaced ended early");
                }
                Err(stop) => {
                    let scope = ClubScope::new(account.club_id);
                    let unread = setup::unread(self.app.db.read(), scope, account.id).await?;
                    let first = if unread.is_empty() {
                        RETRY
                    } else {
                        FIRST_READING
                    };
                    self.failed(&running.call, stop, running.due_at, first)
                        .await?;
                }
            }
            return Ok(true);
        }
        if self.running.is_none() && !self.is_waiting() && account.read_due_at <= now.micros() {
            let sweep = Sweep {
                app: self.app.clone(),
                scope: ClubScope::new(account.club_id),
                account: account.clone(),
                client: client.clone(),
                guard,
                recent_writes: self.recent_writes.clone(),
                began: now,
            };
            self.running = Some(Running {
                task: tokio::spawn(sweep.run()),
                began: now,
                due_at: account.read_due_at,
                call: CallCredentials::of(account),
            });
        }
        Ok(false)
    }

    fn is_whole(&mut self, account: &row::KisiAccount, report: Report, began: Instant) {
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
            "swept"
        );
    }

    /// The database says nothing about Kisi: the sweep is still due, and begins again soon.
    fn has_no_database(&mut self, account: &row::KisiAccount, problem: &StoreError) {
        self.app.metrics.sweep(None);
        let wait = back_off(self.database_failures, AFTER_DATABASE, RETRY);
        self.database_failures = self.database_failures.saturating_add(1);
        self.waits_until = Some(tokio::time::Instant::now() + wait);
        tracing::warn!(account = %account.id, error = ?problem, wait_ms = wait.as_millis(), "the database failed during a sweep; nothing is concluded");
    }

    async fn failed(
        &mut self,
        call: &CallCredentials,
        stop: AccountError,
        due_at: i64,
        first: Duration,
    ) -> Result<(), AccountError> {
        if matches!(
            stop,
            AccountError::LeaseLost | AccountError::Kisi(Error::Withheld)
        ) {
            return Ok(());
        }
        self.app.metrics.sweep(None);
        let most = self.app.config.sweep_interval.max(RETRY);
        let wait = back_off(self.failures, first, most);
        self.failures = self.failures.saturating_add(1);
        let unreachable = match &stop {
            // Once may be an accident.
            AccountError::Kisi(problem) if problem.is_outage() && self.failures > 1 => {
                Some(problem.for_people())
            }
            _ => None,
        };
        let (id, at) = (call.account, self.app.clock.now().plus(wait).micros());
        let made_with = call.clone();
        let stored: Result<(), StoreError> = self
            .app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(problem) = unreachable {
                        let status = KisiStatus::Unreachable;
                        kisi_accounts::set_status(tx, &made_with, status, Some(problem)).await?;
                    }
                    kisi_accounts::schedule_sweep(tx, id, due_at, at).await
                })
            })
            .await;
        stored?;
        match stop {
            AccountError::Kisi(Error::Unauthorized { .. } | Error::RateLimited { .. }) => Err(stop),
            _ => {
                tracing::warn!(account = %id, error = ?stop, wait_ms = wait.as_millis(), "a sweep ended early; nothing is concluded");
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
