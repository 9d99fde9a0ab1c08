//! Properties that every evaluation has, for random facts and rules.

use access::{
    AccessScope, Block, BlockReason, BlockedPolicy, Condition, Entitlement, Facts, Holding, Id,
    MembershipStatus, PurchaseStatus, RegistrationCondition, RegistrationStatus, Rule, RuleVersion,
    Segment, Share, SpanSet, Suspension, evaluate, fixes, near_misses,
};
use proptest::prelude::*;

use crate::build::{
    GROUP, any_booking, any_membership, any_purchase, around, booking, for_minutes, membership,
    minute, minutes, purchase, tag,
};

const MINUTES: i64 = 60;

fn any_entitlement() -> impl Strategy<Value = Entitlement> {
    let registrations = [
        RegistrationStatus::Confirmed,
        RegistrationStatus::Confirmed,
        RegistrationStatus::Tentative,
        RegistrationStatus::Cancelled,
    ];
    let memberships = [
        MembershipStatus::Active,
        MembershipStatus::Active,
        MembershipStatus::Scheduled,
        MembershipStatus::Paused,
        MembershipStatus::Ended,
    ];
    let parts = (
        0..3_u8,
        0..MINUTES,
        1..MINUTES,
        0..20_usize,
        0..MINUTES,
        any::<bool>(),
    );
    parts.prop_map(move |(sort, from, length, status, block, blocked)| {
        let span = minutes(from, from + length);
        match sort {
            0 => booking(1, registrations[status % 4], span),
            1 => {
                let mut held = membership(2, memberships[status % 5], span);
                if blocked {
                    let reason = BlockReason::PaymentFailed;
                    let blocks = vec![Block {
                        reason,
                        span: minutes(block, block + 9),
                    }];
                    held.holding = Holding::Membership {
                        status: memberships[status % 5],
                        blocks,
                    };
                }
                held
            }
            _ => purchase(3, PurchaseStatus::Paid, span),
        }
    })
}

fn any_condition() -> impl Strategy<Value = Condition> {
    (0..6_u8, any::<bool>(), 0..9_u64).prop_map(|(sort, flag, grace)| match sort {
        0 => any_purchase(),
        1 => tag(if flag { "staff" } else { "nobody" }),
        2 => any_membership(BlockedPolicy::Grace(for_minutes(grace))),
        3 => any_membership(BlockedPolicy::Deny),
        _ => {
            let condition = RegistrationCondition {
                applies_to_ongoing: flag,
                ..any_booking()
            };
            Condition::Registration(condition)
        }
    })
}

pub fn any_rule() -> impl Strategy<Value = Rule> {
    let conditions = prop::collection::vec(any_condition(), 0..3);
    let version = (0..MINUTES, prop::bool::weighted(0.8), conditions);
    prop::collection::vec(version, 0..4).prop_map(|mut versions| {
        versions.sort_by_key(|version| version.0);
        let version = |(since, enabled, conditions)| {
            let since = minute(since);
            RuleVersion {
                since,
                enabled,
                conditions,
            }
        };
        let versions = versions.into_iter().map(version).collect();
        Rule {
            id: Id(1),
            target: GROUP,
            versions,
        }
    })
}

pub fn any_facts() -> impl Strategy<Value = Facts> {
    let span = || (0..MINUTES, 1..MINUTES).prop_map(|(from, length)| minutes(from, from + length));
    let entitlements = prop::collection::vec(any_entitlement(), 0..6);
    let parts = (
        entitlements,
        any::<bool>(),
        prop::option::of(span()),
        prop::option::of(span()),
    );
    parts.prop_map(|(entitlements, staff, share, suspension)| Facts {
        entitlements,
        tags: if staff {
            vec!["staff".to_owned()]
        } else {
            vec![]
        },
        shares: share
            .map(|span| Share {
                id: Id(5),
                scope: AccessScope::Group(Id(900)),
                span,
            })
            .into_iter()
            .collect(),
        suspension: suspension.map(|span| Suspension { id: Id(6), span }),
    })
}

