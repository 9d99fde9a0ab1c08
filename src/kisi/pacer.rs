//! The pacer of one Kisi user: who may send next, and when.
//!
//! Promises: never more than the limit's requests within any one second as Kisi sees them arrive,
//! bursts up to the limit when idle, lanes in order and first come first served within one, a tenth
//! for the sweep. With enough requests in flight the limit is reached whatever each of them takes. Must never lose a turn to a caller that gave up, nor let anyone go during a stop.
//! Used by the client for every call; one pacer is shared by all clients of the same Kisi user.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Kisi counts over a second; the rest is for clocks that do not run quite alike.
const PERIOD: Duration = Duration::from_millis(1005);
/// So many of the latest requests are asked for the shortest time that Kisi takes.
const REMEMBERED: usize = 32;
/// By so much more may one request be on its way to Kisi than another.
const UNEVEN: Duration = Duration::from_millis(10);
/// Every tenth turn is the sweep's while it waits.
const BEFORE_SWEEP: u32 = 9;
/// So many places the sweep leaves free while nobody else waits, or half of them where there are few.
const SPARE: usize = 2;
/// No stop is longer, whatever a `Retry-After` says; Kisi would only name it again.
const LONGEST_STOP: Duration = Duration::from_secs(3600);

/// How soon a call matters: what stands first goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Revocations and unlocks.
    Urgent,
    /// Windows that are open, or open within the hour.
    Soon,
    /// All other changes.
    Rest,
    /// Reading Kisi to find drift; it gets every tenth turn while it waits.
    Sweep,
}

/// Hands out turns at a limit of requests a second.
#[derive(Debug)]
pub struct Pacer {
    shared: Arc<Shared>,
}

/// The right to send one request. Drop it when the answer has come (or is no longer awaited): Kisi
/// saw the request arrive before it answered, by at least the shortest time that any request took
/// lately. The second after which its place is free again begins there.
#[derive(Debug)]
#[must_use = "a turn that is dropped at once counts as a request"]
pub struct Turn {
    shared: Arc<Shared>,
    begun: Instant,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    period: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Everyone who waits, in the order of going but for the sweep's tenth.
    waiting: BTreeMap<(Lane, u64), Arc<Notify>>,
    next_ticket: u64,
    in_flight: usize,
    /// When the place of each answered request is free again, ascending.
    cooling: VecDeque<Instant>,
    stopped_until: Option<Instant>,
    since_sweep: u32,
    /// How long the latest requests took, the latest last.
    took: VecDeque<Duration>,
}

impl Pacer {
    /// A pacer for `per_second` requests a second (at least one).
    pub fn new(per_second: u32) -> Arc<Self> {
        Self::with_period(per_second, PERIOD)
    }

    pub(super) fn with_period(limit: u32, period: Duration) -> Arc<Self> {
        let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
        let state = Mutex::default();
        Arc::new(Self {
            shared: Arc::new(Shared {
                limit,
                period,
                state,
            }),
        })
    }

    /// Waits until a request of this lane may be sent. A caller that stops waiting (drops the
    /// future) leaves the queue, and its turn goes to the next.
    pub async fn turn(&self, lane: Lane) -> Turn {
        let place = Place::queue(&self.shared, lane);
        loop {
            match place.step() {
                Step::Go(turn) => return turn,
                Step::WaitUntil(at) => tokio::select! {
                    () = place.woken.notified() => {}
                    () = sleep_until(at) => {}
                },
                Step::WaitForOthers => place.woken.notified().await,
            }
        }
    }

    /// Lets nobody go for so long from now (an hour at most), as after a 429. A stop never shortens
    /// another.
    pub fn stop_for(&self, pause: Duration) {
        let until = Instant::now() + pause.min(LONGEST_STOP);
        let mut state = self.shared.lock();
        state.stopped_until = state.stopped_until.max(Some(until));
    }

