//! The two pages of TeamUp about Kisi, the newer and the older: rules by membership and by registration.

use access::{
    BlockReason, BlockedPolicy, Code, Condition, Entitlement, Holding, Id, Instant,
    MembershipStatus, OfferingKind, RegistrationCondition, RegistrationSpan, RegistrationStatus,
    Rule, RuleVersion, Span, Via,
};

use super::{
    blocked_since, booked, bookings, bookings_of, code, daily, decide, member_of, memberships,
    passes, version,
};
use crate::build::{at, facts, for_minutes, membership, rule};

const JULY: &str = "2026-07-08T10:00:00Z";

const BLOCKS: [BlockReason; 3] = [
    BlockReason::PaymentFailed,
    BlockReason::PaymentRetrying,
    BlockReason::Manual,
];

fn by_registration(condition: RegistrationCondition) -> Rule {
    rule(2, vec![Condition::Registration(condition)])
}

#[test]
fn an_active_membership_of_a_selected_type_is_synced() {
    let selected = rule(1, vec![memberships(&[1, 2], BlockedPolicy::Deny)]);
    for (offering, passing) in [(1, true), (2, true), (3, false)] {
        let customer = facts(vec![member_of(offering, MembershipStatus::Active)]);
        assert_eq!(passes(&customer, &[&selected], JULY), passing);
    }
}

#[test]
fn a_membership_that_is_not_active_gives_nothing() {
    let any = rule(1, vec![memberships(&[], BlockedPolicy::Deny)]);
    let with = |status| facts(vec![member_of(1, status)]);
    let used_up = with(MembershipStatus::UsedUp);
    assert_eq!(code(&used_up, &[&any], JULY), Code::MembershipUsedUp);
    let lapsed = with(MembershipStatus::Ended);
    assert_eq!(code(&lapsed, &[&any], JULY), Code::MembershipEnded);
    let on_hold = with(MembershipStatus::Paused);
    assert_eq!(code(&on_hold, &[&any], JULY), Code::MembershipPaused);
    let running_out = with(MembershipStatus::Active);
    assert!(passes(&running_out, &[&any], "2026-08-31T23:59:59Z"));
    assert_eq!(
        code(&running_out, &[&any], "2026-09-01T00:00:00Z"),
        Code::MembershipEnded
    );
}

#[test]
fn a_pack_filled_up_again_beside_a_used_one_counts() {
    let any = rule(1, vec![memberships(&[1], BlockedPolicy::Deny)]);
    let packs = facts(vec![
        member_of(1, MembershipStatus::UsedUp),
        member_of(1, MembershipStatus::Active),
    ]);
    assert!(passes(&packs, &[&any], JULY));
}

#[test]
fn a_blocked_membership_gives_nothing_by_default() {
    let any = rule(1, vec![memberships(&[], BlockedPolicy::Deny)]);
    for reason in BLOCKS {
        let customer = facts(vec![blocked_since(reason, JULY)]);
        assert!(passes(&customer, &[&any], "2026-07-08T09:59:59Z"));
        let decision = decide(&customer, &[&any], JULY);
        assert_eq!(decision.code, Code::MembershipBlocked);
        assert_eq!(decision.edge, Some(at(JULY)));
    }
}

#[test]
fn allow_access_with_blocked_memberships_revives_no_others() {
    let any = rule(1, vec![memberships(&[], BlockedPolicy::Allow)]);
    for reason in BLOCKS {
        let customer = facts(vec![blocked_since(reason, "2026-06-02T00:00:00Z")]);
        assert!(passes(&customer, &[&any], JULY));
        assert!(!passes(&customer, &[&any], "2026-09-01T00:00:00Z"));
    }
    for status in [MembershipStatus::UsedUp, MembershipStatus::Ended] {
        assert!(!passes(&facts(vec![member_of(1, status)]), &[&any], JULY));
    }
}

#[test]
fn a_failed_payment_may_be_given_time() {
    let grace = BlockedPolicy::Grace(for_minutes(3 * 24 * 60));
    let any = rule(1, vec![memberships(&[], grace)]);
    let customer = facts(vec![blocked_since(BlockReason::PaymentRetrying, JULY)]);
    assert!(passes(&customer, &[&any], "2026-07-11T09:59:59Z"));
    let decision = decide(&customer, &[&any], "2026-07-11T10:00:00Z");
    assert_eq!(decision.code, Code::MembershipBlocked);
    assert_eq!(decision.edge, Some(at("2026-07-11T10:00:00Z")));
}

#[test]
fn every_type_of_registration_is_supported() {
    let kinds = [
        OfferingKind::Class,
        OfferingKind::Appointment,
        OfferingKind::Course,
    ];
    let sessions = by_registration(RegistrationCondition {
        kinds: kinds.to_vec(),
        ..bookings()
    });
    for kind in kinds {
        let customer = facts(vec![booked(1, kind)]);
        assert!(passes(&customer, &[&sessions], "2026-08-01T12:00:00Z"));
    }
    let room = facts(vec![booked(1, OfferingKind::Room)]);
    assert!(!passes(&room, &[&sessions], "2026-08-01T12:00:00Z"));
}

#[test]
fn selected_sessions_alone_count_and_a_one_use_pack_may_be_spent_on_them() {
    let rules = [
        rule(1, vec![memberships(&[], BlockedPolicy::Deny)]),
        by_registration(bookings_of(&[4])),
    ];
    let rules: Vec<_> = rules.iter().collect();
    let spent = |offering| {
        facts(vec![
            member_of(1, MembershipStatus::UsedUp),
            booked(offering, OfferingKind::Class),
        ])
    };
    assert!(passes(&spent(4), &rules, "2026-08-01T12:00:00Z"));
    assert!(!passes(&spent(5), &rules, "2026-08-01T12:00:00Z"));
}

