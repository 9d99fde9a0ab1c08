//! Tests of decisions: the main cause of a refusal, near misses, and the fixes.

use access::{
    AccessScope, Block, BlockReason, BlockedPolicy, Code, Condition, Entitlement, Facts, FixParty,
    Holding, Id, Instant, MembershipStatus, PurchaseStatus, RegistrationStatus, Rule, Share, Span,
    Suspension, Via, evaluate, fixes, has_active_membership, near_misses,
};

use crate::build::{
    any_booking, any_membership, any_purchase, around, booking, facts, membership, minute, minutes,
    purchase, rule, tag,
};

const NOW: i64 = 100;

fn code(facts: &Facts, rules: &[&Rule]) -> Code {
    evaluate(facts, rules, &[AccessScope::Group(Id(900))], around())
        .decide(minute(NOW))
        .code
}

fn by_membership(entitlements: Vec<Entitlement>) -> (Code, Option<Instant>) {
    let (facts, rule) = (
        facts(entitlements),
        rule(1, vec![any_membership(BlockedPolicy::Deny)]),
    );
    let decision = evaluate(&facts, &[&rule], &[], around()).decide(minute(NOW));
    (decision.code, decision.edge)
}

fn by_booking(entitlements: Vec<Entitlement>) -> (Code, Option<Instant>) {
    let condition = Condition::Registration(any_booking());
    let (facts, rule) = (facts(entitlements), rule(1, vec![condition]));
    let decision = evaluate(&facts, &[&rule], &[], around()).decide(minute(NOW));
    (decision.code, decision.edge)
}

#[test]
fn a_refusal_by_membership_has_the_right_code_and_edge() {
    use MembershipStatus::{Active, Ended, Paused, Scheduled, UsedUp};
    let one = |status, span| by_membership(vec![membership(1, status, span)]);
    assert_eq!(by_membership(vec![]), (Code::NoMembership, None));
    assert_eq!(one(Active, minutes(0, 200)).0, Code::AllowedByRule);
    assert_eq!(
        one(Active, minutes(0, 50)),
        (Code::MembershipEnded, Some(minute(50)))
    );
    assert_eq!(
        one(Ended, minutes(0, 50)),
        (Code::MembershipEnded, Some(minute(50)))
    );
    assert_eq!(one(Ended, minutes(0, 500)), (Code::MembershipEnded, None));
    assert_eq!(
        one(Scheduled, minutes(150, 500)),
        (Code::MembershipNotStarted, Some(minute(150)))
    );
    assert_eq!(
        one(Scheduled, Span::ALWAYS),
        (Code::MembershipNotStarted, None)
    );
    assert_eq!(one(Paused, minutes(0, 500)), (Code::MembershipPaused, None));
    assert_eq!(one(UsedUp, minutes(0, 500)), (Code::MembershipUsedUp, None));
}

#[test]
fn the_fix_of_a_block_names_who_can_lift_it() {
    for (reason, first) in [
        (BlockReason::Manual, FixParty::Desk),
        (BlockReason::PaymentFailed, FixParty::Member),
    ] {
        let mut blocked = membership(1, MembershipStatus::Active, minutes(0, 500));
        let block = Block {
            reason,
            span: Span::new(minute(90), Instant::END),
        };
        let status = MembershipStatus::Active;
        blocked.holding = Holding::Membership {
            status,
            blocks: vec![block],
        };
        let facts = facts(vec![blocked]);
        let rule = rule(1, vec![any_membership(BlockedPolicy::Deny)]);
        let access = evaluate(&facts, &[&rule], &[], around());
        let decision = access.decide(minute(NOW));
        assert_eq!(
            (decision.code, decision.edge),
            (Code::MembershipBlocked, Some(minute(90)))
        );
        let fixes = fixes(&access, minute(NOW));
        assert_eq!(
            (fixes[0][0].code, fixes[0][0].by[0]),
            (Code::MembershipBlocked, first)
        );
        assert_eq!(
            (fixes[0][0].rule, fixes[0][0].condition),
            (Some(Id(1)), Some(0))
        );
    }
}

