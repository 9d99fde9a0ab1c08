//! Decides which assignment takes which new window, and in which order, so that nobody is locked out during the changes.
//!
//! An open assignment takes an open window. Each change keeps everything open that is open both before and after all changes;
//! where no order of changes achieves that, a new assignment is created and the old one is deleted last. Called by `scope` only.

use super::{Grant, scope::remaining};
use crate::{
    instant::Instant,
    span::{Span, SpanSet},
};

pub(super) type Pair<'g> = (&'g Grant, Span);

/// Moves the best pairs out of `live` and `missing` until one of them is empty.
pub(super) fn pair<'g>(
    live: &mut Vec<&'g Grant>,
    missing: &mut Vec<Span>,
    now: Instant,
) -> Vec<Pair<'g>> {
    let mut pairs = Vec::new();
    loop {
        let every = live.iter().enumerate().flat_map(|(grant_place, grant)| {
            missing
                .iter()
                .enumerate()
                .map(move |(window_place, window)| {
                    (nearness(grant, *window, now), grant_place, window_place)
                })
        });
        let Some((_, grant_place, window_place)) = every.min() else {
            return pairs;
        };
        pairs.push((live.remove(grant_place), missing.remove(window_place)));
    }
}

/// The sort key of a pair, best first: both open now, then the longer overlap, then the closer start.
fn nearness(grant: &Grant, window: Span, now: Instant) -> (bool, u64, u64) {
    let both_open = grant.window.contains(now) && window.contains(now);
    let common = grant.window.intersect(&window);
    let length = if common.is_empty() {
        0
    } else {
        common.from.distance(common.until)
    };
    (
        !both_open,
        u64::MAX - length,
        grant.window.from.distance(window.from),
    )
}

pub(super) struct Order<'g> {
    /// Changes to run in this order, after all creations.
    pub changes: Vec<Pair<'g>>,
    /// Windows to create first, with the assignment to delete at the end.
    pub replacements: Vec<Pair<'g>>,
}

/// Orders the changes so that `needed` stays open. `present`: the windows that exist throughout.
pub(super) fn order<'g>(
    mut pairs: Vec<Pair<'g>>,
    mut present: Vec<Span>,
    needed: &SpanSet,
    now: Instant,
) -> Order<'g> {
    let mut order = Order {
        changes: Vec::new(),
        replacements: Vec::new(),
    };
    while !pairs.is_empty() {
        let leaves_no_gap = |place: usize| {
            let others = pairs.iter().enumerate().map(|(other, (grant, window))| {
                if other == place {
                    *window
                } else {
                    grant.window
                }
            });
            remaining(others.chain(present.iter().copied()), now).covers(needed)
        };
        if let Some(place) = (0..pairs.len()).find(|place| leaves_no_gap(*place)) {
            let pair = pairs.remove(place);
            present.push(pair.1);
            order.changes.push(pair);
        } else {
            let pair = pairs.remove(0);
            present.extend([pair.0.window, pair.1]);
            order.replacements.push(pair);
        }
    }
    order
}
