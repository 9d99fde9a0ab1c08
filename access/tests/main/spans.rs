//! Tests of the span algebra against a simple model: a set of minutes.

use std::collections::BTreeSet;

use access::{Instant, Span, SpanSet};
use proptest::prelude::*;

use crate::build::{for_minutes, minute, minutes, set};

const MINUTES: i64 = 40;

fn any_spans() -> impl Strategy<Value = Vec<Span>> {
    prop::collection::vec((0..MINUTES, 0..MINUTES), 0..8).prop_map(|pairs| {
        pairs
            .into_iter()
            .map(|(from, until)| minutes(from, until))
            .collect()
    })
}

fn model(spans: &[Span]) -> BTreeSet<i64> {
    (0..MINUTES)
        .filter(|m| spans.iter().any(|span| span.contains(minute(*m))))
        .collect()
}

fn modelled(set: &SpanSet) -> BTreeSet<i64> {
    for pair in set.as_slice().windows(2) {
        assert!(
            pair[0].until < pair[1].from,
            "sorted, disjoint, merged: {set:?}"
        );
    }
    assert!(set.iter().all(|span| !span.is_empty()));
    assert_eq!(set.is_empty(), set.as_slice().is_empty());
    model(set.as_slice())
}

proptest! {
    #[test]
    fn sets_are_sets_of_minutes(a in any_spans(), b in any_spans(), now in 0..MINUTES) {
        let (left, right) = (set(&a), set(&b));
        let (ma, mb) = (model(&a), model(&b));
        prop_assert_eq!(modelled(&left), ma.clone());
        prop_assert_eq!(modelled(&left.union(&right)), &ma | &mb);
        prop_assert_eq!(modelled(&left.intersect(&right)), &ma & &mb);
        prop_assert_eq!(modelled(&left.subtract(&right)), &ma - &mb);
        prop_assert_eq!(left.covers(&right), mb.is_subset(&ma));
        prop_assert_eq!(left.contains(minute(now)), ma.contains(&now));
        prop_assert_eq!(left.span_at(minute(now)).is_some(), ma.contains(&now));
        let here = ma.contains(&now);
        let edge = (now + 1..=MINUTES).find(|m| ma.contains(m) != here).map(minute);
        prop_assert_eq!(left.next_edge_after(minute(now)), edge);
        prop_assert_eq!(set(left.as_slice()), left);
    }

    #[test]
    fn open_ends_behave(a in any_spans()) {
        let left = set(&a);
        let gone = SpanSet::always().subtract(&left);
        prop_assert_eq!(SpanSet::always().subtract(&gone), left.clone());
        prop_assert_eq!(gone.union(&left), SpanSet::always());
        prop_assert!(gone.intersect(&left).is_empty());
        prop_assert!(SpanSet::always().covers(&gone));
    }
}

#[test]
fn adjacent_spans_are_merged() {
    assert_eq!(set(&[minutes(5, 9), minutes(1, 5)]), set(&[minutes(1, 9)]));
}

#[test]
fn sentinels_are_no_edges_and_do_not_move() {
    assert_eq!(SpanSet::always().next_edge_after(minute(0)), None);
    assert_eq!(
        Span::ALWAYS.widened(for_minutes(5), for_minutes(5)),
        Span::ALWAYS
    );
    assert_eq!(Span::ALWAYS.whole_seconds(), Span::ALWAYS);
    assert_eq!(Instant::END.minus(for_minutes(1)), Instant::END);
    assert_eq!(Instant::BEGINNING.known(), None);
    assert_eq!(
        Instant::from_micros(i64::MAX - 1).plus(for_minutes(1)),
        Instant::END
    );
}

#[test]
fn rounding_to_seconds_works_before_the_epoch() {
    let rounded = |micros| {
        let instant = Instant::from_micros(micros);
        (instant.floor_to(1).micros(), instant.ceil_to(1).micros())
    };
    assert_eq!(rounded(1_500_000), (1_000_000, 2_000_000));
    assert_eq!(rounded(2_000_000), (2_000_000, 2_000_000));
    assert_eq!(rounded(-1), (-1_000_000, 0));
}

#[test]
fn timestamps_are_clamped() {
    assert_eq!(Instant::END.timestamp(), jiff::Timestamp::MAX);
    assert_eq!(Instant::BEGINNING.timestamp(), jiff::Timestamp::MIN);
    assert_eq!(Instant::from_timestamp(minute(7).timestamp()), minute(7));
}
