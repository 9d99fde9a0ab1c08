//! The worker of one account: takes the lease, sorts whoever is due by urgency, serves several at once, and waits for
//! the next instant or a wake-up. Kisi's troubles stop the account and lose nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use access::Instant;
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    adoption,
    brake::{self, PendingRevocations},
    directory::Directory,
    execute::{AccountError, Outcome, Pass, back_off},
    flight::Flight,
    member_state::{self, AccountSnapshot, MemberState},
    pause::Pause,
    replacing::Replacing,
    sweep::SweepScheduler,
};
use crate::{
    app::App,
    kisi::{Client, Error, Guard},
    lease::Lease,
    running::is_stopping,
    secret::SecretKind,
    store::{
        ClubScope, StoreError, deliveries, due, grants, kisi_accounts, logins, revocations,
        row::{self, KisiStatus},
    },
    unlock::dispatcher,
};

/// How many members are sorted at once.
pub(super) const SORTED_AT_ONCE: u64 = 500;
/// So few are served as soon as they were sorted, where nobody waits in a lane.
pub(super) const FEW: usize = 4;
/// So many of one lane are taken at once.
const TAKEN_AT_ONCE: u64 = 16;
/// An answer of the brake marks its members. This long after a question without one, they are looked at all the same.
pub(super) const UNANSWERED: Duration = Duration::from_mins(10);
/// How long after Kisi refused something for one member it is tried again, at first.
const REFUSED: Duration = Duration::from_secs(15);
/// How long to wait where nothing is planned, in case that a wake-up went to another replica.
const POLL: Duration = Duration::from_millis(500);

/// See the module.
pub struct Worker {
    pub(super) app: Arc<App>,
    pub(super) account: Uuid,
    pub(super) scope: ClubScope,
    holder: String,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) failures: u32,
    /// How often in a row the database failed.
    pub(super) database_failures: u32,
    pub(super) stopped_until: Option<Instant>,
    /// The sealed credentials that were used last: with others a stop is over.
    pub(super) tried: Vec<u8>,
    /// Whether Kisi did something of what was asked since the work last paused.
    pub(super) made_progress: AtomicBool,
    /// How many members in a row Kisi could not serve.
    pub(super) failures_in_a_row: AtomicU32,
    watch: SweepScheduler,
    pub(super) replacing: Replacing,
    pub(super) directory: Directory,
}

/// What a turn led to.
enum Turn {
    /// Something was done: look again at once.
    Worked,
    /// Nothing is due until then.
    IdleUntil(Instant),
    /// There is nothing more to do for this account, ever.
    Over,
}

impl Worker {
    /// A worker that has not begun.
    pub fn new(
        app: Arc<App>,
        account: &row::KisiAccount,
        holder: String,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let scope = ClubScope::new(account.club_id);
        Self {
            watch: SweepScheduler::new(app.clone()),
            replacing: Replacing::default(),
            directory: Directory::default(),
            app,
            account: account.id,
            scope,
            holder,
            stopping,
            failures: 0,
            database_failures: 0,
            stopped_until: None,
            tried: Vec::new(),
            made_progress: AtomicBool::new(false),
            failures_in_a_row: AtomicU32::new(0),
        }
    }

    /// Works until the account is disconnected or the program stops.
    pub async fn run(mut self) {
        while !is_stopping(&self.stopping) {
            match Lease::take(&self.app.db, self.account, &self.holder).await {
                Ok(Some(lease)) => {
                    let over = self.with_lease(&lease).await;
                    self.watch.abort();
                    lease
                        .release(&self.app.db, self.account, &self.holder)
                        .await;
                    if over {
                        return;
                    }
                }
                Ok(None) => {}
                Err(problem) => tracing::error!(error = ?problem, "a lease cannot be asked for"),
            }
            if !is_stopping(&self.stopping) {
                self.pause(POLL).await;
            }
        }
    }

    /// Works for as long as the lease is held; true where the account is over.
    async fn with_lease(&mut self, lease: &Lease) -> bool {
        let (over, is_over) = watch::channel(false);
        let whose = (self.scope, self.account);
        let guard = Arc::new(lease.guard());
        let desk = tokio::spawn(dispatcher::serve(self.app.clone(), whose, guard, is_over));
        let is_done = self.turns(lease).await;
        over.send_replace(true);
        let _ = desk.await;
        is_done
    }

