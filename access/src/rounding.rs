//! The unit of time to which Kisi rounds windows, and how to tell a rounded response from any other difference.
//!
//! A window rounded outward covers the whole requested window, and rounding it again changes nothing. A response counts as
//! rounded only if one unit of at most an hour explains both of its ends. Called by the plan, and by the code that compares
//! Kisi's responses with requests.

use crate::{instant::Instant, span::Span};

/// A unit of time, in whole seconds, at whose multiples windows begin and end.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Granularity(i64);

/// The units in seconds that can explain a response: minutes first, because they are the most likely, then the finest first.
const UNITS: [i64; 10] = [60, 5, 10, 15, 30, 300, 600, 900, 1800, 3600];

impl Granularity {
    /// Whole seconds: the unit of requests until another one is learned.
    pub const SECOND: Self = Self(1);
    /// Whole minutes, the most likely coarser unit.
    pub const MINUTE: Self = Self(60);

    /// A unit of so many seconds; values below one become one.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.max(1))
    }

    /// The unit in seconds.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// Rounds the beginning down and the end up; open ends stay open.
    #[must_use]
    pub fn outward(self, window: &Span) -> Span {
        Span {
            from: window.from.floor_to(self.0),
            until: window.until.ceil_to(self.0),
        }
    }
}

/// How the window in a response relates to the requested one.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum WindowMatch {
    /// It is the requested window.
    Exact,
    /// It is the requested window rounded to this unit: minutes, or the finest unit that explains it.
    Rounded(Granularity),
    /// It is a different window.
    Other,
}

impl WindowMatch {
    /// Compares a requested window with the one in the response.
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
