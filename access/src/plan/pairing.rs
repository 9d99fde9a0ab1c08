//! Which assignment takes which window, and in which order, so that nobody is shut out on the way.
//!
//! Promises: an assignment that is open now goes with the window that is open now; each change
//! leaves everything open that is open before and after all of them; where no order of changes
//! does, one is made anew and the old one goes last. Called by `scope` alone.

use super::{Grant, scope::open_later};
use crate::{
    instant::Instant,
    span::{Span, SpanSet},
};

pub(super) type Pair<'g> = (&'g Grant, Span);

/// Takes pairs out of `live` and `missing` until one of them is empty.
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

/// The smaller, the better they go together: both open, then the longer overlap, then the nearer
/// beginning.
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
    /// To be done in this order, after every creation.
    pub changes: Vec<Pair<'g>>,
    /// To be created beforehand, with the old one deleted at the end.
    pub replaced: Vec<Pair<'g>>,
}

/// An order of the changes in which `needed` stays open. `known`: the windows that are there
/// throughout.
pub(super) fn order<'g>(
    mut pairs: Vec<Pair<'g>>,
    mut known: Vec<Span>,
    needed: &SpanSet,
    now: Instant,
) -> Order<'g> {
    let mut order = Order {
        changes: Vec::new(),
        replaced: Vec::new(),
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
            open_later(others.chain(known.iter().copied()), now).covers(needed)
        };
        if let Some(place) = (0..pairs.len()).find(|place| leaves_no_gap(*place)) {
            let pair = pairs.remove(place);
            known.push(pair.1);
            order.changes.push(pair);
        } else {
            let pair = pairs.remove(0);
            known.extend([pair.0.window, pair.1]);
            order.replaced.push(pair);
        }
    }
    order
}
