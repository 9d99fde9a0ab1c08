//! The worker of one Kisi account: sorts due members into lanes by urgency and serves several at once, until nothing is due. It
//! works only while the account certainly belongs to this process. A failure of Kisi pauses the account; the members stay due.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use access::Instant;
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};
use uuid::Uuid;

use super::{
    account_snapshot::AccountSnapshot,
    adoption,
    brake::{self, PendingRevocations},
    directory::Directory,
    execute::{AccountError, Outcome, Pass},
    flight::{Flight, Settled},
    member_state::MemberState,
    pause::Pause,
    replacing::Replacing,
    sweep::SweepScheduler,
    turns::{self, Turns},
};
use crate::{
    app::App,
    kisi::{Client, Error, Guard},
    ownership::Ownership,
    running::is_stopping,
    secret::SecretKind,
    store::{
        ClubScope, StoreError, due, grants, kisi_accounts, logins, lookup, revocations,
        row::{self, KisiStatus},
    },
    transaction,
};

/// How many due members are planned in one batch.
pub(super) const SORT_BATCH: u64 = 500;
/// Up to so many members are served directly after sorting, if all lanes are empty.
pub(super) const INLINE_LIMIT: usize = 4;
/// How many members of one lane are taken at once.
const LANE_BATCH: u64 = 16;
/// A decision of the brake marks its members due. Without a decision they are planned again after this time.
pub(super) const RECHECK_AFTER: Duration = Duration::from_mins(10);
/// The first delay before a retry after Kisi refused something for a member.
const REFUSAL_BACKOFF: Duration = Duration::from_secs(15);
/// How often a worker that waits for a sweep looks whether the account still belongs to this process.
const SWEEP_POLL: Duration = Duration::from_secs(5);

pub struct Worker {
    pub(super) app: Arc<App>,
    pub(super) account: Uuid,
    pub(super) scope: ClubScope,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) failures: u32,
    /// Consecutive failures of the database.
    pub(super) database_failures: u32,
    pub(super) stopped_until: Option<Instant>,
    /// The sealed credentials of the last call. Other credentials end a pause.
    pub(super) last_credentials: Vec<u8>,
    /// Whether a call to Kisi succeeded since the last pause.
    pub(super) made_progress: AtomicBool,
    /// Consecutive members whose calls to Kisi failed.
    pub(super) failures_in_a_row: AtomicU32,
    sweeps: SweepScheduler,
    pub(super) turns: Turns,
    pub(super) replacing: Replacing,
    pub(super) directory: Directory,
}

/// Why a worker ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing is due before this instant, unless somebody marks members due.
    Until(Instant),
    /// The work failed and pauses, whatever becomes due. Other credentials end the pause.
    Paused(Instant),
    /// The account is disconnected.
    Finished,
    /// The account does not belong to this process any more, or the program stops.
    Lost,
}

/// The result of one turn.
enum Turn {
    /// Some work was done; take the next turn at once.
    Worked,
    /// Nothing is due before this instant.
    IdleUntil(Instant),
    /// The account is disconnected; the worker ends.
    Finished,
}

