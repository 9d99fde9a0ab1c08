//! The rate limit: Kisi allows a number of requests within any second for each user, over all logins of
//! that user.
//!
//! Contract: an exact sliding window; a refused request does not count against the limit, but counts for
//! the peak. Never reads a clock: the elapsed time is an argument. Called by `http` when a
//! request arrives.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The unit of the limit: a Kisi user, or all callers without a valid key together.
pub(super) type RateLimitKey = Option<i64>;

/// The arrivals of the last second for each user, and the peak.
#[derive(Debug, Default)]
pub(super) struct Meter {
    admitted: HashMap<RateLimitKey, VecDeque<Duration>>,
    arrived: HashMap<i64, VecDeque<Duration>>,
    last_event_set: Option<Duration>,
    peak: usize,
}

impl Meter {
    /// Counts an arrival. The error is the time to wait when the limit refuses it.
    pub(super) fn admit(
        &mut self,
        who: RateLimitKey,
        now: Duration,
        limit: Option<u32>,
    ) -> Result<(), Duration> {
        if let Some(user) = who {
            let seen = self.arrived.entry(user).or_default();
            forget_older(seen, now);
            seen.push_back(now);
            self.peak = self.peak.max(seen.len());
        }
        let Some(limit) = limit else { return Ok(()) };
        let seen = self.admitted.entry(who).or_default();
        forget_older(seen, now);
        let room = usize::try_from(limit).unwrap_or(usize::MAX);
        if seen.len() < room {
            seen.push_back(now);
            return Ok(());
        }
        let oldest = seen.front().copied().unwrap_or(now);
        Err((oldest + SECOND).saturating_sub(now))
    }

    /// Whether an event set may be created: at most one per second.
    pub(super) fn admit_event_set(&mut self, now: Duration) -> bool {
        let too_soon = self.last_event_set.is_some_and(|last| now < last + SECOND);
        if !too_soon {
            self.last_event_set = Some(now);
        }
        !too_soon
    }

    pub(super) fn peak(&self) -> usize {
        self.peak
    }

    pub(super) fn forget_peak(&mut self) {
        self.peak = 0;
        self.arrived.clear();
    }
}

/// Drops arrivals that are a second or more ago, and those in the future after a clock was turned back.
fn forget_older(seen: &mut VecDeque<Duration>, now: Duration) {
    seen.retain(|at| *at <= now && *at + SECOND > now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_request_within_a_second_is_refused_and_the_window_slides() {
        let mut meter = Meter::default();
        let ms = Duration::from_millis;
        for at in 0..5 {
            assert_eq!(meter.admit(Some(1), ms(at * 100), Some(5)), Ok(()));
        }
        assert_eq!(meter.admit(Some(1), ms(500), Some(5)), Err(ms(500)));
        assert_eq!(
            meter.admit(Some(2), ms(500), Some(5)),
            Ok(()),
            "another user"
        );
        assert_eq!(meter.admit(Some(1), ms(1000), Some(5)), Ok(()));
        assert!(meter.admit(Some(1), ms(1050), Some(5)).is_err());
        assert_eq!(meter.peak(), 7, "those from 100 ms to 1050 ms");
    }
}
