//! One scheduler per process. It knows the next due time of every account that the process owns, and runs a worker for an account
//! only while the account has work. A commit wakes the accounts of its club; a query finds work that no wake-up announced, such
//! as marks of another process or of a command.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use access::Instant;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};
use uuid::Uuid;

use super::{
    clock_watch::ClockWatch,
    execute::back_off,
    pause,
    worker::{Rest, Worker},
};
use crate::{
    app::App,
    clock::Stopwatch,
    ownership::{Membership, Ownership},
    running::is_stopping,
    store::{ClubScope, StoreError, account_owners, account_owners::AccountWork, row::KisiStatus},
    transaction,
};

/// The shortest and the longest time between two queries for work that no wake-up announced. Between them, the queries take at
/// most `QUERY_SHARE` of the time.
const POLL_INTERVAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
const QUERY_SHARE: u32 = 100;
/// The shortest time between two queries for a club that was woken and has no account that is known here.
const NEW_CLUB: Duration = Duration::from_millis(50);
/// How often a paused account is looked at, in case another process stored new credentials.
const PAUSE_POLL: Duration = Duration::from_secs(5);

/// An account that this process owns.
struct Account {
    scope: ClubScope,
    ownership: Ownership,
    /// When it has to be worked on, in microseconds since 1970.
    next: i64,
    /// Only a wake-up of its club starts it earlier.
    not_before: i64,
    /// Wakes its worker while that waits for a sweep.
    wake: Arc<Notify>,
    state: State,
    /// The task of its last worker.
    task: Option<tokio::task::Id>,
}

enum State {
    /// No worker runs. A worker that has something to remember is kept.
    Resting(Option<Box<Worker>>),
    /// A worker runs; `is_woken` if its club was woken since.
    Running { is_woken: bool },
}

type Ended = (Uuid, Box<Worker>, Rest);

pub(super) struct Scheduler {
    app: Arc<App>,
    stopping: watch::Receiver<bool>,
    members: watch::Receiver<Option<Membership>>,
    accounts: HashMap<Uuid, Account>,
    by_club: HashMap<Uuid, BTreeSet<Uuid>>,
    /// The resting accounts by their next due time.
    timers: BTreeSet<(i64, Uuid)>,
    workers: JoinSet<Ended>,
    clock_watch: ClockWatch,
    failures: u32,
}

