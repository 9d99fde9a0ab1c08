//! Evaluates facts and rules into the spans in which a member may pass one target, with the reasons.
//!
//! A rule holds in the intersection of the spans of its conditions. The result is the union of the spans of the rules and shares,
//! minus the suspension; the reasons are the same spans, so they always agree with the result. Pure, and without a "now". Every
//! decision, explanation, preview and plan calls it.

use crate::{
    condition::{Bookings, ConditionAccess, evaluate_condition, registration},
    fact::{AccessScope, Entitlement, Facts, Holding, Id, Share, Suspension},
    instant::Instant,
    rule::{Condition, Rule, RuleVersion},
    span::{Span, SpanSet},
};

/// When a member may pass one target, with the reasons.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    /// When the member may pass: the spans of rules and shares, minus the suspension.
    pub spans: SpanSet,
    /// The given rules that have a version, in the given order. The suspension is not subtracted.
    pub rules: Vec<RuleAccess<'a>>,
    /// All shares that cover the target, at any time. The suspension is not subtracted.
    pub shares: Vec<(&'a Share, SpanSet)>,
    /// The suspension that is subtracted from `spans`.
    pub suspension: Option<&'a Suspension>,
    pub(crate) facts: &'a Facts,
}

/// When one rule holds, with the reasons.
#[derive(Clone, Debug)]
pub struct RuleAccess<'a> {
    /// The evaluated rule.
    pub rule: &'a Rule,
    /// The intersection of the spans of its conditions; empty for a rule that is disabled or has no condition.
    pub spans: SpanSet,
    /// The conditions of the current version. Their spans include what ongoing bookings get under an earlier version.
    pub conditions: Vec<ConditionAccess<'a>>,
    /// The ongoing bookings to which an earlier version applies, with the spans that it gives them.
    pub ongoing: Vec<(&'a Entitlement, SpanSet)>,
    /// Whether the current version is enabled and has a condition.
    pub can_hold: bool,
}

impl RuleAccess<'_> {
    /// The offering of an entitlement that satisfies a condition at `at`.
    pub(crate) fn offering_at(&self, at: Instant) -> Option<Id> {
        let because = self
            .conditions
            .iter()
            .flat_map(|condition| &condition.because);
        let mut satisfying = because.chain(&self.ongoing);
        let (entitlement, _) = satisfying.find(|(_, spans)| spans.contains(at))?;
        Some(entitlement.offering)
    }
}

impl Access<'_> {
    /// When the result changes next after `at`; `None` where no later change is known.
    #[must_use]
    pub fn next_edge_after(&self, at: Instant) -> Option<Instant> {
        self.spans.next_edge_after(at)
    }
}

/// Computes when a member may pass a target.
///
/// `rules`: all rules that apply to the target (for a lock: its own, and those of the groups that contain it). `covering`: the
/// scopes whose shares cover the target. `around`: schedule windows that overlap it are generated in full. All other spans are
/// exact for all time, so the result is reliable within `around`. With a schedule condition, `around` must be bounded on at least
/// one side.
#[must_use]
pub fn evaluate<'a>(
    facts: &'a Facts,
    rules: &[&'a Rule],
    covering: &[AccessScope],
    around: Span,
) -> Access<'a> {
    let rules: Vec<_> = rules
        .iter()
        .filter_map(|rule| evaluate_rule(rule, facts, around))
        .collect();
    let shares: Vec<_> = facts
        .shares
        .iter()
        .filter(|share| covering.contains(&share.scope))
        .map(|share| (share, SpanSet::from(share.span)))
        .collect();
    let by_rules = rules.iter().flat_map(|rule| &rule.spans);
    let by_shares = shares.iter().flat_map(|(_, spans)| spans);
    let mut spans = SpanSet::of(by_rules.chain(by_shares).copied());
    let suspension = facts.suspension.as_ref();
    if let Some(suspension) = suspension {
        spans = spans.subtract(&SpanSet::from(suspension.span));
    }
    Access {
        spans,
        rules,
        shares,
        suspension,
        facts,
    }
}

