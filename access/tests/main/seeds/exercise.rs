//! The page of Exercise.com about Kisi: access by package and location, and access shared by hand.

use access::{
    AccessScope, BlockedPolicy, Code, Condition, Entitlement, Facts, Id, MembershipCondition,
    MembershipStatus, Rule, Share, Span, evaluate,
};

use super::{code, daily, decide, member_of, passes, summer};
use crate::build::{around, at, facts, rule};

const JULY: &str = "2026-07-08T10:00:00Z";

fn package(offerings: &[u128], locations: &[u128]) -> Condition {
    Condition::Membership(MembershipCondition {
        offerings: offerings.iter().copied().map(Id).collect(),
        locations: locations.iter().copied().map(Id).collect(),
        when_blocked: BlockedPolicy::Deny,
    })
}

fn client(offering: u128, location: Option<u128>) -> Facts {
    facts(vec![Entitlement {
        location: location.map(Id),
        ..member_of(offering, MembershipStatus::Active)
    }])
}

#[test]
fn a_package_opens_the_doors_round_the_clock_while_it_runs() {
    let rule = rule(1, vec![package(&[1], &[])]);
    let client = client(1, None);
    for hour in 0..24 {
        let when = format!("2026-07-08T{hour:02}:00:00Z");
        assert!(passes(&client, &[&rule], &when));
    }
    assert_eq!(decide(&client, &[&rule], JULY).until, Some(summer().until));
}

#[test]
fn only_clients_with_an_active_package_pass() {
    let rule = rule(1, vec![package(&[1], &[])]);
    assert_eq!(code(&client(2, None), &[&rule], JULY), Code::NoMembership);
    for status in [MembershipStatus::Paused, MembershipStatus::Ended] {
        let client = facts(vec![member_of(1, status)]);
        assert!(!passes(&client, &[&rule], JULY));
    }
}

#[test]
fn packages_and_locations_must_both_match() {
    let uptown = rule(1, vec![package(&[1], &[20])]);
    assert!(passes(&client(1, Some(20)), &[&uptown], JULY));
    assert!(!passes(&client(1, Some(21)), &[&uptown], JULY));
    assert!(!passes(&client(2, Some(20)), &[&uptown], JULY));
    assert!(!passes(&client(1, None), &[&uptown], JULY));
    let anywhere = rule(1, vec![package(&[1], &[])]);
    for location in [None, Some(20), Some(21)] {
        assert!(passes(&client(1, location), &[&anywhere], JULY));
    }
}

#[test]
fn a_location_alone_opens_its_doors_to_every_package() {
    let uptown = rule(1, vec![package(&[], &[20])]);
    assert!(passes(&client(1, Some(20)), &[&uptown], JULY));
    assert!(passes(&client(2, Some(20)), &[&uptown], JULY));
    assert!(!passes(&client(1, Some(21)), &[&uptown], JULY));
}

/// Whether a share in `scope` gives a person without a rule access to a lock of group 1 or 2 in place 3, account 4; and the code.
fn shared(scope: AccessScope, span: Span, when: &str, rules: &[&Rule]) -> (bool, Code) {
    let facts = Facts {
        shares: vec![Share {
            id: Id(8),
            scope,
            span,
        }],
        ..Facts::default()
    };
    let covering = [
        AccessScope::Group(Id(1)),
        AccessScope::Group(Id(2)),
        AccessScope::Place(Id(3)),
        AccessScope::Account(Id(4)),
    ];
    let decision = evaluate(&facts, rules, &covering, around()).decide(at(when));
    (decision.allowed, decision.code)
}

#[test]
fn access_is_shared_by_group_place_or_organization() {
    let always = |scope| shared(scope, Span::ALWAYS, JULY, &[]);
    let given = (true, Code::AllowedByShare);
    assert_eq!(always(AccessScope::Group(Id(1))), given);
    assert_eq!(always(AccessScope::Group(Id(2))), given);
    assert_eq!(always(AccessScope::Place(Id(3))), given);
    assert_eq!(always(AccessScope::Account(Id(4))), given);
    // The same id in another scope is a different object.
    for elsewhere in [
        AccessScope::Group(Id(3)),
        AccessScope::Place(Id(4)),
        AccessScope::Account(Id(1)),
    ] {
        assert_eq!(always(elsewhere), (false, Code::NoRule));
    }
}

#[test]
fn a_share_may_have_a_beginning_and_an_end() {
    let week = Span::new(at("2026-07-06T00:00:00Z"), at("2026-07-13T00:00:00Z"));
    let ask = |when| shared(AccessScope::Place(Id(3)), week, when, &[]);
    assert_eq!(ask("2026-07-05T23:59:59Z"), (false, Code::TooEarly));
    assert_eq!(ask("2026-07-06T00:00:00Z"), (true, Code::AllowedByShare));
    assert_eq!(ask("2026-07-13T00:00:00Z"), (false, Code::TooLate));
}

#[test]
fn a_share_needs_no_package_and_no_rule() {
    let closed = rule(
        1,
        vec![package(&[1], &[]), Condition::Schedule(daily(6, 7))],
    );
    let ask = shared(AccessScope::Group(Id(1)), Span::ALWAYS, JULY, &[&closed]);
    assert_eq!(ask, (true, Code::AllowedByShare));
}

#[test]
fn doors_follow_the_schedule_that_was_set_up() {
    let hours = Condition::Schedule(daily(22, 2));
    let night = rule(1, vec![package(&[1], &[]), hours]);
    let client = client(1, None);
    // From 22:00 to 02:00 in Berlin.
    assert!(!passes(&client, &[&night], "2026-07-08T19:59:59Z"));
    assert!(passes(&client, &[&night], "2026-07-08T20:00:00Z"));
    assert!(passes(&client, &[&night], "2026-07-08T23:59:59Z"));
    assert!(!passes(&client, &[&night], "2026-07-09T00:00:00Z"));
}
