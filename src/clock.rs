//! The one place that knows what time it is and makes new ids. Everything else is told: functions take an instant, and
//! what waits for time waits on a `Clock`, so that tests can turn it by hand. Clippy forbids `now()` elsewhere.

use std::{sync::Arc, time::Duration};

use access::Instant;
use tokio::sync::watch;
use uuid::Uuid;

/// The time of day: the system's, or one that a test turns.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Manual(Arc<watch::Sender<Instant>>),
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that stands still until it is turned.
    pub fn manual(start: Instant) -> Self {
        Self(Kind::Manual(Arc::new(watch::Sender::new(start))))
    }

    /// The present instant, to the microsecond.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks for the time"
    )]
    pub fn now(&self) -> Instant {
        match &self.0 {
            Kind::System => Instant::from_timestamp(jiff::Timestamp::now()),
            Kind::Manual(turned) => *turned.borrow(),
        }
    }

    /// Turns a manual clock to a later instant; does nothing to the system's.
    pub fn turn_to(&self, to: Instant) {
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
                let mut seen = turned.subscribe();
                // The sender lives in `self`, so this cannot end early.
                let _ = seen.wait_for(|now| *now >= at).await;
            }
        }
    }

    /// Waits for a length of this clock's time.
    pub async fn sleep(&self, length: Duration) {
        self.sleep_until(self.now().plus(length)).await;
    }
}

/// Time that has gone by, whatever becomes of the time of day: for deadlines of what is in this process alone.
#[derive(Copy, Clone, Debug)]
pub struct Stopwatch {
    began: std::time::Instant,
    time_of_day: jiff::Timestamp,
}

impl Stopwatch {
    /// Begins now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks for the time"
    )]
    pub fn start() -> Self {
        Self {
            began: std::time::Instant::now(),
            time_of_day: jiff::Timestamp::now(),
        }
    }

    /// How long ago it began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// How long ago it began, with the time for which the machine was suspended: that goes by for everybody else. A time of
    /// day that was put forward meanwhile counts as well; one that was put back does not.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks for the time"
    )]
    pub fn elapsed_with_suspension(&self) -> Duration {
        let by_time_of_day = jiff::Timestamp::now().duration_since(self.time_of_day);
        let by_time_of_day = Duration::try_from(by_time_of_day).unwrap_or_default();
        self.elapsed().max(by_time_of_day)
    }
}

/// A bound below all ids that were made within this length of the system's time, and above those that are older.
pub fn ids_within(length: Duration) -> Uuid {
    let now = new_id().as_u128() >> 80;
    Uuid::from_u128(now.saturating_sub(length.as_millis()) << 80)
}

/// When an id of [`new_id`] was made, by the machine's clock, in microseconds since 1970; to the millisecond.
pub fn made_at(id: Uuid) -> i64 {
    let millis = i64::try_from(id.as_u128() >> 80).unwrap_or(i64::MAX);
    millis.saturating_mul(1000)
}

/// A new id, later in order than every id that this process made before.
#[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}
