//! What a change of one rule does to a member's access, before it is made: two evaluations and their difference.
//!
//! Promises: only what lies at or after the instant asked from counts; a change is `None` where nothing of it does, so that
//! an effect folded over all members is proven, not sampled. Without a schedule the answer is exact for all time; with one,
//! for the days ahead that `Trial` names. Never: decides anything by itself; it calls `evaluate`. Called by previews.

use std::time::Duration;

use jiff::civil::Date;

use crate::{
    evaluate::evaluate,
    fact::{Entitlement, Facts, Holding, Id, Scope},
    instant::Instant,
    rule::{
        BlockedPolicy, Condition, MembershipCondition, PurchaseCondition, RegistrationCondition,
        RegistrationSpan, Rule, RuleVersion, ScheduleCondition,
    },
    span::{Span, SpanSet},
};

/// How far ahead recurring windows are compared: more than a year of weeks, each change of clocks among them.
const AHEAD: Duration = Duration::from_hours(24 * 400);

/// A change of one rule, as one target sees it.
#[derive(Clone, Debug)]
pub struct Trial<'a> {
    kept: Vec<&'a Rule>,
    before: Option<&'a Rule>,
    after: Option<&'a Rule>,
    covering: Vec<Scope>,
    at: Instant,
    /// Where recurring windows are compared to, unless a booking lies later; none where nothing recurs.
    horizon: Option<Instant>,
    /// The rule before and after without its schedules: it holds at least as often.
    unscheduled: [Option<Rule>; 2],
}

/// What a change does to one member at one target. Either `gained` or `lost` holds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When the member may pass as things are.
    pub before: SpanSet,
    /// When the member may pass with the change.
    pub after: SpanSet,
    /// What is added, from the instant asked from.
    pub gained: SpanSet,
    /// What is taken away, from the instant asked from.
    pub lost: SpanSet,
}

/// What a change does to all whom it was tried on.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Somebody gains something.
    pub adds: bool,
    /// Somebody loses something.
    pub removes: bool,
}

impl Effect {
    /// Takes a further change into account.
    pub fn add(&mut self, change: &Change) {
        self.adds |= !change.gained.is_empty();
        self.removes |= !change.lost.is_empty();
    }
}

impl<'a> Trial<'a> {
    /// `kept`: the other rules that bear on the target, before and after alike. `before` and `after`: the rule, where it
    /// bears on the target then. `covering`: as for `evaluate`. What lies before `at` does not count.
    #[must_use]
    pub fn new(
        kept: Vec<&'a Rule>,
        before: Option<&'a Rule>,
        after: Option<&'a Rule>,
        covering: Vec<Scope>,
        at: Instant,
    ) -> Self {
        let all = kept.iter().copied().chain(before).chain(after);
        let recurs = all.flat_map(schedules).next().is_some();
        let changed = before.into_iter().chain(after);
        let horizon = recurs.then(|| horizon(changed.flat_map(schedules), at));
        Self {
            unscheduled: [before, after].map(|rule| rule.map(unscheduled)),
            kept,
            before,
            after,
            covering,
            at,
            horizon,
        }
    }

    /// What the change does to a member; `None` where it does nothing.
    #[must_use]
    pub fn change(&self, facts: &Facts) -> Option<Change> {
        if !self.concerns(facts) {
            return None;
        }
        let within = self.within(facts);
        let alone = |rule: Option<&Rule>| match rule {
            Some(rule) => evaluate(facts, &[rule], &[], within).spans,
            None => SpanSet::new(),
        };
        let (before, after) = (alone(self.before), alone(self.after));
        differing(&before, &after, within)?;
        // What is left of a union after the suspension is the union of what is left of its parts.
        let others = evaluate(facts, &self.kept, &self.covering, within).spans;
        let (before, after) = (others.union(&before), others.union(&after));
        let (gained, lost) = differing(&before, &after, within)?;
        Some(Change {
            before,
            after,
            gained,
            lost,
        })
    }

