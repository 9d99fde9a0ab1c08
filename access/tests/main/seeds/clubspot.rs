//! The page "Integrate Clubspot with Kisi": which members can unlock which doors, under what conditions.

use access::{
    BlockedPolicy, Code, Condition, Facts, Id, Instant, MembershipStatus, OfferingKind,
    PurchaseCondition, PurchaseStatus, Rule, Span, Target,
};
use jiff::civil::Weekday;

use super::{booked, bookings_of, code, daily, decide, member_of, memberships, of, passes, summer};
use crate::build::{at, facts, purchase, rule, tag};

const JULY: &str = "2026-07-08T10:00:00Z";

fn on_lock(id: u128, lock: u128, conditions: Vec<Condition>) -> Rule {
    Rule {
        target: Target::Lock(Id(lock)),
        ..rule(id, conditions)
    }
}

#[test]
fn membership_type_decides_which_door_opens() {
    let golf = on_lock(1, 10, vec![memberships(&[1], BlockedPolicy::Deny)]);
    let sailing = on_lock(2, 11, vec![memberships(&[2], BlockedPolicy::Deny)]);
    let golfer = facts(vec![member_of(1, MembershipStatus::Active)]);
    assert!(passes(&golfer, &[&golf], JULY));
    assert_eq!(code(&golfer, &[&sailing], JULY), Code::NoMembership);
}

#[test]
fn member_groups_and_tags_open_a_door_while_the_member_has_them() {
    let door = on_lock(1, 10, vec![tag("Committee")]);
    let with = |tags: &[&str]| Facts {
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        ..Facts::default()
    };
    assert!(passes(&with(&["Juniors", "Committee"]), &[&door], JULY));
    assert_eq!(code(&with(&["Juniors"]), &[&door], JULY), Code::TagMissing);
    assert_eq!(
        code(&with(&["committee"]), &[&door], JULY),
        Code::TagMissing
    );
}

#[test]
fn an_annual_range_pass_opens_the_range_for_its_year() {
    let pass = Condition::Purchase(PurchaseCondition {
        offerings: vec![Id(5)],
        locations: vec![],
    });
    let range = on_lock(1, 10, vec![pass]);
    let year = Span::new(at("2026-03-01T00:00:00Z"), at("2027-03-01T00:00:00Z"));
    let bought = |status| facts(vec![of(5, purchase(1, status, year))]);
    let paid = bought(PurchaseStatus::Paid);
    assert!(!passes(&paid, &[&range], "2026-02-28T23:59:59Z"));
    assert!(passes(&paid, &[&range], "2026-03-01T00:00:00Z"));
    assert!(passes(&paid, &[&range], "2026-12-31T12:00:00Z"));
    assert_eq!(decide(&paid, &[&range], JULY).until, Some(year.until));
    for status in [
        PurchaseStatus::Unpaid,
        PurchaseStatus::Refunded,
        PurchaseStatus::Void,
    ] {
        let other = bought(status);
        assert_eq!(code(&other, &[&range], JULY), Code::PurchaseNotValid);
    }
    let another = facts(vec![of(6, purchase(1, PurchaseStatus::Paid, year))]);
    assert_eq!(code(&another, &[&range], JULY), Code::NoPurchase);
}

#[test]
fn a_simulator_booking_opens_the_simulator_around_its_time() {
    let simulator = on_lock(1, 10, vec![Condition::Registration(bookings_of(&[7]))]);
    let holder = facts(vec![booked(7, OfferingKind::Resource)]);
    assert_eq!(
        code(&holder, &[&simulator], "2026-08-01T11:29:59Z"),
        Code::TooEarly
    );
    assert!(passes(&holder, &[&simulator], "2026-08-01T11:30:00Z"));
    assert_eq!(
        code(&holder, &[&simulator], "2026-08-01T16:30:00Z"),
        Code::TooLate
    );
    let elsewhere = facts(vec![booked(8, OfferingKind::Resource)]);
    assert!(!passes(&elsewhere, &[&simulator], "2026-08-01T13:00:00Z"));
}

#[test]
fn a_time_based_restriction_narrows_what_a_membership_opens() {
    let mut hours = daily(8, 12);
    hours.days = vec![Weekday::Saturday, Weekday::Sunday];
    let conditions = vec![
        memberships(&[], BlockedPolicy::Deny),
        Condition::Schedule(hours),
    ];
    let weekends = on_lock(1, 10, conditions);
    let member = facts(vec![member_of(1, MembershipStatus::Active)]);
    assert!(passes(&member, &[&weekends], "2026-07-11T06:00:00Z"));
    assert!(!passes(&member, &[&weekends], "2026-07-11T10:00:00Z"));
    assert_eq!(
        code(&member, &[&weekends], "2026-07-10T06:00:00Z"),
        Code::OutsideSchedule
    );
    // The membership begins on a Monday and is required in addition to the hours.
    assert!(!passes(&member, &[&weekends], "2026-05-30T07:00:00Z"));
    assert!(!passes(
        &facts(vec![]),
        &[&weekends],
        "2026-07-11T07:00:00Z"
    ));
}

#[test]
fn a_season_is_a_time_based_restriction_by_dates() {
    let mut season = daily(0, 24);
    season.start_date = Some(jiff::civil::date(2026, 6, 10));
    season.end_date = Some(jiff::civil::date(2026, 6, 20));
    let pool = on_lock(1, 10, vec![tag("Family"), Condition::Schedule(season)]);
    let family = Facts {
        tags: vec!["Family".to_owned()],
        ..Facts::default()
    };
    assert!(!passes(&family, &[&pool], "2026-06-09T21:59:59Z"));
    assert!(passes(&family, &[&pool], "2026-06-09T22:00:00Z"));
    assert!(passes(&family, &[&pool], "2026-06-20T21:59:59Z"));
    assert!(!passes(&family, &[&pool], "2026-06-20T22:00:00Z"));
}

#[test]
fn several_rules_of_one_access_point_are_alternatives() {
    let by_type = on_lock(1, 10, vec![memberships(&[1], BlockedPolicy::Deny)]);
    let by_booking = on_lock(2, 10, vec![Condition::Registration(bookings_of(&[7]))]);
    let rules = [&by_type, &by_booking];
    let visitor = facts(vec![booked(7, OfferingKind::Resource)]);
    assert!(passes(&visitor, &rules, "2026-08-01T13:00:00Z"));
    assert!(!passes(&visitor, &rules, "2026-08-02T13:00:00Z"));
    let member = facts(vec![member_of(1, MembershipStatus::Active)]);
    assert_eq!(
        decide(&member, &rules, "2026-08-02T13:00:00Z").until,
        Some(summer().until)
    );
    let both = facts(vec![
        booked(7, OfferingKind::Resource),
        member_of(1, MembershipStatus::Active),
    ]);
    // A span within another adds no edge.
    assert_eq!(
        decide(&both, &rules, "2026-08-01T13:00:00Z").until,
        Some(summer().until)
    );
}

#[test]
fn an_access_point_without_rules_opens_to_nobody() {
    let member = facts(vec![member_of(1, MembershipStatus::Active)]);
    let decision = decide(&member, &[], JULY);
    assert_eq!(
        (decision.code, decision.until, decision.edge),
        (Code::NoRule, None::<Instant>, None)
    );
}