#[test]
fn a_refusal_by_booking_has_the_right_code_and_edge() {
    use RegistrationStatus::{Cancelled, Confirmed, Tentative, Waitlisted};
    let one = |status, span| by_booking(vec![booking(1, status, span)]);
    assert_eq!(
        one(Confirmed, minutes(150, 200)),
        (Code::TooEarly, Some(minute(140)))
    );
    assert_eq!(
        one(Confirmed, minutes(50, 90)),
        (Code::TooLate, Some(minute(95)))
    );
    assert_eq!(
        one(Tentative, minutes(90, 200)).0,
        Code::RegistrationNotConfirmed
    );
    assert_eq!(
        one(Waitlisted, minutes(150, 200)).0,
        Code::RegistrationNotConfirmed
    );
    assert_eq!(
        one(Tentative, minutes(10, 20)).0,
        Code::NoRegistration,
        "nobody's concern"
    );
    assert_eq!(
        one(Cancelled, minutes(90, 200)),
        (Code::NoRegistration, None)
    );
    let guest = Entitlement {
        via: Via::Guest,
        ..booking(1, Confirmed, minutes(90, 200))
    };
    assert_eq!(by_booking(vec![guest]), (Code::NoRegistration, None));
    assert_eq!(by_booking(vec![]), (Code::NoRegistration, None));
    let both = vec![
        booking(1, Confirmed, minutes(0, 90)),
        booking(2, Confirmed, minutes(400, 500)),
    ];
    assert_eq!(by_booking(both).0, Code::TooLate, "the nearer booking");
}

#[test]
fn refusals_by_purchase_tag_and_missing_rules() {
    let bought = |status, span| facts(vec![purchase(1, status, span)]);
    let rule_of_purchase = rule(1, vec![any_purchase()]);
    let of = |facts: &Facts| code(facts, &[&rule_of_purchase]);
    assert_eq!(of(&facts(vec![])), Code::NoPurchase);
    assert_eq!(
        of(&bought(PurchaseStatus::Refunded, minutes(0, 500))),
        Code::PurchaseNotValid
    );
    assert_eq!(
        of(&bought(PurchaseStatus::Paid, minutes(0, 50))),
        Code::PurchaseNotValid
    );
    assert_eq!(
        code(&facts(vec![]), &[&rule(1, vec![tag("staff")])]),
        Code::TagMissing
    );
    assert_eq!(code(&facts(vec![]), &[]), Code::NoRule);
}

#[test]
fn the_nearest_rule_and_its_first_failing_condition_give_the_code() {
    let holder = facts(vec![membership(
        1,
        MembershipStatus::Paused,
        minutes(0, 500),
    )]);
    let far = rule(1, vec![tag("staff"), any_purchase()]);
    let near = rule(2, vec![any_membership(BlockedPolicy::Deny)]);
    let hard = rule(3, vec![tag("staff")]);
    assert_eq!(code(&holder, &[&far, &hard, &near]), Code::MembershipPaused);
    assert_eq!(code(&holder, &[&far]), Code::TagMissing);
    let access = evaluate(&holder, &[&far, &hard, &near], &[], around());
    assert_eq!(access.decide(minute(NOW)).rule, Some(Id(2)));
    let codes: Vec<Vec<Code>> = fixes(&access, minute(NOW))
        .iter()
        .map(|way| way.iter().map(|fix| fix.code).collect())
        .collect();
    let expected = vec![
        vec![Code::MembershipPaused],
        vec![Code::TagMissing],
        vec![Code::TagMissing, Code::NoPurchase],
    ];
    assert_eq!(codes, expected);
}

#[test]
fn shares_give_access_and_report_their_edges() {
    let share = |span| Share {
        id: Id(5),
        scope: AccessScope::Group(Id(900)),
        span,
    };
    let of = |span| {
        let facts = Facts {
            shares: vec![share(span)],
            ..Facts::default()
        };
        evaluate(&facts, &[], &[AccessScope::Group(Id(900))], around()).decide(minute(NOW))
    };
    assert_eq!(of(minutes(0, 200)).code, Code::AllowedByShare);
    assert_eq!(of(minutes(0, 200)).share, Some(Id(5)));
    assert_eq!(of(minutes(0, 200)).until, Some(minute(200)));
    assert_eq!(
        (of(minutes(0, 50)).code, of(minutes(0, 50)).edge),
        (Code::TooLate, Some(minute(50)))
    );
    assert_eq!(of(minutes(150, 200)).code, Code::TooEarly);
    let elsewhere = Facts {
        shares: vec![share(minutes(0, 200))],
        ..Facts::default()
    };
    let decision =
        evaluate(&elsewhere, &[], &[AccessScope::Place(Id(1))], around()).decide(minute(NOW));
    assert_eq!(decision.code, Code::NoRule);
}