    /// Where two answers are compared: from the instant on, to the end of time where nothing recurs.
    #[must_use]
    pub fn within(&self, facts: &Facts) -> Span {
        let Some(horizon) = self.horizon else {
            return Span::new(self.at, Instant::END);
        };
        let last = facts.entitlements.iter().filter_map(booked_until).max();
        let until = match last.filter(|last| *last >= horizon) {
            Some(last) => last.plus(AHEAD),
            None => horizon,
        };
        Span::new(self.at, until)
    }

    /// Whether the rule gives the member anything, before or after; walking the weeks for nothing is what would take the
    /// time.
    fn concerns(&self, facts: &Facts) -> bool {
        let ahead = Span::new(self.at, Instant::END);
        self.unscheduled.iter().flatten().any(|rule| {
            let gives = || {
                let spans = evaluate(facts, &[rule], &[], ahead).spans;
                spans.iter().any(|span| span.overlaps(&ahead))
            };
            rule.versions.iter().any(is_schedules_alone) || gives()
        })
    }
}

/// What the second adds and what it takes away, within a span.
fn differing(before: &SpanSet, after: &SpanSet, within: Span) -> Option<(SpanSet, SpanSet)> {
    let within = SpanSet::from(within);
    let gained = after.subtract(before).intersect(&within);
    let lost = before.subtract(after).intersect(&within);
    (!gained.is_empty() || !lost.is_empty()).then_some((gained, lost))
}

fn booked_until(entitlement: &Entitlement) -> Option<Instant> {
    match entitlement.holding {
        Holding::Registration { .. } => entitlement.span.until.known(),
        Holding::Membership { .. } | Holding::Purchase { .. } => None,
    }
}

fn schedules(rule: &Rule) -> impl Iterator<Item = &ScheduleCondition> {
    let conditions = rule.versions.iter().flat_map(|version| &version.conditions);
    conditions.filter_map(|condition| match condition {
        Condition::Schedule(schedule) => Some(schedule),
        _ => None,
    })
}

/// So far ahead of `at`, and of each date that a schedule names, that what recurs has shown itself.
fn horizon<'a>(schedules: impl Iterator<Item = &'a ScheduleCondition>, at: Instant) -> Instant {
    let dates = schedules.flat_map(|schedule| {
        let midnight = |date: Date| date.to_zoned(schedule.zone.clone()).ok();
        let dates = [schedule.start_date, schedule.end_date];
        dates.into_iter().flatten().filter_map(midnight)
    });
    let latest = dates
        .map(|date| Instant::from_timestamp(date.timestamp()))
        .max();
    latest.map_or(at, |latest| latest.max(at)).plus(AHEAD)
}

fn is_schedules_alone(version: &RuleVersion) -> bool {
    let is_schedule = |condition: &Condition| matches!(condition, Condition::Schedule(_));
    version.can_hold() && version.conditions.iter().all(is_schedule)
}

/// The rule without the schedules that stand beside another condition.
fn unscheduled(rule: &Rule) -> Rule {
    let mut rule = rule.clone();
    for version in &mut rule.versions {
        if !is_schedules_alone(version) {
            version
                .conditions
                .retain(|condition| !matches!(condition, Condition::Schedule(_)));
        }
    }
    rule
}

/// When the schedules among some conditions allow anything at all, from `at` on, whoever it is; always where there is none.
#[must_use]
pub fn allowed_times(conditions: &[Condition], at: Instant) -> SpanSet {
    let only: Vec<Condition> = conditions
        .iter()
        .filter(|condition| matches!(condition, Condition::Schedule(_)))
        .cloned()
        .collect();
    if only.is_empty() {
        return SpanSet::always();
    }
    let rule = Rule {
        id: Id(0),
        target: crate::rule::Target::Lock(Id(0)),
        versions: vec![RuleVersion {
            since: Instant::BEGINNING,
            enabled: true,
            conditions: only,
        }],
    };
    let within = Span::new(at, horizon(schedules(&rule), at));
    let facts = Facts::default();
    let spans = evaluate(&facts, &[&rule], &[], within).spans;
    spans.intersect(&SpanSet::from(within))
}

