//! A point in time: microseconds since the Unix epoch, with sentinels for "no beginning" and "no end".
//!
//! Arithmetic saturates, and the sentinels are unaffected by it, so an open span stays open whatever margin is added. No
//! operation reads a clock or fails. Used by everything in this crate and by the code that loads facts.

use std::time::Duration;

use jiff::Timestamp;

const SECOND: i64 = 1_000_000;

/// Microseconds since the Unix epoch; [`Instant::BEGINNING`] and [`Instant::END`] stand for "no
/// bound".
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// Earlier than every other instant: the start of a span without a beginning.
    pub const BEGINNING: Self = Self(i64::MIN);
    /// Later than every other instant: the end of a span without an end.
    pub const END: Self = Self(i64::MAX);

    /// The instant that is so many microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch; `i64::MIN` and `i64::MAX` for the sentinels.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    const fn is_end_of_time(self) -> bool {
        self.0 == i64::MIN || self.0 == i64::MAX
    }

    /// Later by `duration`, at most [`Instant::END`]; sentinels are unchanged.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        if self.is_end_of_time() {
            return self;
        }
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// Earlier by `duration`, at least [`Instant::BEGINNING`]; sentinels are unchanged.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        if self.is_end_of_time() {
            return self;
        }
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// Rounds down to a multiple of so many seconds; sentinels are unchanged.
    #[must_use]
    pub fn floor_to(self, seconds: i64) -> Self {
        if self.is_end_of_time() {
            return self;
        }
        let unit = seconds.saturating_mul(SECOND).max(1);
        Self(self.0.saturating_sub(self.0.rem_euclid(unit)))
    }

    /// Rounds up to a multiple of so many seconds; sentinels are unchanged.
    #[must_use]
    pub fn ceil_to(self, seconds: i64) -> Self {
        let floor = self.floor_to(seconds);
        if floor == self {
            self
        } else {
            Self(floor.0.saturating_add(seconds.saturating_mul(SECOND)))
        }
    }

    /// The beginning of a span whose beginning may be open: `None` is [`Instant::BEGINNING`].
    #[must_use]
    pub fn from_option_start(start: Option<Self>) -> Self {
        start.unwrap_or(Self::BEGINNING)
    }

    /// The end of a span whose end may be open: `None` is [`Instant::END`].
    #[must_use]
    pub fn from_option_end(end: Option<Self>) -> Self {
        end.unwrap_or(Self::END)
    }

    /// `None` for either sentinel.
    #[must_use]
    pub fn known(self) -> Option<Self> {
        (!self.is_end_of_time()).then_some(self)
    }

    /// As a timestamp, clamped to the range of the calendar.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }

    /// The same instant, truncated to microseconds.
    #[must_use]
    pub fn from_timestamp(timestamp: Timestamp) -> Self {
        Self(timestamp.as_microsecond())
    }

    /// The distance between two instants in microseconds; saturates.
    pub(crate) fn distance(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }
}
