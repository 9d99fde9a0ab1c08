//! The page of Spacebring about Kisi: access by subscription and by booking.

use access::{
    BlockReason, BlockedPolicy, Code, Condition, Entitlement, Id, Instant, MembershipStatus,
    OfferingKind, RegistrationCondition, Rule, RuleVersion, Span, Suspension, Via,
};

use super::{
    blocked_since, booked, bookings, bookings_of, code, decide, member_of, memberships, passes,
    summer, version,
};
use crate::build::{at, facts, membership, rule};

const JULY: &str = "2026-07-08T10:00:00Z";

/// A rule for a plan that ignores blocks.
fn plan(offering: u128) -> Rule {
    rule(1, vec![memberships(&[offering], BlockedPolicy::Allow)])
}

fn by_booking(condition: RegistrationCondition) -> Rule {
    rule(2, vec![Condition::Registration(condition)])
}

/// As on the platform: an edit does not apply to bookings that have begun.
fn sparing_ongoing(offerings: &[u128]) -> Condition {
    Condition::Registration(RegistrationCondition {
        applies_to_ongoing: false,
        ..bookings_of(offerings)
    })
}

fn edited(versions: Vec<RuleVersion>) -> Rule {
    Rule {
        versions,
        ..rule(3, vec![])
    }
}

#[test]
fn a_subscription_counts_from_its_start_to_its_end() {
    let plan = plan(1);
    for status in [MembershipStatus::Active, MembershipStatus::Scheduled] {
        let subscriber = facts(vec![member_of(1, status)]);
        assert_eq!(
            code(&subscriber, &[&plan], "2026-05-31T23:59:59Z"),
            Code::MembershipNotStarted
        );
        assert!(passes(&subscriber, &[&plan], "2026-06-01T00:00:00Z"));
        assert_eq!(
            decide(&subscriber, &[&plan], JULY).until,
            Some(summer().until)
        );
        assert!(!passes(&subscriber, &[&plan], "2026-09-01T00:00:00Z"));
    }
    let endless = Span::new(at("2026-06-01T00:00:00Z"), Instant::END);
    let endless = membership(1, MembershipStatus::Active, endless);
    assert_eq!(decide(&facts(vec![endless]), &[&plan], JULY).until, None);
}

#[test]
fn a_cancelled_subscription_ends_at_its_cancellation_date() {
    let plan = plan(1);
    let cut = Span::new(summer().from, at(JULY));
    let cancelled = facts(vec![membership(1, MembershipStatus::Active, cut)]);
    assert!(passes(&cancelled, &[&plan], "2026-07-08T09:59:59Z"));
    assert_eq!(code(&cancelled, &[&plan], JULY), Code::MembershipEnded);
    let over = facts(vec![membership(1, MembershipStatus::Ended, cut)]);
    assert!(!passes(&over, &[&plan], "2026-07-08T09:59:59Z"));
}

#[test]
fn unpaid_invoices_change_nothing() {
    let unpaid = blocked_since(BlockReason::PaymentFailed, "2026-06-02T00:00:00Z");
    let decision = decide(&facts(vec![unpaid]), &[&plan(1)], JULY);
    assert!(decision.allowed);
    assert_eq!(decision.until, Some(summer().until));
}

#[test]
fn a_companys_subscription_reaches_all_its_users_until_it_ends() {
    let plan = plan(1);
    let through = |company, status| Entitlement {
        via: Via::Company(Id(company)),
        ..member_of(1, status)
    };
    let user = facts(vec![through(70, MembershipStatus::Active)]);
    assert!(passes(&user, &[&plan], JULY));
    assert!(!passes(&user, &[&plan], "2026-09-01T00:00:00Z"));
    let cancelled = through(70, MembershipStatus::Ended);
    assert_eq!(
        code(&facts(vec![cancelled.clone()]), &[&plan], JULY),
        Code::MembershipEnded
    );
    // A person with a subscription of their own, or with another company, keeps that access.
    for other in [
        member_of(1, MembershipStatus::Active),
        through(71, MembershipStatus::Active),
    ] {
        let user = facts(vec![cancelled.clone(), other]);
        assert!(passes(&user, &[&plan], JULY));
    }
}

