//! Spans of time and sets of them, the main data type of this crate.
//!
//! A [`SpanSet`] is always sorted, disjoint and merged (adjacent spans become one) and contains no empty span. A set of no span
//! or one span does not allocate, because nearly every condition yields one. Used by every other file in the crate.

use std::{slice, time::Duration};

use crate::{instant::Instant, rounding::Granularity};

/// Half-open, `[from, until)`; empty where `from >= until`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Inclusive; [`Instant::BEGINNING`] for no beginning.
    pub from: Instant,
    /// Exclusive; [`Instant::END`] for no end.
    pub until: Instant,
}

impl Span {
    /// Open on both sides.
    pub const ALWAYS: Self = Self {
        from: Instant::BEGINNING,
        until: Instant::END,
    };

    /// The span `[from, until)`.
    #[must_use]
    pub const fn new(from: Instant, until: Instant) -> Self {
        Self { from, until }
    }

    /// Whether it contains no instant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from >= self.until
    }

    /// Whether `at` lies in it.
    #[must_use]
    pub fn contains(&self, at: Instant) -> bool {
        self.from <= at && at < self.until
    }

    /// Whether some instant lies in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.intersect(other).is_empty()
    }

    /// The intersection; may be empty.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        }
    }

    /// Begins earlier by `before` and ends later by `after`; open ends stay open.
    #[must_use]
    pub fn widened(&self, before: Duration, after: Duration) -> Self {
        Self {
            from: self.from.minus(before),
            until: self.until.plus(after),
        }
    }

    /// Rounds to whole seconds: the beginning down and the end up.
    #[must_use]
    pub fn whole_seconds(&self) -> Self {
        Granularity::SECOND.outward(self)
    }
}

/// A set of instants, as sorted, disjoint, merged, non-empty spans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanSet(Spans);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Spans {
    #[default]
    None,
    One(Span),
    /// At least two spans, so that equal sets are equal values.
    Many(Vec<Span>),
}

impl SpanSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self(Spans::None)
    }

    /// All of time.
    #[must_use]
    pub const fn always() -> Self {
        Self(Spans::One(Span::ALWAYS))
    }

    /// The union of `spans`, which may overlap, be empty, and come in any order.
    #[must_use]
    pub fn of(spans: impl IntoIterator<Item = Span>) -> Self {
        let mut spans = spans.into_iter().filter(|span| !span.is_empty());
        let Some(first) = spans.next() else {
            return Self::new();
        };
        let Some(second) = spans.next() else {
            return Self(Spans::One(first));
        };
        let mut all = vec![first, second];
        all.extend(spans);
        all.sort_unstable_by_key(|span| span.from);
        let mut set = Self::new();
        for span in all {
            set.push(span);
        }
        set
    }

    /// Adds a span. It must not begin before the last span of the set.
    fn push(&mut self, span: Span) {
        if span.is_empty() {
            return;
        }
        let last = match &mut self.0 {
            Spans::None => None,
            Spans::One(last) => Some(last),
            Spans::Many(all) => all.last_mut(),
        };
        match last {
            Some(last) if last.until >= span.from => last.until = last.until.max(span.until),
            _ => match &mut self.0 {
                Spans::None => self.0 = Spans::One(span),
                Spans::One(first) => self.0 = Spans::Many(vec![*first, span]),
                Spans::Many(all) => all.push(span),
            },
        }
    }

    /// The spans, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Span] {
        match &self.0 {
            Spans::None => &[],
            Spans::One(span) => slice::from_ref(span),
            Spans::Many(all) => all,
        }
    }

    /// The spans, in order.
    pub fn iter(&self) -> slice::Iter<'_, Span> {
        self.as_slice().iter()
    }

    /// Whether it contains no instant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Spans::None)
    }

    /// Whether `at` lies in it.
    #[must_use]
    pub fn contains(&self, at: Instant) -> bool {
        self.span_at(at).is_some()
    }

    /// The span that `at` lies in.
    #[must_use]
    pub fn span_at(&self, at: Instant) -> Option<Span> {
        self.first_ending_after(at).filter(|span| span.contains(at))
    }

    /// The first beginning or end after `at`; sentinels are never returned.
    #[must_use]
    pub fn next_edge_after(&self, at: Instant) -> Option<Instant> {
        let span = self.first_ending_after(at)?;
        if span.from > at {
            Some(span.from)
        } else {
            span.until.known()
        }
    }

    fn first_ending_after(&self, at: Instant) -> Option<Span> {
        let spans = self.as_slice();
        spans
            .get(spans.partition_point(|span| span.until <= at))
            .copied()
    }

    /// The union of both sets.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (Spans::None, _) => other.clone(),
            (_, Spans::None) => self.clone(),
            _ => Self::of(self.iter().chain(other.iter()).copied()),
        }
    }

    /// The intersection of both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.iter().peekable(), other.iter().peekable());
        let mut set = Self::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            set.push(a.intersect(b));
            if a.until <= b.until {
                left.next()
            } else {
                right.next()
            };
        }
        set
    }

    /// The instants of this set that are not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let mut set = Self::new();
        let mut cuts = other.iter().peekable();
        for span in self.iter() {
            let mut from = span.from;
            while let Some(cut) = cuts.peek().filter(|cut| cut.from < span.until) {
                set.push(Span::new(from, cut.from));
                from = from.max(cut.until);
                // A cut that ends after this span may also cut the next one.
                if cut.until > span.until {
                    break;
                }
                cuts.next();
            }
            set.push(Span::new(from, span.until));
        }
        set
    }

    /// Whether `other` is a subset of this set.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.iter().all(|span| {
            self.span_at(span.from)
                .is_some_and(|own| own.until >= span.until)
        })
    }
}

impl<'a> IntoIterator for &'a SpanSet {
    type Item = &'a Span;
    type IntoIter = slice::Iter<'a, Span>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Span> for SpanSet {
    fn from(span: Span) -> Self {
        if span.is_empty() {
            Self::new()
        } else {
            Self(Spans::One(span))
        }
    }
}

impl FromIterator<Span> for SpanSet {
    fn from_iter<T: IntoIterator<Item = Span>>(spans: T) -> Self {
        Self::of(spans)
    }
}
