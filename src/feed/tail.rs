//! One club's part of the feed: reads what is new and hands it to the club's subscribers.
//!
//! Promises that no change is handed out twice and none is missed that commits within `OVERLAP` of its stamp: stamps are made
//! before the commit and by clocks of several machines, so each look goes back behind the last one and leaves out what was
//! seen. Never holds the list of clubs while the database is awaited. A task for each club runs while somebody listens.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
};
use uuid::Uuid;

use super::Events;
use crate::{
    clock::ids_within,
    store::{
        Db, Scope, StoreError,
        tail::{Stamp, Tailed},
    },
};

/// How long the feed waits before it looks for commits of other processes.
const LOOK: Duration = Duration::from_millis(500);
/// Commits within this time share a look.
const GATHER: Duration = Duration::from_millis(25);
/// How far a stamp may lie behind the moment at which its commit is seen.
const OVERLAP: Duration = Duration::from_secs(60);
/// The same for most: every look goes back as far as this, and now and then one as far as `OVERLAP`.
const NEAR: Duration = Duration::from_secs(2);
/// How often a look goes all the way back.
const FAR_LOOK: Duration = Duration::from_secs(5);
/// How many rows are read at a time.
const CHUNK: usize = 500;

/// The clubs that somebody listens to, by one table.
pub(super) struct Tails<R> {
    db: Db,
    ending: Arc<watch::Sender<bool>>,
    clubs: Clubs<R>,
    /// Where the tasks run: not where the first subscriber of a club happens to be served.
    runtime: Handle,
}

type Clubs<R> = Arc<Mutex<HashMap<Uuid, Arc<Tail<R>>>>>;

fn locked<R>(clubs: &Clubs<R>) -> MutexGuard<'_, HashMap<Uuid, Arc<Tail<R>>>> {
    // Nothing that holds the lock can panic half-way through a change.
    clubs.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Tailed> Tails<R> {
    pub(super) fn new(db: Db, ending: Arc<watch::Sender<bool>>) -> Self {
        Self {
            db,
            ending,
            clubs: Clubs::default(),
            runtime: Handle::current(),
        }
    }

    /// From now on, the rows that are wanted, `buffer` of them waiting at most.
    pub(super) async fn subscribe(
        &self,
        scope: Scope,
        buffer: usize,
        wants: impl Fn(&R) -> bool + Send + Sync + 'static,
    ) -> Result<Events<R>, StoreError> {
        let (sender, rows) = mpsc::channel(buffer);
        let too_slow = Arc::new(AtomicBool::new(false));
        let subscriber = Subscriber {
            wants: Box::new(wants),
            rows: sender,
            too_slow: too_slow.clone(),
        };
        loop {
            let tail = self.of(scope);
            let mut state = tail.state.lock().await;
            if state.over {
                continue;
            }
            // What is there already is seen, and handed to those who listened before.
            state.look(&self.db, scope, true).await?;
            state.subscribers.push(subscriber);
            if !state.is_followed {
                state.is_followed = true;
                let (db, clubs) = (self.db.clone(), self.clubs.clone());
                let ended = super::ended(self.ending.subscribe());
                let following = run(db, scope, tail.clone(), clubs, ended);
                self.runtime.spawn(following);
            }
            return Ok(Events { rows, too_slow });
        }
    }

    /// Whether anybody listens, or did lately.
    #[cfg(test)]
    pub(super) fn listened_to(&self, scope: Scope) -> bool {
        locked(&self.clubs).contains_key(&scope.club)
    }

    fn of(&self, scope: Scope) -> Arc<Tail<R>> {
        let mut clubs = locked(&self.clubs);
        clubs.entry(scope.club).or_default().clone()
    }
}

struct Tail<R> {
    state: tokio::sync::Mutex<State<R>>,
}

impl<R> Default for Tail<R> {
    fn default() -> Self {
        Self {
            state: tokio::sync::Mutex::default(),
        }
    }
}

