//! The plan of one scope for one Kisi user.
//!
//! Promises: an assignment that is right already is left alone; one whose window is over is reused
//! where windows can be changed, else it goes a day later. Never: orders steps across scopes.
//! Called by `plan` alone.

use super::{Draft, Grant, KEEP_EXPIRED, Lane, Setting, pairing};
use crate::{
    fact::Scope,
    instant::Instant,
    span::{Span, SpanSet},
};

/// A place or an account knows no windows: while one is open, there is one assignment without end.
pub(super) fn unbounded(
    scope: Scope,
    windows: &SpanSet,
    grants: &[Grant],
    setting: Setting,
    draft: &mut Draft,
) {
    let now = setting.now;
    let wanted = windows.contains(now);
    if let Some(edge) = windows.next_edge_after(now) {
        draft.again(edge);
    }
    if wanted && grants.is_empty() {
        draft.create(scope, Span::ALWAYS, now);
    }
    let lane = if wanted { Lane::Rest } else { Lane::Revocation };
    for surplus in grants.iter().skip(usize::from(wanted)) {
        draft.delete(surplus.id, lane);
    }
}

/// A group: each assignment has a window that Kisi enforces.
pub(super) fn windowed(
    scope: Scope,
    windows: &SpanSet,
    grants: &[Grant],
    setting: Setting,
    draft: &mut Draft,
) {
    let now = setting.now;
    let reach = now.plus(setting.horizon);
    let mut wanted: Vec<Span> = SpanSet::of(asked_for(windows, grants, setting))
        .iter()
        .filter(|window| window.until > now)
        .copied()
        .collect();
    let beyond = wanted.split_off(wanted.partition_point(|window| window.from <= reach));
    if let Some(next) = beyond.first() {
        draft.again(next.from.minus(setting.horizon));
    }
    let mut rest: Vec<&Grant> = grants.iter().collect();
    if setting.abilities.twins.may_work() {
        // What is there already and will be wanted is kept, though it would not be sent today.
        beyond.iter().for_each(|window| {
            take_exact(&mut rest, *window);
        });
        several(scope, &wanted, rest, setting, draft);
        wanted
            .iter()
            .for_each(|window| draft.again(window.until.plus(KEEP_EXPIRED)));
    } else {
        let first = wanted.first().copied();
        if let Some(first) = first {
            let more = wanted.len() > 1 || !beyond.is_empty();
            draft.again(first.until.plus(if more {
                Default::default()
            } else {
                KEEP_EXPIRED
            }));
        }
        single(scope, first, rest, setting, draft);
    }
}

/// The windows as Kisi is asked for them. One that it holds to the second is asked for no otherwise. One that is over, and that
/// rounding alone prolongs, is left to end by itself where it is held so; where it was to last longer, it is over.
fn asked_for<'s>(
    windows: &'s SpanSet,
    grants: &'s [Grant],
    setting: Setting,
) -> impl Iterator<Item = Span> + 's {
    let now = setting.now;
    windows.iter().filter_map(move |window| {
        let exact = window.whole_seconds();
        if grants.iter().any(|grant| grant.window == exact) {
            return Some(exact);
        }
        let rounded = setting.abilities.granularity.outward(window);
        let runs_out = |grant: &Grant| grant.window.until == rounded.until;
        (window.until > now || grants.iter().any(runs_out)).then_some(rounded)
    })
}

/// Each window has an assignment of its own.
fn several(
    scope: Scope,
    wanted: &[Span],
    mut rest: Vec<&Grant>,
    setting: Setting,
    draft: &mut Draft,
) {
    let now = setting.now;
    let before = open_later(rest.iter().map(|grant| grant.window), now);
    let mut missing = wanted.to_vec();
    let mut settled = Vec::new();
    missing.retain(|window| match take_exact(&mut rest, *window) {
        Some(grant) => {
            settled.push(grant.window);
            false
        }
        None => true,
    });
    let after = open_later(wanted.iter().copied(), now);
    if !after.covers(&before) {
        draft.urge(Lane::Revocation);
    }
    let (mut expired, mut live): (Vec<_>, Vec<_>) = rest
        .into_iter()
        .partition(|grant| grant.window.until <= now);
    if setting.abilities.change_window.may_work() {
        let pairs = pairing::pair(&mut live, &mut missing, now);
        let by_expired = expired.len().min(missing.len());
        let reused = expired.drain(..by_expired).zip(missing.iter().copied());
        // Nothing is lost by these, so they go first and the others can count on them.
        for (grant, window) in reused {
            draft.change(grant.id, window, now);
        }
        let known = settled.iter().chain(&missing).copied();
        let known = known.chain(live.iter().map(|grant| grant.window));
        let order = pairing::order(pairs, known.collect(), &before.intersect(&after), now);
        for (grant, window) in order.changes {
            draft.change(grant.id, window, now);
        }
        for (grant, window) in order.replaced {
            draft.create(scope, window, now);
            live.push(grant);
        }
        missing.drain(..by_expired);
    }
    for window in missing {
        draft.create(scope, window, now);
    }
    for grant in live {
        // Whether it takes any time away was judged above, for all of them together.
        draft.delete(grant.id, Lane::Rest);
    }
    clean_up(&expired, now, draft);
}

/// One assignment at most: it holds the window that ends first.
fn single(
    scope: Scope,
    wanted: Option<Span>,
    mut rest: Vec<&Grant>,
    setting: Setting,
    draft: &mut Draft,
) {
    let now = setting.now;
    let before = open_later(rest.iter().map(|grant| grant.window), now);
    if !open_later(wanted, now).covers(&before) {
        draft.urge(Lane::Revocation);
    }
    let kept = wanted.and_then(|window| take_exact(&mut rest, window));
    // Open ones first, then those that will be, then those that were.
    rest.sort_by_key(|grant| (grant.window.until <= now, grant.window.from, grant.id));
    if let (Some(window), None) = (wanted, kept) {
        if rest.is_empty() {
            draft.create(scope, window, now);
        } else if setting.abilities.change_window.may_work() {
            let grant = rest.remove(0);
            draft.change(grant.id, window, now);
        } else {
            // Even one that is over stands in the way of another.
            rest.reverse();
            draft.replace(&rest, scope, window, now);
            return;
        }
    }
    let (expired, live): (Vec<&Grant>, Vec<&Grant>) = rest
        .into_iter()
        .partition(|grant| grant.window.until <= now);
    for grant in live {
        draft.delete(grant.id, Lane::Rest);
    }
    clean_up(&expired, now, draft);
}

fn clean_up(expired: &[&Grant], now: Instant, draft: &mut Draft) {
    for grant in expired {
        let due = grant.window.until.plus(KEEP_EXPIRED);
        if due <= now {
            draft.delete(grant.id, Lane::Cleanup);
        } else {
            draft.again(due);
        }
    }
}

fn take_exact<'g>(grants: &mut Vec<&'g Grant>, window: Span) -> Option<&'g Grant> {
    let place = grants.iter().position(|grant| grant.window == window)?;
    Some(grants.remove(place))
}

/// What of the windows is still to come.
pub(super) fn open_later(windows: impl IntoIterator<Item = Span>, now: Instant) -> SpanSet {
    let to_come = Span::new(now, Instant::END);
    SpanSet::of(windows.into_iter().map(|window| window.intersect(&to_come)))
}
