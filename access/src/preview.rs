//! Computes how a change of one rule would affect the access of a member, by evaluating both versions and comparing them.
//!
//! Only times at or after the given instant count. `change` returns `None` where the access stays the same, so an effect that is
//! collected over all members is exact. Without a schedule condition the result is exact for all time; with one, up to the
//! horizon of the `Trial`. Called by previews.

use std::time::Duration;

use jiff::civil::Date;

use crate::{
    evaluate::evaluate,
    fact::{AccessScope, Entitlement, Facts, Holding, Id},
    instant::Instant,
    rule::{
        BlockedPolicy, Condition, MembershipCondition, PurchaseCondition, RegistrationCondition,
        RegistrationSpan, Rule, RuleVersion, ScheduleCondition,
    },
    span::{Span, SpanSet},
};

/// How far ahead recurring windows are compared: more than a year, so that it covers every week and every clock change.
const AHEAD: Duration = Duration::from_hours(24 * 400);

/// A change of one rule, prepared for one target.
#[derive(Clone, Debug)]
pub struct Trial<'a> {
    kept: Vec<&'a Rule>,
    before: Option<&'a Rule>,
    after: Option<&'a Rule>,
    covering: Vec<AccessScope>,
    at: Instant,
    /// The end of the comparison of recurring windows, extended for members with later bookings; `None` without schedule
    /// conditions.
    horizon: Option<Instant>,
    /// The old and the new rule without schedules. Each holds at least as often as the full rule.
    unscheduled: [Option<Rule>; 2],
}

/// How a change affects one member at one target. `gained` or `lost` is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When the member may pass before the change.
    pub before: SpanSet,
    /// When the member may pass after the change.
    pub after: SpanSet,
    /// The added time, from the given instant on.
    pub gained: SpanSet,
    /// The lost time, from the given instant on.
    pub lost: SpanSet,
}

/// The effect of a change over all compared members.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// At least one member gains time.
    pub adds: bool,
    /// At least one member loses time.
    pub removes: bool,
}

impl Effect {
    /// Adds the change of another member.
    pub fn add(&mut self, change: &Change) {
        self.adds |= !change.gained.is_empty();
        self.removes |= !change.lost.is_empty();
    }
}

impl<'a> Trial<'a> {
    /// `kept`: the other rules that apply to the target, which stay the same. `before` and `after`: the old and the new rule,
    /// `None` where it does not apply to the target. `covering`: as for `evaluate`. Times before `at` are ignored.
    #[must_use]
    pub fn new(
        kept: Vec<&'a Rule>,
        before: Option<&'a Rule>,
        after: Option<&'a Rule>,
        covering: Vec<AccessScope>,
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

    /// How the change affects a member; `None` where the access stays the same.
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
        difference(&before, &after, within)?;
        // Subtracting the suspension distributes over the union, so rules can be evaluated separately.
        let others = evaluate(facts, &self.kept, &self.covering, within).spans;
        let (before, after) = (others.union(&before), others.union(&after));
        let (gained, lost) = difference(&before, &after, within)?;
        Some(Change {
            before,
            after,
            gained,
            lost,
        })
    }

    /// The span of the comparison: from the instant on; without schedule conditions it has no end.
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

    /// Whether the old or the new rule can give the member anything. A cheap check that avoids generating the weekly windows.
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

/// What `after` adds to `before` and what it lacks, within a span; `None` where neither exists.
fn difference(before: &SpanSet, after: &SpanSet, within: Span) -> Option<(SpanSet, SpanSet)> {
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

/// `AHEAD` after `at` and after the latest date of the schedules, so that every recurrence is covered.
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

/// The rule without its schedule conditions. Versions that have only schedule conditions keep them.
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

/// The times after `at` at which the schedule conditions among `conditions` hold; all time where there is none.
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

/// Whether everyone who may pass by `narrow` may pass by `wide` at the same times, for all possible facts: each condition of
/// `wide` is implied by a condition of `narrow`. False where that cannot be proven.
#[must_use]
pub fn makes_redundant(wide: &Rule, narrow: &Rule) -> bool {
    let (Some(wide), Some(narrow)) = (wide.current(), narrow.current()) else {
        return false;
    };
    // For ongoing bookings the earlier versions of both rules apply, which this does not compare.
    let spares = |condition: &Condition| match condition {
        Condition::Registration(registration) => !registration.applies_to_ongoing,
        _ => false,
    };
    let provable = wide.can_hold() && narrow.can_hold();
    let mut all = wide.conditions.iter().chain(&narrow.conditions);
    provable
        && !all.any(spares)
        && wide
            .conditions
            .iter()
            .all(|wide| narrow.conditions.iter().any(|narrow| implies(wide, narrow)))
}

/// Whether `wide` holds whenever `narrow` does.
fn implies(wide: &Condition, narrow: &Condition) -> bool {
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

/// Whether `wide` accepts everything that `narrow` accepts; an empty list accepts everything.
fn names<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
    wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(|item| wide.contains(item)))
}

fn membership(wide: &MembershipCondition, narrow: &MembershipCondition) -> bool {
    // A longer grace period joins blocks that a shorter one keeps apart, so neither implies the other.
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