#[test]
fn access_duration_sets_how_long_before_and_after() {
    let sessions = by_registration(RegistrationCondition {
        opens_before: for_minutes(120),
        closes_after: for_minutes(0),
        ..bookings()
    });
    let customer = facts(vec![booked(1, OfferingKind::Class)]);
    assert!(!passes(&customer, &[&sessions], "2026-08-01T09:59:59Z"));
    assert!(passes(&customer, &[&sessions], "2026-08-01T10:00:00Z"));
    assert!(passes(&customer, &[&sessions], "2026-08-01T15:59:59Z"));
    assert!(!passes(&customer, &[&sessions], "2026-08-01T16:00:00Z"));
}

#[test]
fn access_duration_may_be_the_day_of_the_session() {
    let sessions = by_registration(RegistrationCondition {
        opens_before: for_minutes(0),
        closes_after: for_minutes(0),
        span: RegistrationSpan::Day,
        ..bookings()
    });
    let customer = facts(vec![booked(1, OfferingKind::Class)]);
    // 1 August, in Berlin.
    assert!(!passes(&customer, &[&sessions], "2026-07-31T21:59:59Z"));
    assert!(passes(&customer, &[&sessions], "2026-07-31T22:00:00Z"));
    assert!(passes(&customer, &[&sessions], "2026-08-01T21:59:59Z"));
    assert!(!passes(&customer, &[&sessions], "2026-08-01T22:00:00Z"));
}

#[test]
fn a_registration_that_is_not_confirmed_gives_nothing() {
    let sessions = by_registration(bookings());
    let with = |status| {
        let kind = OfferingKind::Class;
        facts(vec![Entitlement {
            holding: Holding::Registration { kind, status },
            ..booked(1, kind)
        }])
    };
    let noon = "2026-08-01T12:00:00Z";
    let waitlisted = with(RegistrationStatus::Waitlisted);
    assert_eq!(
        code(&waitlisted, &[&sessions], noon),
        Code::RegistrationNotConfirmed
    );
    let cancelled = with(RegistrationStatus::Cancelled);
    assert_eq!(code(&cancelled, &[&sessions], noon), Code::NoRegistration);
}

#[test]
fn with_both_rules_either_is_enough() {
    let rules = [
        rule(1, vec![memberships(&[1], BlockedPolicy::Deny)]),
        by_registration(bookings_of(&[4])),
    ];
    let rules: Vec<_> = rules.iter().collect();
    let member = member_of(1, MembershipStatus::Active);
    let blocked = blocked_since(BlockReason::PaymentFailed, "2026-06-02T00:00:00Z");
    let session = booked(4, OfferingKind::Class);
    let noon = "2026-08-01T12:00:00Z";
    assert!(passes(&facts(vec![member]), &rules, noon));
    assert!(passes(&facts(vec![session.clone()]), &rules, noon));
    // Access that a block removes from one rule can still come from the other.
    let both = facts(vec![blocked.clone(), session]);
    let decision = decide(&both, &rules, noon);
    assert_eq!(decision.rule, Some(Id(2)));
    assert_eq!(decision.until, Some(at("2026-08-01T16:30:00Z")));
    assert!(!passes(&facts(vec![blocked]), &rules, noon));
}

#[test]
fn an_unlimited_membership_from_six_to_eleven_at_night() {
    let hours = Condition::Schedule(daily(6, 23));
    let open = rule(1, vec![memberships(&[1], BlockedPolicy::Deny), hours]);
    let customer = facts(vec![member_of(1, MembershipStatus::Active)]);
    assert!(!passes(&customer, &[&open], "2026-07-08T03:59:59Z"));
    assert!(passes(&customer, &[&open], "2026-07-08T04:00:00Z"));
    assert!(passes(&customer, &[&open], "2026-07-08T20:59:59Z"));
    let decision = decide(&customer, &[&open], "2026-07-08T21:00:00Z");
    assert_eq!(decision.code, Code::OutsideSchedule);
    assert_eq!(decision.edge, Some(at("2026-07-09T04:00:00Z")));
}

#[test]
fn settings_can_be_edited_at_any_time_and_the_last_ones_count() {
    let edited = Rule {
        versions: vec![
            RuleVersion {
                since: Instant::BEGINNING,
                enabled: true,
                conditions: vec![memberships(&[1], BlockedPolicy::Deny)],
            },
            version(JULY, vec![memberships(&[2], BlockedPolicy::Deny)]),
        ],
        ..rule(1, vec![])
    };
    let first = facts(vec![member_of(1, MembershipStatus::Active)]);
    let second = facts(vec![member_of(2, MembershipStatus::Active)]);
    let after = "2026-07-08T10:00:01Z";
    assert!(!passes(&first, &[&edited], after));
    assert!(passes(&second, &[&edited], after));
}

#[test]
fn staff_groups_need_no_rules_and_get_nobody() {
    let customer = facts(vec![
        member_of(1, MembershipStatus::Active),
        booked(4, OfferingKind::Class),
    ]);
    assert_eq!(code(&customer, &[], JULY), Code::NoRule);
}

#[test]
fn a_membership_shared_with_somebody_counts_for_them() {
    let any = rule(1, vec![memberships(&[1], BlockedPolicy::Deny)]);
    let shared = Entitlement {
        via: Via::Shared,
        ..member_of(1, MembershipStatus::Active)
    };
    assert!(passes(&facts(vec![shared]), &[&any], JULY));
    let open = membership(3, MembershipStatus::Active, Span::ALWAYS);
    assert_eq!(decide(&facts(vec![open]), &[&any], JULY).until, None);
}
