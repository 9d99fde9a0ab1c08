//! A point in time: microseconds since the Unix epoch, with the two ends of time as sentinels.
//!
//! Promises: arithmetic saturates and the ends stay ends, so an open span stays open whatever
//! margin is added to it. Never: reads a clock, or fails. Called by everything in this crate, and
//! by whoever loads facts.

use std::time::Duration;

use jiff::Timestamp;

const SECOND: i64 = 1_000_000;

/// Microseconds since the Unix epoch; [`Instant::BEGINNING`] and [`Instant::END`] stand for "no
/// bound".
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// Before everything: a span that begins here has no beginning.
    pub const BEGINNING: Self = Self(i64::MIN);
    /// After everything: a span that ends here has no end.
    pub const END: Self = Self(i64::MAX);

    /// The instant so many microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch; the sentinels are the least and the greatest number.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    const fn is_end_of_time(self) -> bool {
        self.0 == i64::MIN || self.0 == i64::MAX
    }

    /// Later by `duration`, at most [`Instant::END`]; the ends stay.
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

    /// Earlier by `duration`, at least [`Instant::BEGINNING`]; the ends stay.
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

    /// The last multiple of so many seconds at or before this instant; the ends stay.
    #[must_use]
    pub fn floor_to(self, seconds: i64) -> Self {
        if self.is_end_of_time() {
            return self;
        }
        let unit = seconds.saturating_mul(SECOND).max(1);
        Self(self.0.saturating_sub(self.0.rem_euclid(unit)))
    }

    /// The first multiple of so many seconds at or after this instant; the ends stay.
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

    /// `None` for either end of time.
    #[must_use]
    pub fn known(self) -> Option<Self> {
        (!self.is_end_of_time()).then_some(self)
    }

    /// As a timestamp, clamped to what a calendar can say.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }

    /// The same instant, less what is finer than a microsecond.
    #[must_use]
    pub fn from_timestamp(timestamp: Timestamp) -> Self {
        Self(timestamp.as_microsecond())
    }

    /// How far apart two instants are, in microseconds; saturates.
    pub(crate) fn distance(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }
}
