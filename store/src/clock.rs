//! The only module that reads the system time and creates ids. Other functions take an instant as an argument or wait on a
//! `Clock`, so that tests control the time. Clippy forbids `now()` elsewhere.

use std::{sync::Arc, time::Duration};

use access::Instant;
use tokio::sync::watch;
use uuid::Uuid;

/// The wall clock: the system's, or a manual one for tests.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Manual(Arc<watch::Sender<Instant>>),
}

impl Clock {
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that only advances by [`Clock::advance_to`].
    pub fn manual(start: Instant) -> Self {
        Self(Kind::Manual(Arc::new(watch::Sender::new(start))))
    }

    /// The current time, to the microsecond.
    #[expect(
        clippy::disallowed_methods,
        reason = "the only place that reads the system time"
    )]
    pub fn now(&self) -> Instant {
        match &self.0 {
            Kind::System => Instant::from_timestamp(jiff::Timestamp::now()),
            Kind::Manual(turned) => *turned.borrow(),
        }
    }

    /// Advances a manual clock to `to`. Does nothing if `to` is not later, or on the system clock.
    pub fn advance_to(&self, to: Instant) {
        if let Kind::Manual(turned) = &self.0 {
            turned.send_if_modified(|now| {
                let later = to > *now;
                if later {
                    *now = to;
                }
                later
            });
        }
    }

    /// Waits until the clock shows `at` or later.
    pub async fn sleep_until(&self, at: Instant) {
        match &self.0 {
            Kind::System => {
                let now = self.now();
                if at > now {
                    let micros = at.micros().saturating_sub(now.micros());
                    tokio::time::sleep(Duration::from_micros(micros.unsigned_abs())).await;
                }
            }
            Kind::Manual(turned) => {
                let mut times = turned.subscribe();
                // `self` holds the sender, so `wait_for` cannot fail before `at`.
                let _ = times.wait_for(|now| *now >= at).await;
            }
        }
    }

    /// Waits for a duration by this clock.
    pub async fn sleep(&self, length: Duration) {
        self.sleep_until(self.now().plus(length)).await;
    }
}

/// Elapsed monotonic time, for deadlines within this process.
#[derive(Copy, Clone, Debug)]
pub struct Stopwatch {
    began: std::time::Instant,
    time_of_day: jiff::Timestamp,
}

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "the only place that reads the system time"
    )]
    pub fn start() -> Self {
        Self {
            began: std::time::Instant::now(),
            time_of_day: jiff::Timestamp::now(),
        }
    }

    /// The time since the start, without the time that the machine was suspended.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The time since the start, including the time that the machine was suspended. Setting the wall clock forward in between
    /// also counts; setting it back does not.
    #[expect(
        clippy::disallowed_methods,
        reason = "the only place that reads the system time"
    )]
    pub fn elapsed_with_suspension(&self) -> Duration {
        let by_time_of_day = jiff::Timestamp::now().duration_since(self.time_of_day);
        let by_time_of_day = Duration::try_from(by_time_of_day).unwrap_or_default();
        self.elapsed().max(by_time_of_day)
    }
}

/// The lower bound of the ids created within the last `length` of system time; older ids sort below it.
pub fn id_lower_bound(length: Duration) -> Uuid {
    let now = new_id().as_u128() >> 80;
    Uuid::from_u128(now.saturating_sub(length.as_millis()) << 80)
}

/// When an id of [`new_id`] was created by the system clock, in microseconds since 1970, with millisecond precision.
pub fn created_at(id: Uuid) -> i64 {
    let millis = i64::try_from(id.as_u128() >> 80).unwrap_or(i64::MAX);
    millis.saturating_mul(1000)
}

/// A new UUIDv7 that sorts after every id that this process created before.
#[expect(clippy::disallowed_methods, reason = "the only place that creates ids")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}