impl Worker {
    pub fn new(
        app: Arc<App>,
        scope: ClubScope,
        account: Uuid,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            sweeps: SweepScheduler::new(app.clone()),
            turns: Turns::default(),
            replacing: Replacing::default(),
            directory: Directory::default(),
            app,
            account,
            scope,
            stopping,
            failures: 0,
            database_failures: 0,
            stopped_until: None,
            last_credentials: Vec::new(),
            made_progress: AtomicBool::new(false),
            failures_in_a_row: AtomicU32::new(0),
        }
    }

    /// Works until there is nothing to do. While a sweep runs, it waits for it and for wake-ups.
    pub async fn run(&mut self, ownership: &Ownership, woken: &Notify) -> Rest {
        while ownership.is_held() && !is_stopping(&self.stopping) {
            let turn = self.turn(ownership).await;
            if turn.is_ok() {
                self.database_failures = 0;
            }
            let until = match turn {
                Ok(Turn::Worked) => continue,
                Ok(Turn::Finished) => {
                    self.sweeps.abort();
                    return Rest::Finished;
                }
                Ok(Turn::IdleUntil(at)) => at,
                Err(stop) => match self.handle_error(stop).await {
                    Pause::Until(at) => at,
                    Pause::For(length) => {
                        self.pause(length).await;
                        continue;
                    }
                },
            };
            let is_paused = self.stopped_until.is_some();
            if !self.sweeps.is_running() {
                return if is_paused {
                    Rest::Paused(until)
                } else {
                    Rest::Until(until)
                };
            }
            let clock = self.app.clock.clone();
            tokio::select! {
                () = woken.notified(), if !is_paused => {}
                () = self.sweeps.finished() => {}
                () = clock.sleep_until(until) => {}
                () = tokio::time::sleep(SWEEP_POLL) => {}
                _ = self.stopping.changed() => {}
            }
        }
        self.sweeps.abort();
        Rest::Lost
    }

    /// Whether it remembers something that the next worker of the account has to know.
    pub fn is_needed_later(&self) -> bool {
        self.failures > 0
            || self.database_failures > 0
            || self.failures_in_a_row.load(Ordering::Relaxed) > 0
            || self.stopped_until.is_some()
            || self.replacing.is_any()
            || self.sweeps.has_failed()
            || self.directory.is_cached()
    }

    async fn pause(&mut self, length: Duration) {
        tokio::select! {
            () = tokio::time::sleep(length) => {}
            _ = self.stopping.changed() => {}
        }
    }

    /// Waits until this account may be planned. The permit is returned before Kisi is called, so that no account waits for the
    /// Kisi of another.
    async fn planning(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let permits = self.app.planning.clone();
        let permit = permits.acquire_owned().await;
        permit.map_err(|_| StoreError::TaskEnded)
    }

    async fn turn(&mut self, ownership: &Ownership) -> Result<Turn, AccountError> {
        let planning = self.planning().await?;
        let now = self.app.clock.now();
        let account =
            lookup::by_id::<row::KisiAccount>(self.app.db.read(), self.scope, self.account).await?;
        let Some(account) = account.filter(|account| account.status != KisiStatus::Disconnected)
        else {
            return Ok(Turn::Finished);
        };
        if account.credentials != self.last_credentials {
            self.reset_for_new_credentials(&account);
        }
        if let Some(until) = self.stopped_until.filter(|until| *until > now) {
            return Ok(Turn::IdleUntil(until));
        }
        if let Some(until) = account.stopped_until.filter(|until| *until > now.micros()) {
            return Ok(Turn::IdleUntil(Instant::from_micros(until)));
        }
        self.stopped_until = None;
        let guard: Guard = ownership.guard();
        let client = self.client(&account)?.guarded(guard.clone());
        if matches!(
            account.status,
            KisiStatus::Unauthorized | KisiStatus::Unreachable
        ) {
            drop(planning);
            client.me().await?;
            self.set_status(KisiStatus::Connected, None).await?;
            return Ok(Turn::Worked);
        }
        if account.status != KisiStatus::Disconnecting
            && self.sweeps.poll(&account, &client, guard).await?
        {
            return Ok(Turn::Worked);
        }
        let turn = self.work(account, &client, ownership, planning).await?;
        self.failures = 0;
        Ok(turn)
    }

    /// Forgets pauses and failures, which concerned the previous credentials.
    fn reset_for_new_credentials(&mut self, account: &row::KisiAccount) {
        self.last_credentials.clone_from(&account.credentials);
        self.stopped_until = None;
        self.failures = 0;
        self.failures_in_a_row.store(0, Ordering::Relaxed);
        self.directory = Directory::default();
    }

    async fn work(
        &self,
        account: row::KisiAccount,
        client: &Client,
        ownership: &Ownership,
        planning: OwnedSemaphorePermit,
    ) -> Result<Turn, AccountError> {
        let (db, now) = (&self.app.db, self.app.clock.now());
        let id = account.id;
        let is_leaving = account.status == KisiStatus::Disconnecting;
        let is_sweep_busy = self.sweeps.is_running() || self.sweeps.is_waiting_for_database();
        let read_due_at = match self.sweeps.retry_in() {
            Some(wait) if !is_leaving => now.plus(wait).micros(),
            _ if is_leaving || is_sweep_busy => i64::MAX,
            _ => account.read_due_at,
        };
        let unfinished = self.unfinished_replacements(now).await?;
        if !unfinished.is_empty() {
            let snapshot = AccountSnapshot::load(db, account).await?;
            drop(planning);
            self.finish_replacements(&snapshot, unfinished, client, ownership)
                .await?;
            return Ok(Turn::Worked);
        }
        let unsorted = due::without_lane(db.read(), id, now.micros(), SORT_BATCH).await?;
        let are_unsorted_left = count(unsorted.len()) == SORT_BATCH;
        let has_sorted = !unsorted.is_empty();
        if has_sorted {
            let snapshot = AccountSnapshot::load(db, account.clone()).await?;
            let mut at_once = self.sort(&snapshot, unsorted).await?;
            if !at_once.is_empty() {
                drop(planning);
                let flight = Flight::new(&snapshot, client, ownership);
                self.serve_all(flight, &mut at_once).await?;
                // Nobody is in a lane. Who is not settled is due still, and so is who was marked meanwhile.
                if is_leaving {
                    return Ok(Turn::Worked);
                }
                return self.idle(read_due_at).await;
            }
            if are_unsorted_left && self.turns.may_sort_on() {
                return Ok(Turn::Worked);
            }
        }
        let sorted = (!are_unsorted_left).then_some(id);
        brake::judge(&self.app, self.scope, sorted).await?;
        let next = self.next_of_lanes(now).await?;
        if !next.is_empty() {
            let snapshot = AccountSnapshot::load(db, account).await?;
            let flight = Flight::new(&snapshot, client, ownership);
            self.serve_next(flight, next, planning).await?;
            return Ok(Turn::Worked);
        }
        if has_sorted {
            return Ok(Turn::Worked);
        }
        if is_leaving && grants::count(db.read(), self.scope, id).await? == 0 {
            let scope = self.scope;
            let over = transaction!(db, |tx| {
                logins::forget_account(tx, scope, id).await?;
                revocations::forget_account(tx, scope, id).await?;
                kisi_accounts::set_disconnected(tx, id).await
            });
            over.await?;
            return Ok(Turn::Finished);
        }
        self.idle(read_due_at).await
    }

    /// Ends the turn until the next member or read is due.
    async fn idle(&self, read_due_at: i64) -> Result<Turn, AccountError> {
        let next = due::next_at(self.app.db.read(), self.account).await?;
        let next = next.unwrap_or(i64::MAX).min(read_due_at);
        Ok(Turn::IdleUntil(Instant::from_micros(next)))
    }

    /// The members to serve next: of the most urgent lane, or of one that has waited too long.
    async fn next_of_lanes(&self, now: Instant) -> Result<Vec<row::Due>, StoreError> {
        let (db, id) = (self.app.db.read(), self.account);
        let patience = now.minus(turns::LANE_PATIENCE).micros();
        let lane = match self.turns.start_serving() {
            true => due::longest_waiting_lane(db, id, patience).await?,
            false => None,
        };
        if let Some(lane) = lane {
            self.turns.serve_without_yielding();
            return due::next_in(db, id, lane, now.micros(), LANE_BATCH).await;
        }
        let mut next = due::next(db, id, now.micros(), LANE_BATCH).await?;
        if let Some(lane) = next.first().map(|row| row.lane) {
            next.retain(|row| row.lane == lane);
        }
        Ok(next)
    }

    /// Plans these members of one lane again and serves them.
    async fn serve_next(
        &self,
        flight: Flight<'_>,
        next: Vec<row::Due>,
        planning: OwnedSemaphorePermit,
    ) -> Result<(), AccountError> {
        let snapshot = flight.snapshot;
        let (now, horizon) = (self.app.clock.now(), self.app.config.horizon);
        let mut member_states = adoption::load_and_adopt(&self.app, snapshot, next, now).await?;
        let mut pending = PendingRevocations::default();
        for member_state in &mut member_states {
            pending.collect(member_state, snapshot, now);
        }
        if !pending.is_empty() {
            // The new plans revoke access that the brake has not judged yet. It judges all losses of one cause together.
            pending.write(&self.app, self.scope).await?;
            brake::judge(&self.app, self.scope, Some(self.account)).await?;
            return Ok(());
        }
        let is_idle = |state: &MemberState| state.settled_until(snapshot, now, horizon).is_some();
        if member_states.iter().all(is_idle) {
            return self.settle_idle(snapshot, now).await;
        }
        drop(planning);
        self.serve_all(flight, &mut member_states).await
    }

    /// Serves one member, unless something more urgent is due since it was taken. Returns a member who is done, for the caller to
    /// settle.
    pub(super) async fn serve(
        &self,
        flight: &Flight<'_>,
        member_state: &mut MemberState,
    ) -> Result<Option<Settled>, AccountError> {
        let mut pass = Pass {
            app: &self.app,
            client: flight.client,
            ownership: flight.ownership,
            snapshot: flight.snapshot,
            flight,
            worker: self,
            recent_writes: self.sweeps.recent_writes(),
            made_progress: false,
            replacing: self.replacing.of(member_state.due.member_id),
            turn: None,
        };
        if pass.replacing.is_none() && self.must_yield(flight, member_state).await? {
            return Ok(None);
        }
        let mut result = pass.serve(member_state).await;
        // Without the account, its new owner looks them up.
        if !matches!(result, Ok(Outcome::Settled(_))) && flight.ownership.is_held() {
            let stored = pass.store_queued(member_state).await;
            result = result.and_then(|outcome| stored.map(|()| outcome).map_err(Into::into));
        }
        let made_progress = pass.made_progress;
        let lacking = (pass.replacing).filter(|_| !matches!(result, Ok(Outcome::Settled(_))));
        self.replacing.set(member_state.due.member_id, lacking);
        if made_progress {
            self.made_progress.store(true, Ordering::Relaxed);
            self.failures_in_a_row.store(0, Ordering::Relaxed);
        }
        let attempts = match u32::try_from(member_state.due.attempts) {
            Ok(attempts) if !made_progress => attempts,
            _ => 0,
        };
        let outcome = match result {
            Ok(outcome) => {
                self.failures_in_a_row.store(0, Ordering::Relaxed);
                outcome
            }
            Err(AccountError::Kisi(problem)) if may_concern_one_member(&problem) => {
                self.retry_failed(member_state, attempts, problem).await?;
                return Ok(None);
            }
            Err(stop) => return Err(stop),
        };
        match outcome {
            Outcome::AwaitingRead => {
                let at = self.app.clock.now().plus(RECHECK_AFTER);
                self.wait(vec![member_state.due.clone()], at).await?;
            }
            Outcome::Blocked(again_at) => {
                let at = again_at.unwrap_or(Instant::END);
                self.wait(vec![member_state.due.clone()], at).await?;
            }
            Outcome::Settled(again_at) => {
                return Ok(Some(Settled {
                    due: member_state.due.clone(),
                    again_at: again_at.map(Instant::micros),
                    queued: std::mem::take(&mut member_state.queued),
                }));
            }
            Outcome::Stale => {}
            Outcome::Unknown(at) => {
                let (row, at) = (member_state.due.clone(), at.micros());
                let db = &self.app.db;
                let postponed = transaction!(db, |tx| due::postpone(tx, &row, at).await);
                postponed.await?;
            }
            Outcome::Retry => self.retry(member_state, attempts, REFUSAL_BACKOFF).await?,
        }
        Ok(None)
    }

    fn client(&self, account: &row::KisiAccount) -> Result<Client, AccountError> {
        let key = self
            .app
            .sealer
            .open(
                SecretKind::KisiCredentials,
                account.id,
                &account.credentials,
            )
            .map_err(|problem| {
                tracing::error!(error = ?problem, "the credentials of an account cannot be decrypted; its work pauses");
                AccountError::Credentials
            })?;
        Ok(self.app.kisi.for_user(account.kisi_user_id, key))
    }
}

pub(super) fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// Whether a failure may concern the served member only, instead of Kisi as a whole or the credentials.
fn may_concern_one_member(problem: &Error) -> bool {
    !matches!(
        problem,
        Error::Unauthorized { .. }
            | Error::RateLimited { .. }
            | Error::NotSent(_)
            | Error::Withheld
    )
}