/// Whether whoever may pass by `narrow` may pass by `wide` at the same times, whatever the facts: each condition of `wide`
/// is one of `narrow`'s, or asks for less. False where it cannot be proven.
#[must_use]
pub fn makes_needless(wide: &Rule, narrow: &Rule) -> bool {
    let (Some(wide), Some(narrow)) = (wide.standing(), narrow.standing()) else {
        return false;
    };
    // Bookings that an earlier version judges are judged by two rules in two ways.
    let spares = |condition: &Condition| match condition {
        Condition::Registration(registration) => !registration.applies_to_ongoing,
        _ => false,
    };
    let provable = wide.can_hold() && narrow.can_hold();
    let mut all = wide.conditions.iter().chain(&narrow.conditions);
    provable
        && !all.any(spares)
        && wide.conditions.iter().all(|wide| {
            narrow
                .conditions
                .iter()
                .any(|narrow| asks_less(wide, narrow))
        })
}

/// Whether `wide` holds whenever `narrow` does.
fn asks_less(wide: &Condition, narrow: &Condition) -> bool {
    match (wide, narrow) {
        (Condition::Membership(wide), Condition::Membership(narrow)) => membership(wide, narrow),
        (Condition::Registration(wide), Condition::Registration(narrow)) => {
            registration(wide, narrow)
        }
        (Condition::Purchase(wide), Condition::Purchase(narrow)) => purchase(wide, narrow),
        (Condition::Tag(wide), Condition::Tag(narrow)) => {
            narrow.tags.iter().all(|tag| wide.tags.contains(tag))
        }
        (Condition::Schedule(wide), Condition::Schedule(narrow)) => schedule(wide, narrow),
        _ => false,
    }
}

/// Whether a list that names nothing, and so asks for nothing, or all of another.
fn names<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
    wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(|one| wide.contains(one)))
}

fn membership(wide: &MembershipCondition, narrow: &MembershipCondition) -> bool {
    // A longer grace joins blocks that a shorter one leaves apart: neither is the wider one.
    let policy =
        wide.when_blocked == BlockedPolicy::Allow || wide.when_blocked == narrow.when_blocked;
    policy && names(&wide.offerings, &narrow.offerings) && names(&wide.locations, &narrow.locations)
}

fn registration(wide: &RegistrationCondition, narrow: &RegistrationCondition) -> bool {
    wide.opens_before >= narrow.opens_before
        && wide.closes_after >= narrow.closes_after
        && (wide.span == RegistrationSpan::Day || narrow.span == RegistrationSpan::Booking)
        && (wide.guests || !narrow.guests)
        && names(&wide.kinds, &narrow.kinds)
        && names(&wide.offerings, &narrow.offerings)
        && names(&wide.locations, &narrow.locations)
}

fn purchase(wide: &PurchaseCondition, narrow: &PurchaseCondition) -> bool {
    names(&wide.offerings, &narrow.offerings) && names(&wide.locations, &narrow.locations)
}

fn schedule(wide: &ScheduleCondition, narrow: &ScheduleCondition) -> bool {
    let starts = wide
        .start_date
        .is_none_or(|wide| narrow.start_date.is_some_and(|narrow| wide <= narrow));
    let ends = wide
        .end_date
        .is_none_or(|wide| narrow.end_date.is_some_and(|narrow| narrow <= wide));
    let hours = (wide.from_minute, wide.until_minute) == (narrow.from_minute, narrow.until_minute);
    let days = narrow.days.iter().all(|day| wide.days.contains(day));
    hours && days && wide.zone == narrow.zone && starts && ends
}