    /// Takes turns until the lease is lost or nothing is left to do; true where the account is over.
    async fn turns(&mut self, lease: &Lease) -> bool {
        while lease.is_held() && !is_stopping(&self.stopping) {
            let woken = self.app.waker.register();
            let turn = self.turn(lease).await;
            if turn.is_ok() {
                self.database_failures = 0;
            }
            let until = match turn {
                Ok(Turn::Worked) => continue,
                Ok(Turn::Over) => return true,
                Ok(Turn::IdleUntil(at)) => at,
                Err(stop) => match self.stopped(stop).await {
                    Pause::Until(at) => at,
                    Pause::For(length) => {
                        self.pause(length).await;
                        continue;
                    }
                },
            };
            let clock = self.app.clock.clone();
            tokio::select! {
                () = woken, if self.stopped_until.is_none() => {}
                () = clock.sleep_until(until) => {}
                () = tokio::time::sleep(POLL) => {}
                _ = self.stopping.changed() => {}
            }
        }
        false
    }

    async fn pause(&mut self, length: Duration) {
        tokio::select! {
            () = tokio::time::sleep(length) => {}
            _ = self.stopping.changed() => {}
        }
    }

    async fn turn(&mut self, lease: &Lease) -> Result<Turn, AccountError> {
        let now = self.app.clock.now();
        let account = kisi_accounts::get(self.app.db.read(), self.scope, self.account).await?;
        let Some(account) = account.filter(|account| account.status != KisiStatus::Disconnected)
        else {
            return Ok(Turn::Over);
        };
        if account.credentials != self.tried {
            self.has_other_credentials(&account);
        }
        if let Some(until) = self.stopped_until.filter(|until| *until > now) {
            return Ok(Turn::IdleUntil(until));
        }
        if let Some(until) = account.stopped_until.filter(|until| *until > now.micros()) {
            return Ok(Turn::IdleUntil(Instant::from_micros(until)));
        }
        self.stopped_until = None;
        let guard: Guard = Arc::new(lease.guard());
        let client = self.client(&account)?.guarded(guard.clone());
        if matches!(
            account.status,
            KisiStatus::Unauthorized | KisiStatus::Unreachable
        ) {
            client.me().await?;
            self.set_status(KisiStatus::Connected, None).await?;
            return Ok(Turn::Worked);
        }
        if account.status != KisiStatus::Disconnecting
            && self.watch.poll(&account, &client, guard).await?
        {
            return Ok(Turn::Worked);
        }
        let turn = self.work(account, &client, lease, now).await?;
        self.failures = 0;
        Ok(turn)
    }

    /// What went wrong with the credentials before says nothing about these.
    fn has_other_credentials(&mut self, account: &row::KisiAccount) {
        self.tried.clone_from(&account.credentials);
        self.stopped_until = None;
        self.failures = 0;
        self.failures_in_a_row.store(0, Ordering::Relaxed);
        self.directory = Directory::default();
    }

