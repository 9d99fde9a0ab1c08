//! The plan of one scope for one Kisi user.
//!
//! An assignment that is already right is left alone. One whose window has ended is reused where windows can be changed, and
//! deleted a day later otherwise. The order of steps across scopes is decided in `plan`, the only caller.

use super::{Draft, Grant, KEEP_EXPIRED, Lane, PlanInput, pairing};
use crate::{
    fact::AccessScope,
    instant::Instant,
    span::{Span, SpanSet},
};

/// A place or an account: assignments there have no window, so one unlimited assignment exists while the member may pass.
pub(super) fn unbounded(
    scope: AccessScope,
    windows: &SpanSet,
    grants: &[Grant],
    setting: PlanInput,
    draft: &mut Draft,
) {
    let now = setting.now;
    let wanted = windows.contains(now);
    if let Some(edge) = windows.next_edge_after(now) {
        draft.replan_by(edge);
    }
    if wanted && grants.is_empty() {
        draft.create(scope, Span::ALWAYS, now);
    }
    let lane = if wanted { Lane::Rest } else { Lane::Revocation };
    for surplus in grants.iter().skip(usize::from(wanted)) {
        draft.delete(surplus.id, lane);
    }
}

/// A group: assignments have a window that Kisi enforces.
pub(super) fn windowed(
    scope: AccessScope,
    windows: &SpanSet,
    grants: &[Grant],
    setting: PlanInput,
    draft: &mut Draft,
) {
    let now = setting.now;
    let reach = now.plus(setting.horizon);
    let mut wanted: Vec<Span> = SpanSet::of(requested_windows(windows, grants, setting))
        .iter()
        .filter(|window| window.until > now)
        .copied()
        .collect();
    let beyond = wanted.split_off(wanted.partition_point(|window| window.from <= reach));
    if let Some(next) = beyond.first() {
        draft.replan_by(next.from.minus(setting.horizon));
    }
    let mut rest: Vec<&Grant> = grants.iter().collect();
    if setting.abilities.duplicate_assignments.may_work() {
        // Keeps assignments for windows beyond the horizon, although new ones are not sent yet.
        beyond.iter().for_each(|window| {
            take_exact(&mut rest, *window);
        });
        plan_many(scope, &wanted, rest, setting, draft);
        wanted
            .iter()
            .for_each(|window| draft.replan_by(window.until.plus(KEEP_EXPIRED)));
    } else {
        let first = wanted.first().copied();
        if let Some(first) = first {
            let more = wanted.len() > 1 || !beyond.is_empty();
            draft.replan_by(first.until.plus(if more {
                Default::default()
            } else {
                KEEP_EXPIRED
            }));
        }
        plan_single(scope, first, rest, setting, draft);
    }
}

/// The windows to request from Kisi. A window that Kisi already holds exactly, in whole seconds, is requested unchanged. A window
/// that has ended, and that only the rounding prolongs, stays in the list if an assignment with the same rounded end exists: that
/// assignment runs out on its own. Otherwise it is dropped.
fn requested_windows<'s>(
    windows: &'s SpanSet,
    grants: &'s [Grant],
    setting: PlanInput,
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

/// One assignment for each window.
fn plan_many(
    scope: AccessScope,
    wanted: &[Span],
    mut rest: Vec<&Grant>,
    setting: PlanInput,
    draft: &mut Draft,
) {
    let now = setting.now;
    let before = remaining(rest.iter().map(|grant| grant.window), now);
    let mut missing = wanted.to_vec();
    let mut settled = Vec::new();
    missing.retain(|window| match take_exact(&mut rest, *window) {
        Some(grant) => {
            settled.push(grant.window);
            false
        }
        None => true,
    });
    let after = remaining(wanted.iter().copied(), now);
    if !after.covers(&before) {
        draft.raise_lane(Lane::Revocation);
    }
    let (mut expired, mut live): (Vec<_>, Vec<_>) = rest
        .into_iter()
        .partition(|grant| grant.window.until <= now);
    if setting.abilities.change_window.may_work() {
        let pairs = pairing::pair(&mut live, &mut missing, now);
        let by_expired = expired.len().min(missing.len());
        let reused = expired.drain(..by_expired).zip(missing.iter().copied());
        // Changing an expired assignment takes nothing away, so these go first and the other changes can rely on them.
        for (grant, window) in reused {
            draft.change(grant.id, window, now);
        }
        let present = settled.iter().chain(&missing).copied();
        let present = present.chain(live.iter().map(|grant| grant.window));
        let order = pairing::order(pairs, present.collect(), &before.intersect(&after), now);
        for (grant, window) in order.changes {
            draft.change(grant.id, window, now);
        }
        for (grant, window) in order.replacements {
            draft.create(scope, window, now);
            live.push(grant);
        }
        missing.drain(..by_expired);
    }
    for window in missing {
        draft.create(scope, window, now);
    }
    for grant in live {
        // The lane for lost time was set above, for all grants together.
        draft.delete(grant.id, Lane::Rest);
    }
    clean_up(&expired, now, draft);
}

/// At most one assignment; it gets the window that ends first.
fn plan_single(
    scope: AccessScope,
    wanted: Option<Span>,
    mut rest: Vec<&Grant>,
    setting: PlanInput,
    draft: &mut Draft,
) {
    let now = setting.now;
    let before = remaining(rest.iter().map(|grant| grant.window), now);
    if !remaining(wanted, now).covers(&before) {
        draft.raise_lane(Lane::Revocation);
    }
    let kept = wanted.and_then(|window| take_exact(&mut rest, window));
    // Grants that are open or still to come first, expired ones last.
    rest.sort_by_key(|grant| (grant.window.until <= now, grant.window.from, grant.id));
    if let (Some(window), None) = (wanted, kept) {
        if rest.is_empty() {
            draft.create(scope, window, now);
        } else if setting.abilities.change_window.may_work() {
            let grant = rest.remove(0);
            draft.change(grant.id, window, now);
        } else {
            // Even an expired assignment blocks a new one.
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
            draft.replan_by(due);
        }
    }
}

fn take_exact<'g>(grants: &mut Vec<&'g Grant>, window: Span) -> Option<&'g Grant> {
    let place = grants.iter().position(|grant| grant.window == window)?;
    Some(grants.remove(place))
}

/// The part of the windows from `now` on.
pub(super) fn remaining(windows: impl IntoIterator<Item = Span>, now: Instant) -> SpanSet {
    let to_come = Span::new(now, Instant::END);
    SpanSet::of(windows.into_iter().map(|window| window.intersect(&to_come)))
}
