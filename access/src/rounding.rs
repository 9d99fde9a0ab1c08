//! The unit of time that Kisi keeps windows in, and how an answer that differs from the request by rounding is told from any
//! other.
//!
//! Promises: a window that was rounded outward covers the whole of what was asked, and rounding it again changes nothing. An
//! answer is taken for rounding only where a unit of at most an hour explains both of its ends. Called by the plan, and by
//! whoever compares Kisi's answers with requests.

use crate::{instant::Instant, span::Span};

/// A unit of time, in whole seconds, that windows begin and end on.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Granularity(i64);

/// The units that an answer may be explained by: minutes, since they are the likeliest, then the finest first.
const UNITS: [i64; 10] = [60, 5, 10, 15, 30, 300, 600, 900, 1800, 3600];

impl Granularity {
    /// Whole seconds: what Kisi is asked for while nothing else is known.
    pub const SECOND: Self = Self(1);
    /// Whole minutes, the likeliest of the coarser ones.
    pub const MINUTE: Self = Self(60);

    /// So many seconds, at least one.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.max(1))
    }

    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// The beginning rounded down and the end up; open ends stay open.
    #[must_use]
    pub fn outward(self, window: &Span) -> Span {
        Span {
            from: window.from.floor_to(self.0),
            until: window.until.ceil_to(self.0),
        }
    }
}

/// What an answer says of the window that was asked for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is the one that was asked for.
    Exact,
    /// It is the one that was asked for, rounded to this unit: minutes, or the finest that explains it.
    Rounded(Granularity),
    /// It is another window.
    Other,
}

impl Answer {
    /// Compares a window that was asked for with the one that came of it.
    #[must_use]
    pub fn of(asked: &Span, answered: &Span) -> Self {
        if asked == answered {
            return Self::Exact;
        }
        let ends = [(asked.from, answered.from), (asked.until, answered.until)];
        let explains = |unit: &&i64| {
            ends.iter()
                .all(|(asked, end)| is_rounded(*asked, *end, **unit))
        };
        UNITS
            .iter()
            .find(explains)
            .map_or(Self::Other, |unit| Self::Rounded(Granularity(*unit)))
    }
}

fn is_rounded(asked: Instant, answered: Instant, unit: i64) -> bool {
    asked == answered
        || asked.known().is_some()
            && answered.known().is_some()
            && answered.floor_to(unit) == answered
            && (asked.floor_to(unit) == answered || asked.ceil_to(unit) == answered)
}