    async fn work(
        &self,
        account: row::KisiAccount,
        client: &Client,
        lease: &Lease,
        now: Instant,
    ) -> Result<Turn, AccountError> {
        let db = &self.app.db;
        let id = account.id;
        let is_leaving = account.status == KisiStatus::Disconnecting;
        let has_no_turn = self.watch.is_running() || self.watch.is_waiting();
        let read_due_at = if is_leaving || has_no_turn {
            i64::MAX
        } else {
            account.read_due_at
        };
        let half_replaced = self.half_replaced(now).await?;
        if !half_replaced.is_empty() {
            let snapshot = AccountSnapshot::load(db, account).await?;
            self.finish_replacing(&snapshot, half_replaced, client, lease)
                .await?;
            return Ok(Turn::Worked);
        }
        let unsorted = due::without_lane(db.read(), id, now.micros(), SORTED_AT_ONCE).await?;
        if !unsorted.is_empty() {
            let snapshot = AccountSnapshot::load(db, account).await?;
            self.sort(&snapshot, unsorted, client, lease).await?;
            return Ok(Turn::Worked);
        }
        brake::judge(&self.app, self.scope, self.account).await?;
        let mut next = due::next(db.read(), id, now.micros(), TAKEN_AT_ONCE).await?;
        if let Some(lane) = next.first().map(|row| row.lane) {
            next.retain(|row| row.lane == lane);
            let snapshot = AccountSnapshot::load(db, account).await?;
            self.serve_next(&snapshot, next, client, lease).await?;
            return Ok(Turn::Worked);
        }
        if is_leaving && grants::count(db.read(), self.scope, id).await? == 0 {
            let scope = self.scope;
            let over = db.write(move |tx| {
                Box::pin(async move {
                    logins::forget_account(tx, scope, id).await?;
                    revocations::forget_account(tx, scope, id).await?;
                    kisi_accounts::set_disconnected(tx, id).await
                })
            });
            over.await?;
            return Ok(Turn::Over);
        }
        let next = due::next_at(db.read(), id)
            .await?
            .unwrap_or(i64::MAX)
            .min(read_due_at);
        Ok(Turn::IdleUntil(Instant::from_micros(next)))
    }

    /// Serves the first in the lanes, planned anew.
    async fn serve_next(
        &self,
        snapshot: &AccountSnapshot,
        next: Vec<row::Due>,
        client: &Client,
        lease: &Lease,
    ) -> Result<(), AccountError> {
        let (now, horizon) = (self.app.clock.now(), self.app.config.horizon);
        let mut member_states = member_state::load(&self.app.db, snapshot, next).await?;
        adoption::adopt(&self.app, snapshot, &mut member_states, now).await?;
        let mut pending = PendingRevocations::default();
        for member_state in &mut member_states {
            pending.of(member_state, snapshot, now, &self.app);
        }
        if !pending.is_empty() {
            // It would take away what nobody has been asked about: back to be judged with the rest of its cause.
            pending.write(&self.app, self.scope).await?;
            brake::judge(&self.app, self.scope, self.account).await?;
            return Ok(());
        }
        let rests =
            |member_state: &MemberState| member_state.at_rest(snapshot, now, horizon).is_some();
        if member_states.iter().all(rests) {
            return self.settle_resting(snapshot, now).await;
        }
        self.serve_all(Flight::new(snapshot, client, lease), &mut member_states)
            .await
    }

    /// Serves one member, unless something more urgent came since it was taken.
    pub(super) async fn serve(
        &self,
        flight: &Flight<'_>,
        member_state: &mut MemberState,
    ) -> Result<(), AccountError> {
        let mut pass = Pass {
            app: &self.app,
            client: flight.client,
            lease: flight.lease,
            snapshot: flight.snapshot,
            flight,
            worker: self,
            recent_writes: self.watch.recent_writes(),
            made_progress: false,
            replacing: self.replacing.of(member_state.due.member_id),
            turn: None,
        };
        if pass.replacing.is_none() && self.gives_way(flight, member_state).await? {
            return Ok(());
        }
        let served = pass.serve(member_state).await;
        let made_progress = pass.made_progress;
        let lacking = (pass.replacing).filter(|_| !matches!(served, Ok(Outcome::Settled(_))));
        self.replacing.set(member_state.due.member_id, lacking);
        if made_progress {
            self.made_progress.store(true, Ordering::Relaxed);
            self.failures_in_a_row.store(0, Ordering::Relaxed);
        }
        let attempts = match u32::try_from(member_state.due.attempts) {
            Ok(attempts) if !made_progress => attempts,
            _ => 0,
        };
        let end = match served {
            Ok(end) => {
                self.failures_in_a_row.store(0, Ordering::Relaxed);
                end
            }
            Err(AccountError::Kisi(problem)) if is_about_one(&problem) => {
                return self.put_off(member_state, attempts, problem).await;
            }
            Err(stop) => return Err(stop),
        };
        match end {
            Outcome::Waiting => {
                let at = self.app.clock.now().plus(UNANSWERED);
                self.wait(vec![member_state.due.clone()], at).await?;
            }
            Outcome::Blocked(again_at) => {
                let at = again_at.unwrap_or(Instant::END);
                self.wait(vec![member_state.due.clone()], at).await?;
            }
            Outcome::Settled(again_at) => {
                let again_at = again_at.map(Instant::micros);
                self.settle(vec![(member_state.due.clone(), again_at)])
                    .await?;
            }
            Outcome::Stale => {}
            Outcome::Wait(at) => {
                let (row, at) = (member_state.due.clone(), at.micros());
                let db = &self.app.db;
                let waits =
                    db.write(move |tx| Box::pin(async move { due::postpone(tx, &row, at).await }));
                waits.await?;
            }
            Outcome::PutOff => self.retry(member_state, attempts, REFUSED).await?,
        }
        Ok(())
    }