#[test]
fn a_suspension_overrides_rules_and_shares() {
    let mut suspended = facts(vec![]);
    suspended.tags = vec!["staff".to_owned()];
    suspended.suspension = Some(Suspension {
        id: Id(6),
        span: minutes(50, 150),
    });
    let rule = rule(1, vec![tag("staff")]);
    let access = evaluate(&suspended, &[&rule], &[], around());
    let decision = access.decide(minute(NOW));
    assert_eq!(
        (decision.code, decision.until),
        (Code::Suspended, Some(minute(150)))
    );
    assert!(access.decide(minute(49)).allowed);
    assert!(access.decide(minute(150)).allowed);
    let fixes = fixes(&access, minute(NOW));
    assert_eq!(fixes.len(), 1);
    assert_eq!(
        fixes[0].iter().map(|fix| fix.code).collect::<Vec<_>>(),
        [Code::Suspended]
    );
}

#[test]
fn each_near_miss_lacks_one_thing() {
    let condition = Condition::Registration(any_booking());
    let facts = facts(vec![
        booking(1, RegistrationStatus::Confirmed, minutes(90, 110)),
        booking(2, RegistrationStatus::Tentative, minutes(200, 300)),
        booking(3, RegistrationStatus::Confirmed, minutes(200, 300)),
        booking(4, RegistrationStatus::Tentative, minutes(90, 110)),
        membership(5, MembershipStatus::Paused, minutes(0, 500)),
    ]);
    let found = near_misses(&condition, &facts, minute(NOW));
    let found: Vec<_> = found
        .iter()
        .map(|miss| (miss.entitlement.id, miss.code))
        .collect();
    assert_eq!(
        found,
        [
            (Id(4), Code::RegistrationNotConfirmed),
            (Id(3), Code::TooEarly)
        ]
    );
}

/// The near misses of a condition: entitlement, code and edge.
fn nearly(condition: &Condition, entitlements: Vec<Entitlement>) -> Vec<(Id, Code, Option<i64>)> {
    let facts = facts(entitlements);
    let found = near_misses(condition, &facts, minute(NOW));
    let found = found.iter().map(|miss| {
        let edge = miss.edge.map(|at| at.micros() / 60_000_000);
        (miss.entitlement.id, miss.code, edge)
    });
    found.collect()
}

#[test]
fn near_misses_of_purchases() {
    use PurchaseStatus::{Paid, Unpaid};
    let held = vec![
        purchase(1, Paid, minutes(0, 200)),
        purchase(2, Unpaid, minutes(NOW, 200)),
        purchase(3, Paid, minutes(150, 200)),
        purchase(4, Unpaid, minutes(150, 200)),
        purchase(5, Paid, minutes(0, NOW)),
    ];
    let code = Code::PurchaseNotValid;
    let mut found = nearly(&any_purchase(), held);
    found.sort_by_key(|(id, ..)| *id);
    let expected = [
        (Id(2), code, None),
        (Id(3), code, Some(150)),
        (Id(5), code, Some(NOW)),
    ];
    assert_eq!(found, expected);
}

#[test]
fn starts_are_inclusive() {
    let membership = membership(1, MembershipStatus::Paused, minutes(NOW, 500));
    assert_eq!(
        nearly(&any_membership(BlockedPolicy::Deny), vec![membership]),
        [(Id(1), Code::MembershipPaused, None)]
    );
    // The booking opens ten minutes before its start.
    let booked = booking(1, RegistrationStatus::Tentative, minutes(NOW + 10, 500));
    let condition = Condition::Registration(any_booking());
    assert_eq!(
        nearly(&condition, vec![booked]),
        [(Id(1), Code::RegistrationNotConfirmed, None)]
    );
}

#[test]
fn a_guest_who_does_not_count_has_no_registration() {
    let invited = Entitlement {
        via: Via::Guest,
        ..booking(1, RegistrationStatus::Confirmed, minutes(90, 110))
    };
    let condition = Condition::Registration(any_booking());
    assert_eq!(
        nearly(&condition, vec![invited]),
        [(Id(1), Code::NoRegistration, None)]
    );
}

#[test]
fn an_active_membership_counts_as_held_even_if_blocked() {
    use MembershipStatus::{Active, Paused};
    let blocked = Block {
        reason: BlockReason::PaymentFailed,
        span: minutes(50, 500),
    };
    let mut unpaid = membership(1, Active, minutes(0, 200));
    unpaid.holding = Holding::Membership {
        status: Active,
        blocks: vec![blocked],
    };
    let holds = |held: Entitlement| has_active_membership(&facts(vec![held]), minute(NOW));
    assert!(holds(unpaid));
    assert!(!holds(membership(1, Active, minutes(0, NOW))));
    assert!(!holds(membership(1, Paused, minutes(0, 200))));
}

#[test]
fn codes_have_their_stable_names() {
    assert_eq!(Code::MembershipUsedUp.as_str(), "MEMBERSHIP_USED_UP");
    assert_eq!(Code::AllowedByRule.as_str(), "ALLOWED_BY_RULE");
}