#[test]
fn a_booking_has_half_an_hour_before_and_after() {
    let rule = by_booking(bookings());
    for (from, until, opens, closes) in [
        (
            "2026-01-08T12:00:00Z",
            "2026-01-08T16:00:00Z",
            "2026-01-08T11:30:00Z",
            "2026-01-08T16:30:00Z",
        ),
        (
            "2026-05-12T09:30:00Z",
            "2026-05-12T11:30:00Z",
            "2026-05-12T09:00:00Z",
            "2026-05-12T12:00:00Z",
        ),
    ] {
        let held = Entitlement {
            span: Span::new(at(from), at(until)),
            ..booked(1, OfferingKind::Room)
        };
        let user = facts(vec![held]);
        let early = decide(&user, &[&rule], "2026-01-01T00:00:00Z");
        assert_eq!(early.code, Code::TooEarly);
        assert_eq!(early.until, Some(at(opens)));
        let within = decide(&user, &[&rule], opens);
        assert!(within.allowed);
        assert_eq!(within.until, Some(at(closes)));
        assert_eq!(code(&user, &[&rule], closes), Code::TooLate);
    }
}

#[test]
fn bookings_in_a_row_open_the_door_without_a_gap() {
    let rule = by_booking(bookings());
    let later = Entitlement {
        id: Id(3),
        span: Span::new(at("2026-08-01T17:00:00Z"), at("2026-08-01T18:00:00Z")),
        ..booked(1, OfferingKind::Room)
    };
    let user = facts(vec![later, booked(1, OfferingKind::Room)]);
    let decision = decide(&user, &[&rule], "2026-08-01T12:00:00Z");
    assert_eq!(decision.until, Some(at("2026-08-01T18:30:00Z")));
}

#[test]
fn rooms_desks_offices_parking_and_equipment_have_groups_of_their_own() {
    let kinds = [
        OfferingKind::Room,
        OfferingKind::Desk,
        OfferingKind::Office,
        OfferingKind::Equipment,
        OfferingKind::Parking,
    ];
    for kind in kinds {
        let rule = by_booking(RegistrationCondition {
            kinds: vec![kind],
            ..bookings()
        });
        for other in kinds {
            let user = facts(vec![booked(1, other)]);
            assert_eq!(
                passes(&user, &[&rule], "2026-08-01T13:00:00Z"),
                kind == other
            );
        }
    }
}

#[test]
fn one_resource_may_have_a_group_and_its_kind_must_match_too() {
    let noon = "2026-08-01T13:00:00Z";
    let room = by_booking(RegistrationCondition {
        kinds: vec![OfferingKind::Room],
        ..bookings_of(&[4])
    });
    assert!(passes(
        &facts(vec![booked(4, OfferingKind::Room)]),
        &[&room],
        noon
    ));
    assert!(!passes(
        &facts(vec![booked(5, OfferingKind::Room)]),
        &[&room],
        noon
    ));
    assert!(!passes(
        &facts(vec![booked(4, OfferingKind::Desk)]),
        &[&room],
        noon
    ));
}

#[test]
fn invitees_to_a_room_booking_pass_as_the_one_who_booked() {
    let invited = |kind| {
        facts(vec![Entitlement {
            via: Via::Guest,
            ..booked(1, kind)
        }])
    };
    let rooms = by_booking(RegistrationCondition {
        kinds: vec![OfferingKind::Room],
        ..bookings()
    });
    let desks = Rule {
        id: Id(4),
        ..by_booking(RegistrationCondition {
            kinds: vec![OfferingKind::Desk],
            guests: false,
            ..bookings()
        })
    };
    let rules = [&rooms, &desks];
    let room = invited(OfferingKind::Room);
    assert!(!passes(&room, &rules, "2026-08-01T11:29:59Z"));
    assert!(passes(&room, &rules, "2026-08-01T11:30:00Z"));
    assert!(passes(&room, &rules, "2026-08-01T16:29:59Z"));
    let desk = invited(OfferingKind::Desk);
    assert_eq!(
        code(&desk, &rules, "2026-08-01T13:00:00Z"),
        Code::NoRegistration
    );
}