impl Scheduler {
    pub fn new(
        app: Arc<App>,
        members: watch::Receiver<Option<Membership>>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            app,
            stopping,
            members,
            accounts: HashMap::new(),
            by_club: HashMap::new(),
            timers: BTreeSet::new(),
            workers: JoinSet::new(),
            clock_watch: ClockWatch::new(),
            failures: 0,
        }
    }

    /// Runs until the program stops, then waits for the workers.
    pub async fn run(mut self) {
        let mut query_at = tokio::time::Instant::now();
        let mut queried_at = query_at;
        while !is_stopping(&self.stopping) {
            let woken = self.app.waker.register();
            let is_new_club = self.wake_clubs();
            let now = tokio::time::Instant::now();
            if is_new_club {
                query_at = query_at.min(queried_at + NEW_CLUB);
            }
            if query_at <= now {
                queried_at = now;
                query_at = now + self.query().await;
            }
            self.start_due();
            let next = self.timers.first().map_or(i64::MAX, |(at, _)| *at);
            let clock = self.app.clock.clone();
            tokio::select! {
                () = woken => {}
                Some(ended) = self.workers.join_next() => self.take_back(ended),
                () = clock.sleep_until(Instant::from_micros(next)) => {}
                () = tokio::time::sleep_until(query_at) => {}
                Ok(()) = self.members.changed() => query_at = now,
                _ = self.stopping.changed() => {}
            }
        }
        while let Some(ended) = self.workers.join_next().await {
            self.take_back(ended);
        }
        for account in self.accounts.keys() {
            self.app.owned.remove(*account);
        }
    }

    /// Makes the accounts of the woken clubs due. True if one of the clubs has no account here that is known, such as a club that
    /// was just connected to Kisi.
    fn wake_clubs(&mut self) -> bool {
        let now = self.app.clock.now().micros();
        let mut is_unknown = false;
        for club in self.app.waker.take() {
            let accounts = self.by_club.get(&club).cloned().unwrap_or_default();
            is_unknown |= accounts.is_empty();
            for id in accounts {
                self.make_due(id, now);
            }
        }
        // Where others own accounts, clubs that are unknown here are the rule.
        is_unknown
            && !self
                .members
                .borrow()
                .as_ref()
                .is_some_and(Membership::has_others)
    }

    fn make_due(&mut self, id: Uuid, now: i64) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        if let State::Running { is_woken } = &mut account.state {
            *is_woken = true;
            account.wake.notify_one();
        } else {
            set_next(&mut self.timers, id, account, now);
        }
    }

    /// Finds the accounts of this process and their next work. Returns when to query again.
    async fn query(&mut self) -> Duration {
        let took = Stopwatch::start();
        if let Err(problem) = self.clock_watch.check(&self.app).await {
            tracing::error!(error = ?problem, "the check whether the clock was set back failed; trying again");
        }
        match self.find_work().await {
            Ok(()) => {
                self.failures = 0;
                let wait = took.elapsed().saturating_mul(QUERY_SHARE);
                wait.clamp(POLL_INTERVAL.0, POLL_INTERVAL.1)
            }
            Err(problem) => {
                let (first, most) = pause::DATABASE_BACKOFF;
                let wait = back_off(self.failures, first, most);
                self.failures = self.failures.saturating_add(1);
                tracing::error!(error = ?problem, wait_ms = wait.as_millis(), "the Kisi accounts could not be read; trying again");
                wait
            }
        }
    }

    async fn find_work(&mut self) -> Result<(), StoreError> {
        let members = self.members.borrow_and_update().clone();
        let Some(members) = members.filter(|members| members.own.is_certain()) else {
            return Ok(());
        };
        let holder = members.own.holder.to_string();
        let now = self.app.clock.now().micros();
        let mut rows = account_owners::work(self.app.db.read(), &holder, now).await?;
        let free = rows
            .iter()
            .filter(|row| row.owner.as_ref() != Some(&holder));
        let free = free.filter(|row| members.preferred(row.id) == holder);
        let free: Vec<Uuid> = free.map(|row| row.id).collect();
        if !free.is_empty() {
            let taker = holder.clone();
            let taken: Result<(), StoreError> =
                transaction!(self.app.db, |tx| account_owners::take(tx, &free, &taker)
                    .await)
                .await;
            taken?;
            rows = account_owners::work(self.app.db.read(), &holder, now).await?;
        }
        rows.retain(|row| row.owner.as_ref() == Some(&holder));
        self.forget_absent(&rows, &members);
        let mut leaving = BTreeMap::new();
        for row in rows {
            let preferred = members.preferred(row.id);
            if preferred == holder {
                self.update(&row, &members, now);
            } else {
                leaving.insert(row.id, preferred.to_owned());
            }
        }
        self.give_away(&holder, leaving).await
    }

    /// Forgets resting accounts that are disconnected or belong to another process, and those of an earlier life.
    fn forget_absent(&mut self, rows: &[AccountWork], members: &Membership) {
        let present: BTreeSet<Uuid> = rows.iter().map(|row| row.id).collect();
        let is_over = |(id, account): &(&Uuid, &Account)| {
            !present.contains(*id) || !account.ownership.is_of(&members.own)
        };
        let over = self.accounts.iter().filter(is_over);
        for id in over.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.app.owned.remove(id);
            let is_resting = |account: &Account| matches!(account.state, State::Resting(_));
            if self.accounts.get(&id).is_some_and(is_resting) {
                self.forget(id);
            }
        }
    }

    fn forget(&mut self, id: Uuid) {
        let Some(account) = self.accounts.remove(&id) else {
            return;
        };
        self.app.owned.remove(id);
        self.timers.remove(&(account.next, id));
        if let Some(accounts) = self.by_club.get_mut(&account.scope.club) {
            accounts.remove(&id);
            if accounts.is_empty() {
                self.by_club.remove(&account.scope.club);
            }
        }
    }

    /// Takes in what the database says about an account of this process.
    fn update(&mut self, row: &AccountWork, members: &Membership, now: i64) {
        let next = next_of(row);
        let account = self.accounts.entry(row.id).or_insert_with(|| {
            let ownership = Ownership::new(members.own.clone());
            self.app.owned.insert(row.id, ownership.clone());
            self.by_club.entry(row.club_id).or_default().insert(row.id);
            Account {
                scope: ClubScope::new(row.club_id),
                ownership,
                next: i64::MAX,
                not_before: 0,
                wake: Arc::default(),
                state: State::Resting(None),
                task: None,
            }
        });
        match account.state {
            State::Running { .. } if next <= now => account.wake.notify_one(),
            State::Running { .. } => {}
            State::Resting(ref mut kept) => {
                kept.take_if(|worker| !worker.is_needed_later());
                let next = next.max(account.not_before);
                set_next(&mut self.timers, row.id, account, next);
            }
        }
    }

    /// Gives accounts to the processes that should own them. One with a running worker is given by the first query after its end.
    async fn give_away(
        &mut self,
        holder: &str,
        leaving: BTreeMap<Uuid, String>,
    ) -> Result<(), StoreError> {
        for (id, to) in leaving {
            self.app.owned.remove(id);
            if let Some(account) = self.accounts.get(&id)
                && matches!(account.state, State::Running { .. })
            {
                account.wake.notify_one();
                continue;
            }
            self.forget(id);
            let from = holder.to_owned();
            let given: Result<(), StoreError> =
                transaction!(self.app.db, |tx| account_owners::give(tx, id, &from, &to)
                    .await)
                .await;
            given?;
        }
        Ok(())
    }

    /// Starts a worker for each account that is due.
    fn start_due(&mut self) {
        let now = self.app.clock.now().micros();
        while let Some((at, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, id));
            let Some(account) = self.accounts.get_mut(&id) else {
                continue;
            };
            let running = State::Running { is_woken: false };
            let kept = match std::mem::replace(&mut account.state, running) {
                State::Resting(kept) => kept,
                State::Running { .. } => continue,
            };
            let (app, scope, stopping) = (self.app.clone(), account.scope, self.stopping.clone());
            let mut worker =
                kept.unwrap_or_else(|| Box::new(Worker::new(app, scope, id, stopping)));
            let (ownership, wake) = (account.ownership.clone(), account.wake.clone());
            let task = self.workers.spawn(async move {
                let rest = worker.run(&ownership, &wake).await;
                (id, worker, rest)
            });
            account.task = Some(task.id());
        }
    }

    /// Takes note of the end of a worker.
    fn take_back(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let (id, worker, rest) = match ended {
            Ok(ended) => ended,
            Err(problem) => {
                tracing::error!(error = ?problem, "the work on an account ended abnormally; it starts again");
                let mut accounts = self.accounts.iter();
                let ended = accounts.find(|(_, account)| account.task == Some(problem.id()));
                return ended
                    .map(|(id, _)| *id)
                    .into_iter()
                    .for_each(|id| self.forget(id));
            }
        };
        let now = self.app.clock.now();
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        let was_woken = matches!(account.state, State::Running { is_woken: true });
        account.not_before = 0;
        let next = match rest {
            // If it still belongs to this process, the next query finds it again.
            Rest::Finished | Rest::Lost => return self.forget(id),
            Rest::Until(_) if was_woken => now.micros(),
            Rest::Until(at) => at.micros(),
            Rest::Paused(at) => {
                account.not_before = at.min(now.plus(PAUSE_POLL)).micros();
                account.not_before
            }
        };
        account.state = State::Resting(worker.is_needed_later().then_some(worker));
        set_next(&mut self.timers, id, account, next);
    }
}

fn set_next(timers: &mut BTreeSet<(i64, Uuid)>, id: Uuid, account: &mut Account, next: i64) {
    timers.remove(&(account.next, id));
    account.next = next;
    timers.insert((next, id));
}

/// When an account has to be worked on, by its row.
fn next_of(row: &AccountWork) -> i64 {
    let sweep = match row.status {
        // Calls fail, or the end of the account's grants is awaited: its worker decides when to try again.
        KisiStatus::Unauthorized | KisiStatus::Unreachable | KisiStatus::Disconnecting => 0,
        KisiStatus::Connected | KisiStatus::Disconnected => row.read_due_at,
    };
    let lane = if row.has_lane { 0 } else { i64::MAX };
    row.due_at.unwrap_or(i64::MAX).min(sweep).min(lane)
}
