//! Tests of the membership, purchase and tag conditions.

use access::{
    Block, BlockReason, BlockedPolicy, Condition, Entitlement, Holding, Id, Instant,
    MembershipCondition, MembershipStatus, PurchaseStatus, Span, SpanSet, Via,
};

use crate::build::{
    any_membership, any_purchase, facts, for_minutes, membership, minute, minutes, purchase, rule,
    set, spans, tag,
};

fn membership_spans(policy: BlockedPolicy, entitlement: Entitlement) -> SpanSet {
    spans(&any_membership(policy), &facts(vec![entitlement]))
}

fn blocked(spans: &[Span]) -> Entitlement {
    let mut entitlement = membership(1, MembershipStatus::Active, minutes(0, 1000));
    let block = |span: &Span| Block {
        reason: BlockReason::PaymentFailed,
        span: *span,
    };
    let blocks = spans.iter().map(block).collect();
    entitlement.holding = Holding::Membership {
        status: MembershipStatus::Active,
        blocks,
    };
    entitlement
}

#[test]
fn only_active_and_scheduled_memberships_count() {
    let by_status =
        |status, span| membership_spans(BlockedPolicy::Deny, membership(1, status, span));
    let span = minutes(0, 100);
    assert_eq!(by_status(MembershipStatus::Active, span), set(&[span]));
    assert_eq!(
        by_status(MembershipStatus::Active, Span::ALWAYS),
        SpanSet::always()
    );
    assert_eq!(by_status(MembershipStatus::Scheduled, span), set(&[span]));
    let startless = Span::new(Instant::BEGINNING, minute(100));
    assert!(by_status(MembershipStatus::Scheduled, startless).is_empty());
    for status in [
        MembershipStatus::Paused,
        MembershipStatus::UsedUp,
        MembershipStatus::Ended,
    ] {
        assert!(by_status(status, span).is_empty());
    }
}

#[test]
fn company_held_and_shared_memberships_count() {
    for (via, counts) in [
        (Via::Own, true),
        (Via::Company(Id(7)), true),
        (Via::Shared, true),
        (Via::Guest, false),
    ] {
        let held = Entitlement {
            via,
            ..membership(1, MembershipStatus::Active, minutes(0, 9))
        };
        assert_eq!(
            !membership_spans(BlockedPolicy::Deny, held).is_empty(),
            counts
        );
    }
}

#[test]
fn blocks_apply_as_the_policy_says() {
    let lasting = Span::new(minute(100), Instant::END);
    let deny = membership_spans(BlockedPolicy::Deny, blocked(&[lasting]));
    assert_eq!(deny, set(&[minutes(0, 100)]));
    let allow = membership_spans(BlockedPolicy::Allow, blocked(&[lasting]));
    assert_eq!(allow, set(&[minutes(0, 1000)]));
    let grace = BlockedPolicy::Grace(for_minutes(30));
    assert_eq!(
        membership_spans(grace, blocked(&[lasting])),
        set(&[minutes(0, 130)])
    );
    let over = membership_spans(BlockedPolicy::Deny, blocked(&[minutes(100, 200)]));
    assert_eq!(over, set(&[minutes(0, 100), minutes(200, 1000)]));
}

#[test]
fn a_block_within_the_grace_period_of_the_previous_one_starts_no_new_one() {
    let grace = BlockedPolicy::Grace(for_minutes(30));
    let one = blocked(&[Span::new(minute(120), Instant::END), minutes(100, 110)]);
    assert_eq!(membership_spans(grace, one), set(&[minutes(0, 130)]));
    let two = blocked(&[minutes(100, 110), Span::new(minute(140), Instant::END)]);
    assert_eq!(membership_spans(grace, two), set(&[minutes(0, 170)]));
    let short = blocked(&[minutes(100, 129)]);
    assert_eq!(membership_spans(grace, short), set(&[minutes(0, 1000)]));
}

#[test]
fn offerings_and_locations_must_both_match() {
    let held = |location| Entitlement {
        location,
        ..membership(1, MembershipStatus::Active, minutes(0, 9))
    };
    let named = |offerings: &[u128], locations: &[u128]| {
        Condition::Membership(MembershipCondition {
            offerings: offerings.iter().copied().map(Id).collect(),
            locations: locations.iter().copied().map(Id).collect(),
            when_blocked: BlockedPolicy::Deny,
        })
    };
    let holds = |condition: Condition, location| {
        !spans(&condition, &facts(vec![held(location)])).is_empty()
    };
    assert!(holds(named(&[2, 1], &[]), None));
    assert!(!holds(named(&[2], &[]), None));
    assert!(
        !holds(named(&[1], &[5]), None),
        "an entitlement without a location matches no listed location"
    );
    assert!(holds(named(&[1], &[5]), Some(Id(5))));
    assert!(!holds(named(&[1], &[5]), Some(Id(6))));
}

#[test]
fn purchases_count_while_paid() {
    for (status, counts) in [
        (PurchaseStatus::Paid, true),
        (PurchaseStatus::Unpaid, false),
        (PurchaseStatus::Refunded, false),
        (PurchaseStatus::Void, false),
    ] {
        let bought = purchase(1, status, minutes(3, 9));
        let expected = if counts {
            set(&[minutes(3, 9)])
        } else {
            SpanSet::new()
        };
        assert_eq!(spans(&any_purchase(), &facts(vec![bought])), expected);
    }
}

#[test]
fn a_tag_condition_holds_at_all_times() {
    let mut bearer = facts(vec![]);
    assert!(spans(&tag("staff"), &bearer).is_empty());
    bearer.tags = vec!["other".to_owned(), "staff".to_owned()];
    assert_eq!(spans(&tag("staff"), &bearer), SpanSet::always());
}

#[test]
fn a_rule_is_the_intersection_of_its_conditions() {
    let holder = facts(vec![
        membership(1, MembershipStatus::Active, minutes(0, 50)),
        membership(2, MembershipStatus::Active, minutes(60, 80)),
        purchase(3, PurchaseStatus::Paid, minutes(40, 70)),
    ]);
    let rule = rule(1, vec![any_membership(BlockedPolicy::Deny), any_purchase()]);
    let access = access::evaluate(&holder, &[&rule], &[], crate::build::around());
    assert_eq!(access.spans, set(&[minutes(40, 50), minutes(60, 70)]));
    let because: Vec<_> = access.rules[0].conditions[0]
        .because
        .iter()
        .map(|it| it.0.id)
        .collect();
    assert_eq!(because, [Id(1), Id(2)]);
}

#[test]
fn disabled_rules_and_rules_without_conditions_never_hold() {
    let mut bearer = facts(vec![]);
    bearer.tags = vec!["staff".to_owned()];
    let mut disabled = rule(1, vec![tag("staff")]);
    disabled.versions[0].enabled = false;
    let bare = rule(2, vec![]);
    let mut unsaid = rule(3, vec![tag("staff")]);
    unsaid.versions.clear();
    let rules = [&disabled, &bare, &unsaid];
    let access = access::evaluate(&bearer, &rules, &[], Span::ALWAYS);
    assert!(access.spans.is_empty());
    assert_eq!(access.decide(minute(0)).code, access::Code::NoRule);
}
