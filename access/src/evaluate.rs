//! The heart: facts and rules become the spans in which a member may pass, each with its reasons.
//!
//! Promises: pure; a rule's spans are the intersection of its conditions' spans, and the answer is
//! the union of the rules' and the shares' spans less the suspension, so reasons and answer cannot
//! disagree. Never: asks what time it is. Called for every decision, explanation, preview and plan.

use crate::{
    condition::{Bookings, ConditionAccess, hold, registration},
    fact::{Entitlement, Facts, Holding, Scope, Share, Suspension},
    instant::Instant,
    rule::{Condition, Rule, RuleVersion},
    span::{Span, SpanSet},
};

/// When a member may pass one target, and why.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    /// The answer: what rules and shares give, less the suspension.
    pub spans: SpanSet,
    /// Each rule that was handed in and has a version, in that order, before the suspension.
    pub rules: Vec<RuleAccess<'a>>,
    /// The shares that cover the target, whenever they do, before the suspension.
    pub shares: Vec<(&'a Share, SpanSet)>,
    /// What is cut from all.
    pub suspension: Option<&'a Suspension>,
    pub(crate) facts: &'a Facts,
}

/// When one rule holds, and why.
#[derive(Clone, Debug)]
pub struct RuleAccess<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The intersection of the conditions; empty where the rule is disabled or has none.
    pub spans: SpanSet,
    /// The conditions of the version that stands. Each includes what bookings give under an earlier
    /// version.
    pub conditions: Vec<ConditionAccess<'a>>,
    /// The bookings that an earlier version judges, with the spans that they give.
    pub ongoing: Vec<(&'a Entitlement, SpanSet)>,
    /// Whether the version that stands is enabled and has a condition.
    pub can_hold: bool,
}

impl Access<'_> {
    /// When the answer changes next after `at`, as far as it is known.
    #[must_use]
    pub fn next_edge_after(&self, at: Instant) -> Option<Instant> {
        self.spans.next_edge_after(at)
    }
}

/// When the member may pass a target.
///
/// `rules`: all that bear on the target (for a lock: its own, and those of the groups that contain
/// it). `covering`: the scopes whose shares cover it. `around`: schedule windows that overlap it
/// are generated, whole; everything else is exact everywhere, so an answer may be relied on within
/// `around`. A schedule needs it bounded on at least one side.
#[must_use]
pub fn evaluate<'a>(
    facts: &'a Facts,
    rules: &[&'a Rule],
    covering: &[Scope],
    around: Span,
) -> Access<'a> {
    let rules: Vec<_> = rules
        .iter()
        .filter_map(|rule| judge(rule, facts, around))
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

fn judge<'a>(rule: &'a Rule, facts: &'a Facts, around: Span) -> Option<RuleAccess<'a>> {
    let standing = rule.standing()?;
    let bookings = Bookings::Since(standing.since);
    let conditions = standing.conditions.iter();
    let mut conditions: Vec<_> = conditions
        .map(|condition| hold(condition, facts, bookings, around))
        .collect();
    let can_hold = standing.can_hold();
    if !can_hold {
        return Some(RuleAccess {
            rule,
            spans: SpanSet::new(),
            conditions,
            ongoing: Vec::new(),
            can_hold,
        });
    }
    let ongoing = judge_ongoing(rule, standing, facts, around);
    if !ongoing.is_empty() {
        let given = SpanSet::of(ongoing.iter().flat_map(|(_, spans)| spans).copied());
        for condition in &mut conditions {
            // Added to every condition, it is added to their intersection, and the rule stays
            // exactly that.
            condition.spans = condition.spans.union(&given);
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

/// The bookings that the standing version leaves to the one that stood when they began, with what
/// that one gives them.
fn judge_ongoing<'a>(
    rule: &'a Rule,
    standing: &RuleVersion,
    facts: &'a Facts,
    around: Span,
) -> Vec<(&'a Entitlement, SpanSet)> {
    let spares_ongoing = |condition: &Condition| match condition {
        Condition::Registration(registration) => !registration.applies_to_ongoing,
        _ => false,
    };
    if !standing.conditions.iter().any(spares_ongoing) {
        return Vec::new();
    }
    let begun_before = |entitlement: &&Entitlement| {
        matches!(entitlement.holding, Holding::Registration { .. })
            && entitlement.span.from < standing.since
    };
    let judged = |booking: &'a Entitlement| {
        let version = rule.version_at(booking.span.from)?;
        if !version.can_hold() || !is_judged_by(version, booking) {
            return None;
        }
        let conditions = version.conditions.iter();
        let conditions: Vec<_> = conditions
            .map(|condition| hold(condition, facts, Bookings::Only(booking), around))
            .collect();
        let spans = intersection(&conditions);
        (!spans.is_empty()).then_some((booking, spans))
    };
    facts
        .entitlements
        .iter()
        .filter(begun_before)
        .filter_map(judged)
        .collect()
}

/// Whether the booking satisfies each registration condition of a version that has one. A version
/// without any asks for no booking, so none can lean on it.
fn is_judged_by(version: &RuleVersion, booking: &Entitlement) -> bool {
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
            .find(|(known, _)| std::ptr::eq(*known, *booking))
        {
            Some((_, known)) => *known = known.union(spans),
            None => condition.because.push((booking, spans.clone())),
        }
    }
}