    /// These members wait for something that marks them. At `at` they are looked at all the same.
    pub(super) async fn wait(&self, rows: Vec<row::Due>, at: Instant) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let waits = self.app.db.write(move |tx| {
            Box::pin(async move {
                let rows: Vec<&row::Due> = rows.iter().collect();
                due::postpone_all(tx, &rows, at.micros()).await
            })
        });
        waits.await
    }

    /// Another try for one member, later the more often in a row it did not work.
    async fn retry(
        &self,
        member_state: &MemberState,
        attempts: u32,
        first: Duration,
    ) -> Result<(), StoreError> {
        let most = self.longest_wait(member_state, attempts);
        let wait = back_off(attempts, first.min(most), most);
        let (row, at) = (
            member_state.due.clone(),
            self.app.clock.now().plus(wait).micros(),
        );
        let attempts = attempts.saturating_add(1);
        let later = (self.app.db)
            .write(move |tx| Box::pin(async move { due::retry(tx, &row, attempts, at).await }));
        later.await
    }

    /// Kisi could not serve one member: that one waits, and nobody behind. Several in a row are Kisi's trouble.
    async fn put_off(
        &self,
        member_state: &MemberState,
        attempts: u32,
        problem: Error,
    ) -> Result<(), AccountError> {
        self.retry(member_state, attempts, Duration::from_secs(1))
            .await?;
        let in_a_row = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
        if in_a_row > 0 {
            return Err(problem.into());
        }
        tracing::warn!(account = %self.account, error = ?problem, "a member is put off");
        Ok(())
    }

    /// Kisi holds what it should for these members: their deliveries are settled in the same transaction. Members who were
    /// marked again meanwhile are not settled, nor are those with an open question of the brake: they wait for its answer,
    /// which marks them.
    pub(super) async fn settle(
        &self,
        rows: Vec<(row::Due, Option<i64>)>,
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let (scope, account, now) = (self.scope, self.account, self.app.clock.now().micros());
        self.app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let members: Vec<Uuid> = rows.iter().map(|(row, _)| row.member_id).collect();
                    let asked = revocations::with_pending(tx, scope, account, &members).await?;
                    let is_asked = |row: &row::Due| asked.contains(&row.member_id);
                    let waiting = rows.iter().map(|(row, _)| row);
                    let waiting: Vec<&row::Due> = waiting.filter(|row| is_asked(row)).collect();
                    let patience = i64::try_from(UNANSWERED.as_micros()).unwrap_or(i64::MAX);
                    due::postpone_all(tx, &waiting, now.saturating_add(patience)).await?;
                    let settled = rows.iter().filter(|(row, _)| !is_asked(row));
                    let settled: Vec<(&row::Due, Option<i64>)> =
                        settled.map(|(row, at)| (row, *at)).collect();
                    let members = due::settle_all(tx, &settled).await?;
                    revocations::settle(tx, scope, account, &members).await?;
                    deliveries::settle(tx, scope, &members, now).await
                })
            })
            .await
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
                tracing::error!(error = ?problem, "the credentials of an account cannot be opened");
                AccountError::Credentials
            })?;
        Ok(self.app.kisi.for_user(account.kisi_user_id, key))
    }
}

pub(super) fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// Whether a failure may be due to the member that was being served, rather than to Kisi or the credentials.
fn is_about_one(problem: &Error) -> bool {
    !matches!(
        problem,
        Error::Unauthorized { .. }
            | Error::RateLimited { .. }
            | Error::NotSent(_)
            | Error::Withheld
    )
}