#[test]
fn a_nonmember_who_booked_passes_as_members_do() {
    let rules = [plan(1), by_booking(bookings())];
    let rules: Vec<_> = rules.iter().collect();
    let visitor = facts(vec![booked(1, OfferingKind::Room)]);
    assert!(passes(&visitor, &rules, "2026-08-01T13:00:00Z"));
    assert!(!passes(&visitor, &rules, "2026-08-01T17:00:00Z"));
}

#[test]
fn a_group_selected_before_the_booking_starts_counts_for_it() {
    let user = facts(vec![booked(4, OfferingKind::Room)]);
    for since in ["2026-08-01T11:59:59Z", "2026-08-01T12:00:00Z"] {
        let rule = edited(vec![version(since, vec![sparing_ongoing(&[4])])]);
        assert!(passes(&user, &[&rule], "2026-08-01T13:00:00Z"));
    }
}

#[test]
fn a_group_selected_after_the_booking_began_is_for_later_ones() {
    let rule = edited(vec![version(
        "2026-08-01T12:00:01Z",
        vec![sparing_ongoing(&[4])],
    )]);
    let begun = booked(4, OfferingKind::Room);
    let later = Entitlement {
        id: Id(3),
        span: Span::new(at("2026-08-02T12:00:00Z"), at("2026-08-02T13:00:00Z")),
        ..begun.clone()
    };
    let user = facts(vec![begun, later]);
    assert!(!passes(&user, &[&rule], "2026-08-01T13:00:00Z"));
    assert!(passes(&user, &[&rule], "2026-08-02T12:30:00Z"));
}

#[test]
fn an_edit_takes_nothing_from_a_booking_that_has_begun() {
    let rule = edited(vec![
        version("2026-07-01T00:00:00Z", vec![sparing_ongoing(&[4, 5])]),
        version("2026-08-01T12:30:00Z", vec![sparing_ongoing(&[5])]),
    ]);
    let begun = facts(vec![booked(4, OfferingKind::Room)]);
    let decision = decide(&begun, &[&rule], "2026-08-01T13:00:00Z");
    assert!(decision.allowed);
    assert_eq!(decision.until, Some(at("2026-08-01T16:30:00Z")));
    let reaching = edited(vec![
        version("2026-07-01T00:00:00Z", vec![sparing_ongoing(&[4, 5])]),
        version(
            "2026-08-01T12:30:00Z",
            vec![Condition::Registration(bookings_of(&[5]))],
        ),
    ]);
    assert!(!passes(&begun, &[&reaching], "2026-08-01T13:00:00Z"));
}

#[test]
fn editing_a_subscriptions_access_takes_effect_at_once() {
    let noon = "2026-08-01T13:00:00Z";
    let conditions = vec![memberships(&[1], BlockedPolicy::Allow)];
    let new = edited(vec![version("2026-08-01T12:59:59Z", conditions)]);
    let subscriber = facts(vec![member_of(1, MembershipStatus::Active)]);
    assert!(passes(&subscriber, &[&new], noon));
    let disabled = RuleVersion {
        enabled: false,
        ..new.versions[0].clone()
    };
    let off = edited(vec![disabled]);
    assert!(!passes(&subscriber, &[&off], noon));
}

#[test]
fn a_suspension_overrides_plan_and_booking() {
    let rules = [plan(1), by_booking(bookings())];
    let rules: Vec<_> = rules.iter().collect();
    let mut user = facts(vec![
        member_of(1, MembershipStatus::Active),
        booked(1, OfferingKind::Room),
    ]);
    let span = Span::new(at(JULY), at("2026-08-01T13:00:00Z"));
    user.suspension = Some(Suspension { id: Id(9), span });
    assert!(passes(&user, &rules, "2026-07-08T09:59:59Z"));
    assert_eq!(code(&user, &rules, "2026-08-01T12:59:59Z"), Code::Suspended);
    assert!(passes(&user, &rules, "2026-08-01T13:00:00Z"));
}