proptest! {
    #[test]
    fn spans_reasons_and_edges_agree(
        facts in any_facts(),
        rules in prop::collection::vec(any_rule(), 0..4),
    ) {
        let rules: Vec<_> = rules.iter().collect();
        let access = evaluate(&facts, &rules, &[AccessScope::Group(Id(900))], around());
        let mut union = SpanSet::new();
        for rule in &access.rules {
            let mut all = SpanSet::always();
            for condition in &rule.conditions {
                all = all.intersect(&condition.spans);
            }
            let holds = if rule.can_hold { all } else { SpanSet::new() };
            prop_assert_eq!(&rule.spans, &holds);
            union = union.union(&rule.spans);
        }
        for (_, spans) in &access.shares {
            union = union.union(spans);
        }
        if let Some(suspension) = &facts.suspension {
            union = union.subtract(&SpanSet::from(suspension.span));
        }
        prop_assert_eq!(&access.spans, &union);

        for at in (-15..2 * MINUTES + 15).map(minute) {
            let decision = access.decide(at);
            prop_assert_eq!(decision.allowed, access.spans.contains(at));
            prop_assert_eq!(decision.until, access.next_edge_after(at));
            if let Some(until) = decision.until {
                prop_assert_ne!(access.decide(until).allowed, decision.allowed);
            }
            let fixes = fixes(&access, at);
            prop_assert_eq!(fixes.is_empty(), decision.allowed);
            if let Some(first) = fixes.first() {
                prop_assert_eq!(first.first().map(|fix| fix.code), Some(decision.code));
            }
        }
    }

    #[test]
    fn segments_are_the_spans_with_their_causes(
        facts in any_facts(),
        rules in prop::collection::vec(any_rule(), 0..4),
        from in -15..MINUTES,
        length in 1..MINUTES,
    ) {
        let mut rules = rules;
        for (id, rule) in (1..).zip(&mut rules) {
            rule.id = Id(id);
        }
        let rules: Vec<_> = rules.iter().collect();
        let access = evaluate(&facts, &rules, &[AccessScope::Group(Id(900))], around());
        let within = minutes(from, from + length);
        let segments = access.segments(within);
        let spans = SpanSet::of(segments.iter().map(|it| it.span));
        prop_assert_eq!(spans, access.spans.intersect(&SpanSet::from(within)));
        for pair in segments.windows(2) {
            prop_assert!(pair[0].span.until <= pair[1].span.from);
            let touching = pair[0].span.until == pair[1].span.from;
            let causes = |it: &Segment| (it.rules.clone(), it.shares.clone());
            prop_assert!(!touching || causes(&pair[0]) != causes(&pair[1]), "{:?}", pair);
        }
        for at in (from..from + length).map(minute) {
            let segment = segments.iter().find(|it| it.span.contains(at));
            prop_assert_eq!(segment.is_some(), access.decide(at).allowed);
            let Some(segment) = segment else { continue };
            let holding = access.rules.iter().filter(|it| it.spans.contains(at));
            let holding: Vec<_> = holding.map(|it| it.rule.id).collect();
            prop_assert_eq!(&segment.rules, &holding);
            let valid = access.shares.iter().filter(|(_, spans)| spans.contains(at));
            prop_assert_eq!(segment.shares.len(), valid.count());
            prop_assert!(!segment.rules.is_empty() || !segment.shares.is_empty());
        }
    }

    #[test]
    fn an_entitlement_that_satisfies_a_condition_is_no_near_miss(
        facts in any_facts(),
        condition in any_condition(),
        at in -15..2 * MINUTES,
    ) {
        let rule = Rule {
            id: Id(1),
            target: GROUP,
            versions: vec![RuleVersion {
                since: minute(-100),
                enabled: true,
                conditions: vec![condition.clone()],
            }],
        };
        let access = evaluate(&facts, &[&rule], &[], around());
        let held = &access.rules[0].conditions[0];
        for miss in near_misses(&condition, &facts, minute(at)) {
            let gives = |it: &&(&Entitlement, SpanSet)| std::ptr::eq(it.0, miss.entitlement);
            let given = held.because.iter().find(gives);
            prop_assert!(given.is_none_or(|(_, spans)| !spans.contains(minute(at))));
        }
    }
}