fn evaluate_rule<'a>(rule: &'a Rule, facts: &'a Facts, around: Span) -> Option<RuleAccess<'a>> {
    let current = rule.current()?;
    let bookings = Bookings::Since(current.since);
    let conditions = current.conditions.iter();
    let mut conditions: Vec<_> = conditions
        .map(|condition| evaluate_condition(condition, facts, bookings, around))
        .collect();
    let can_hold = current.can_hold();
    if !can_hold {
        return Some(RuleAccess {
            rule,
            spans: SpanSet::new(),
            conditions,
            ongoing: Vec::new(),
            can_hold,
        });
    }
    let ongoing = evaluate_ongoing(rule, current, facts, around);
    if !ongoing.is_empty() {
        let ongoing_spans = SpanSet::of(ongoing.iter().flat_map(|(_, spans)| spans).copied());
        for condition in &mut conditions {
            // Adding the spans to every condition adds them to the intersection.
            condition.spans = condition.spans.union(&ongoing_spans);
            if matches!(condition.condition, Condition::Registration(_)) {
                add_reasons(condition, &ongoing);
            }
        }
    }
    Some(RuleAccess {
        rule,
        spans: intersection(&conditions),
        conditions,
        ongoing,
        can_hold,
    })
}

fn intersection(conditions: &[ConditionAccess<'_>]) -> SpanSet {
    let mut conditions = conditions.iter();
    let Some(first) = conditions.next() else {
        return SpanSet::new();
    };
    conditions.fold(first.spans.clone(), |spans, condition| {
        if spans.is_empty() {
            spans
        } else {
            spans.intersect(&condition.spans)
        }
    })
}

/// The bookings to which the current version does not apply, because they began under an earlier one, with the spans that the
/// earlier version gives them.
fn evaluate_ongoing<'a>(
    rule: &'a Rule,
    current: &RuleVersion,
    facts: &'a Facts,
    around: Span,
) -> Vec<(&'a Entitlement, SpanSet)> {
    let spares_ongoing = |condition: &Condition| match condition {
        Condition::Registration(registration) => !registration.applies_to_ongoing,
        _ => false,
    };
    if !current.conditions.iter().any(spares_ongoing) {
        return Vec::new();
    }
    let begun_before = |entitlement: &&Entitlement| {
        matches!(entitlement.holding, Holding::Registration { .. })
            && entitlement.span.from < current.since
    };
    let evaluate_booking = |booking: &'a Entitlement| {
        let version = rule.version_at(booking.span.from)?;
        if !version.can_hold() || !satisfies_registrations(version, booking) {
            return None;
        }
        let conditions = version.conditions.iter();
        let conditions: Vec<_> = conditions
            .map(|condition| {
                evaluate_condition(condition, facts, Bookings::Single(booking), around)
            })
            .collect();
        let spans = intersection(&conditions);
        (!spans.is_empty()).then_some((booking, spans))
    };
    facts
        .entitlements
        .iter()
        .filter(begun_before)
        .filter_map(evaluate_booking)
        .collect()
}

/// Whether the booking satisfies every registration condition of the version. False for a version without one: it gives access
/// without a booking, so no booking can rely on it.
fn satisfies_registrations(version: &RuleVersion, booking: &Entitlement) -> bool {
    let mut asks = false;
    for condition in &version.conditions {
        if let Condition::Registration(condition) = condition {
            if registration::span(condition, booking).is_none() {
                return false;
            }
            asks = true;
        }
    }
    asks
}

fn add_reasons<'a>(condition: &mut ConditionAccess<'a>, ongoing: &[(&'a Entitlement, SpanSet)]) {
    for (booking, spans) in ongoing {
        match condition
            .because
            .iter_mut()
            .find(|(entitlement, _)| std::ptr::eq(*entitlement, *booking))
        {
            Some((_, total)) => *total = total.union(spans),
            None => condition.because.push((booking, spans.clone())),
        }
    }
}
