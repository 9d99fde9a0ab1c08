//! The feed of one club: reads new rows and passes them to the subscribers of the club.
//!
//! No change is delivered twice, and none is missed if it commits within `OVERLAP` of its stamp. Stamps are made before the
//! commit and by the clocks of several machines, so each read overlaps the previous one and skips the stamps that were seen. The
//! lock on the list of clubs is never held during a database call. One task for each club runs while it has subscribers.

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
    clock::id_lower_bound,
    store::{
        ClubScope, Db, StoreError,
        tail::{Stamp, Stamped},
    },
};

/// How often the feed polls for commits of other processes.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Commits within this time are read together.
const COMMIT_DEBOUNCE: Duration = Duration::from_millis(25);
/// How much older a stamp may be than the moment at which its commit becomes visible.
const OVERLAP: Duration = Duration::from_secs(60);
/// The overlap of every read. Most stamps are within it; a read with the full `OVERLAP` follows every `FAR_LOOK`.
const SHORT_OVERLAP: Duration = Duration::from_secs(2);
/// How often a read covers the full `OVERLAP`.
const FULL_OVERLAP_INTERVAL: Duration = Duration::from_secs(5);
const CHUNK: usize = 500;

/// The clubs with subscribers, for one table.
pub(super) struct ClubFeeds<R> {
    db: Db,
    ending: Arc<watch::Sender<bool>>,
    clubs: Clubs<R>,
    /// The runtime of the tasks, instead of the one that happens to serve the first subscriber of a club.
    runtime: Handle,
}

type Clubs<R> = Arc<Mutex<HashMap<Uuid, Arc<ClubFeed<R>>>>>;

fn locked<R>(clubs: &Clubs<R>) -> MutexGuard<'_, HashMap<Uuid, Arc<ClubFeed<R>>>> {
    // No holder of the lock can panic halfway through a change.
    clubs.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Stamped> ClubFeeds<R> {
    pub(super) fn new(db: Db, ending: Arc<watch::Sender<bool>>) -> Self {
        Self {
            db,
            ending,
            clubs: Clubs::default(),
            runtime: Handle::current(),
        }
    }

    /// Subscribes to new rows that pass `wants`; at most `buffer` rows wait.
    pub(super) async fn subscribe(
        &self,
        scope: ClubScope,
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
            // Existing rows are marked as seen, and delivered to the earlier subscribers.
            state.read_new(&self.db, scope, true).await?;
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

    /// Whether the club has a task.
    #[cfg(test)]
    pub(super) fn listened_to(&self, scope: ClubScope) -> bool {
        locked(&self.clubs).contains_key(&scope.club)
    }

    fn of(&self, scope: ClubScope) -> Arc<ClubFeed<R>> {
        let mut clubs = locked(&self.clubs);
        clubs.entry(scope.club).or_default().clone()
    }
}

struct ClubFeed<R> {
    state: tokio::sync::Mutex<State<R>>,
}

impl<R> Default for ClubFeed<R> {
    fn default() -> Self {
        Self {
            state: tokio::sync::Mutex::default(),
        }
    }
}

struct State<R> {
    subscribers: Vec<Subscriber<R>>,
    /// The stamps that were delivered or are older than the first subscription, as far back as reads go.
    seen: BTreeSet<Stamp>,
    /// When the last read and the last read of the full overlap began, as ids made at that time.
    last_read: Uuid,
    last_full_read: Uuid,
    /// A task is running.
    is_followed: bool,
    /// The last subscriber left and the task has ended; this state is not used again.
    over: bool,
}

impl<R> Default for State<R> {
    fn default() -> Self {
        Self {
            subscribers: Vec::new(),
            seen: BTreeSet::new(),
            last_read: Uuid::nil(),
            last_full_read: Uuid::nil(),
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
    /// Delivers a row; false if the subscriber is gone or too slow.
    fn deliver(&self, row: &Arc<R>) -> bool {
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

/// Polls while the club has subscribers.
async fn run<R: Stamped>(
    db: Db,
    scope: ClubScope,
    tail: Arc<ClubFeed<R>>,
    clubs: Clubs<R>,
    ended: impl Future<Output = ()>,
) {
    tokio::pin!(ended);
    let mut has_ended = false;
    loop {
        let committed = db.next_commit();
        let mut state = tail.state.lock().await;
        state
            .subscribers
            .retain(|subscriber| !subscriber.rows.is_closed());
        if has_ended || state.subscribers.is_empty() {
            state.subscribers.clear();
            state.over = true;
            locked(&clubs).remove(&scope.club);
            return;
        }
        let far = state.last_full_read < id_lower_bound(FULL_OVERLAP_INTERVAL);
        if let Err(problem) = state.read_new(&db, scope, far).await {
            tracing::warn!(error = ?problem, "cannot read new rows for the subscriptions of a club; retrying");
        }
        drop(state);
        tokio::select! {
            () = committed => tokio::time::sleep(COMMIT_DEBOUNCE).await,
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = &mut ended => has_ended = true,
        }
    }
}

impl<R: Stamped> State<R> {
    /// Reads new rows and delivers them in the order of their stamps.
    async fn read_new(&mut self, db: &Db, scope: ClubScope, far: bool) -> Result<(), StoreError> {
        let begun = id_lower_bound(Duration::ZERO);
        let floor = if far {
            id_lower_bound(OVERLAP)
        } else {
            before(self.last_read.min(begun), SHORT_OVERLAP)
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
                self.deliver(rows);
            }
            self.seen.extend(chunk);
        }
        self.last_read = begun;
        if far {
            self.last_full_read = begun;
            let oldest = Stamp {
                at: floor,
                id: Uuid::nil(),
            };
            self.seen = self.seen.split_off(&oldest);
        }
        Ok(())
    }

    fn deliver(&mut self, mut rows: Vec<R>) {
        rows.sort_unstable_by_key(Stamped::stamp);
        for row in rows {
            // The row may have changed again since its stamp was read; then this is the later change, delivered early.
            if !self.seen.insert(row.stamp()) {
                continue;
            }
            let row = Arc::new(row);
            self.subscribers
                .retain(|subscriber| subscriber.deliver(&row));
        }
    }
}

/// The time of an id, moved back by `length`, as the smallest id of that time.
fn before(id: Uuid, length: Duration) -> Uuid {
    let at = id.as_u128() >> 80;
    Uuid::from_u128(at.saturating_sub(length.as_millis()) << 80)
}