struct State<R> {
    subscribers: Vec<Subscriber<R>>,
    /// What was handed out, or was there before anybody listened, as far as looks go back.
    seen: BTreeSet<Stamp>,
    /// When the last look began and the last one that went all the way back; both as ids made then.
    looked: Uuid,
    looked_far: Uuid,
    /// A task looks.
    is_followed: bool,
    /// Nobody listens any more, and no task will look again.
    over: bool,
}

impl<R> Default for State<R> {
    fn default() -> Self {
        Self {
            subscribers: Vec::new(),
            seen: BTreeSet::new(),
            looked: Uuid::nil(),
            looked_far: Uuid::nil(),
            is_followed: false,
            over: false,
        }
    }
}

struct Subscriber<R> {
    wants: Box<dyn Fn(&R) -> bool + Send + Sync>,
    rows: mpsc::Sender<Arc<R>>,
    too_slow: Arc<AtomicBool>,
}

impl<R> Subscriber<R> {
    /// Hands a row over; false where the subscriber is gone, or too far behind.
    fn tell(&self, row: &Arc<R>) -> bool {
        if !(self.wants)(row) {
            return true;
        }
        match self.rows.try_send(row.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.too_slow.store(true, Ordering::Release);
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}

/// Looks for as long as somebody listens.
async fn run<R: Tailed>(
    db: Db,
    scope: Scope,
    tail: Arc<Tail<R>>,
    clubs: Clubs<R>,
    ended: impl Future<Output = ()>,
) {
    tokio::pin!(ended);
    let mut has_ended = false;
    loop {
        let committed = db.commit();
        let mut state = tail.state.lock().await;
        state.subscribers.retain(|one| !one.rows.is_closed());
        if has_ended || state.subscribers.is_empty() {
            state.subscribers.clear();
            state.over = true;
            locked(&clubs).remove(&scope.club);
            return;
        }
        let far = state.looked_far < ids_within(FAR_LOOK);
        if let Err(problem) = state.look(&db, scope, far).await {
            tracing::warn!(error = ?problem, "the feed cannot be read; trying again");
        }
        drop(state);
        tokio::select! {
            () = committed => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(LOOK) => {}
            () = &mut ended => has_ended = true,
        }
    }
}

impl<R: Tailed> State<R> {
    /// Reads what is new and hands it out, in the order of the stamps.
    async fn look(&mut self, db: &Db, scope: Scope, far: bool) -> Result<(), StoreError> {
        let begun = ids_within(Duration::ZERO);
        let floor = if far {
            ids_within(OVERLAP)
        } else {
            before(self.looked.min(begun), NEAR)
        };
        let changes = R::changes(db.read(), scope, floor).await?;
        let mut new: Vec<Stamp> = changes
            .into_iter()
            .filter(|stamp| !self.seen.contains(stamp))
            .collect();
        new.sort_unstable();
        for chunk in new.chunks(CHUNK) {
            if !self.subscribers.is_empty() {
                let ids: Vec<Uuid> = chunk.iter().map(|stamp| stamp.id).collect();
                let rows = R::rows(db.read(), scope, &ids).await?;
                self.hand_out(rows);
            }
            self.seen.extend(chunk);
        }
        self.looked = begun;
        if far {
            self.looked_far = begun;
            let oldest = Stamp {
                at: floor,
                id: Uuid::nil(),
            };
            self.seen = self.seen.split_off(&oldest);
        }
        Ok(())
    }

    fn hand_out(&mut self, mut rows: Vec<R>) {
        rows.sort_unstable_by_key(Tailed::stamp);
        for row in rows {
            // It may have changed again since its stamp was read: then this is the later change, handed out early.
            if !self.seen.insert(row.stamp()) {
                continue;
            }
            let row = Arc::new(row);
            self.subscribers.retain(|one| one.tell(&row));
        }
    }
}

/// The bound that lies so much earlier.
fn before(id: Uuid, length: Duration) -> Uuid {
    let at = id.as_u128() >> 80;
    Uuid::from_u128(at.saturating_sub(length.as_millis()) << 80)
}