    /// The end of the present stop; `None` when there is none.
    pub fn stopped_until(&self) -> Option<Instant> {
        let now = Instant::now();
        self.shared
            .lock()
            .stopped_until
            .filter(|until| *until > now)
    }

    /// What is left of the present stop; `None` when there is none.
    pub fn stopped_for(&self) -> Option<Duration> {
        self.stopped_until()
            .map(|until| until.saturating_duration_since(Instant::now()))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Who goes next.
    fn head(&self) -> Option<(&(Lane, u64), &Arc<Notify>)> {
        if self.since_sweep >= BEFORE_SWEEP {
            let sweep = self.waiting.range((Lane::Sweep, 0)..).next();
            if sweep.is_some() {
                return sweep;
            }
        }
        self.waiting.first_key_value()
    }

    /// Notes how long a request took; how long before its end Kisi saw it at the latest.
    fn seen_before_end(&mut self, took: Duration) -> Duration {
        if self.took.len() == REMEMBERED {
            self.took.pop_front();
        }
        self.took.push_back(took);
        let shortest = self.took.iter().min().copied().unwrap_or_default();
        shortest.saturating_sub(UNEVEN)
    }

    fn wake_head(&self) {
        if let Some((_, woken)) = self.head() {
            woken.notify_one();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut state = self.shared.lock();
        let before = state.seen_before_end(now.saturating_duration_since(self.begun));
        let free_again = now + self.shared.period.saturating_sub(before);
        state.in_flight = state.in_flight.saturating_sub(1);
        // Answers come in another order than they were asked for.
        let place = state.cooling.partition_point(|other| *other <= free_again);
        state.cooling.insert(place, free_again);
        state.wake_head();
    }
}

/// A place in the queue: left when dropped, and whoever is next is woken then.
struct Place {
    shared: Arc<Shared>,
    key: (Lane, u64),
    woken: Arc<Notify>,
}

enum Step {
    Go(Turn),
    WaitUntil(Instant),
    /// Not the next, or every place is in flight: somebody else's end wakes this one.
    WaitForOthers,
}

impl Place {
    fn queue(shared: &Arc<Shared>, lane: Lane) -> Self {
        let woken = Arc::new(Notify::new());
        let mut state = shared.lock();
        let key = (lane, state.next_ticket);
        state.next_ticket += 1;
        state.waiting.insert(key, Arc::clone(&woken));
        drop(state);
        Self {
            shared: Arc::clone(shared),
            key,
            woken,
        }
    }

    fn step(&self) -> Step {
        let now = Instant::now();
        let mut state = self.shared.lock();
        if state.head().is_none_or(|(key, _)| *key != self.key) {
            return Step::WaitForOthers;
        }
        if let Some(until) = state.stopped_until.filter(|until| *until > now) {
            return Step::WaitUntil(until);
        }
        while state.cooling.front().is_some_and(|free| *free <= now) {
            state.cooling.pop_front();
        }
        // Out of its tenth, the sweep leaves places free for what may come: nobody urgent waits for it.
        let out_of_turn = self.key.0 == Lane::Sweep && state.since_sweep < BEFORE_SWEEP;
        let spare = if out_of_turn {
            SPARE.min(self.shared.limit / 2)
        } else {
            0
        };
        let taken = state.in_flight + state.cooling.len() + spare;
        if let Some(over) = taken.checked_sub(self.shared.limit) {
            return (state.cooling.get(over))
                .map_or(Step::WaitForOthers, |at| Step::WaitUntil(*at));
        }
        state.waiting.remove(&self.key);
        state.in_flight += 1;
        // Counted on while no sweep waits: one that sends serially is in the queue only now and
        // then.
        state.since_sweep = if self.key.0 == Lane::Sweep {
            0
        } else {
            state.since_sweep.saturating_add(1)
        };
        drop(state);
        Step::Go(Turn {
            shared: Arc::clone(&self.shared),
            begun: now,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.waiting.remove(&self.key);
        state.wake_head();
    }
}
