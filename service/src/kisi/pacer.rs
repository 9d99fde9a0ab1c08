//! The rate limiter of one Kisi user, with priority lanes.
//!
//! Contract: Kisi never receives more requests than the limit within any one second; bursts up to the limit are allowed when
//! idle. Lanes go in order, first come first served within a lane; the sweep gets every tenth turn. With enough requests in
//! flight the full rate is used, however long each takes. A cancelled waiter costs nobody a turn, and no request is sent
//! during a pause. The client takes a turn for every call; all clients of a Kisi user share one pacer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Kisi counts requests over one second; the extra 5 ms allow for differences between clocks.
const PERIOD: Duration = Duration::from_millis(1005);
/// The number of latest requests from which the shortest duration is taken.
const DURATIONS_KEPT: usize = 32;
/// The assumed largest difference in network latency between two requests.
const LATENCY_JITTER: Duration = Duration::from_millis(10);
/// The number of other turns between two turns of a waiting sweep, so that it gets every tenth.
const BEFORE_SWEEP: u32 = 9;
/// The slots that the sweep leaves free outside its own tenth of the turns; at most half of the limit.
const SWEEP_RESERVE: usize = 2;
/// The longest pause, whatever `Retry-After` says; if it is too short, Kisi sends another 429.
const LONGEST_STOP: Duration = Duration::from_secs(3600);

/// The priority of a call, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Revocations and unlocks.
    Urgent,
    /// Changes to windows that are open now or open within the hour.
    Soon,
    /// All other changes.
    Rest,
    /// Reads that look for drift; every tenth turn while one waits.
    Sweep,
}

/// Hands out turns at a limited number of requests per second.
#[derive(Debug)]
pub struct Pacer {
    shared: Arc<Shared>,
}

/// The right to send one request. Drop it when the response has arrived (or is no longer awaited).
/// Its slot is free again one period after the request reached Kisi. That time is estimated: the
/// drop, minus the shortest duration of the latest requests.
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
    /// All waiters, in the order of their turns apart from the sweep's tenth.
    waiting: BTreeMap<(Lane, u64), Arc<Notify>>,
    next_ticket: u64,
    in_flight: usize,
    /// When the slot of each answered request is free again, ascending.
    cooling: VecDeque<Instant>,
    stopped_until: Option<Instant>,
    since_sweep: u32,
    /// Durations of the latest requests, oldest first.
    durations: VecDeque<Duration>,
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

    /// Waits until a request of this lane may be sent. Dropping the future leaves the queue, and the
    /// turn goes to the next waiter.
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

    /// Pauses all lanes from now (for at most an hour), as after a 429. Never shortens a running
    /// pause.
    pub fn pause_for(&self, pause: Duration) {
        let until = Instant::now() + pause.min(LONGEST_STOP);
        let mut state = self.shared.lock();
        state.stopped_until = state.stopped_until.max(Some(until));
    }

    /// The end of the running pause; `None` when there is none.
    pub fn paused_until(&self) -> Option<Instant> {
        let now = Instant::now();
        self.shared
            .lock()
            .stopped_until
            .filter(|until| *until > now)
    }

    /// The rest of the running pause; `None` when there is none.
    pub fn paused_for(&self) -> Option<Duration> {
        self.paused_until()
            .map(|until| until.saturating_duration_since(Instant::now()))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next waiter.
    fn head(&self) -> Option<(&(Lane, u64), &Arc<Notify>)> {
        if self.since_sweep >= BEFORE_SWEEP {
            let sweep = self.waiting.range((Lane::Sweep, 0)..).next();
            if sweep.is_some() {
                return sweep;
            }
        }
        self.waiting.first_key_value()
    }

    /// Records the duration of a request. Returns the least time by which Kisi received it before
    /// its end.
    fn record_duration(&mut self, took: Duration) -> Duration {
        if self.durations.len() == DURATIONS_KEPT {
            self.durations.pop_front();
        }
        self.durations.push_back(took);
        let shortest = self.durations.iter().min().copied().unwrap_or_default();
        shortest.saturating_sub(LATENCY_JITTER)
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
        let before = state.record_duration(now.saturating_duration_since(self.begun));
        let free_again = now + self.shared.period.saturating_sub(before);
        state.in_flight = state.in_flight.saturating_sub(1);
        // Responses may arrive in another order than the requests were sent.
        let place = state.cooling.partition_point(|other| *other <= free_again);
        state.cooling.insert(place, free_again);
        state.wake_head();
    }
}

/// A place in the queue. Dropping it leaves the queue and wakes the next waiter.
struct Place {
    shared: Arc<Shared>,
    key: (Lane, u64),
    woken: Arc<Notify>,
}

enum Step {
    Go(Turn),
    WaitUntil(Instant),
    /// Not the next, or every slot is in flight: wait to be woken.
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
        // Outside its tenth, the sweep leaves slots free, so that an urgent call need not wait for it.
        let out_of_turn = self.key.0 == Lane::Sweep && state.since_sweep < BEFORE_SWEEP;
        let spare = if out_of_turn {
            SWEEP_RESERVE.min(self.shared.limit / 2)
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
        // Counted even while no sweep waits: a sweep that sends sequentially is in the queue only
        // from time to time.
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
