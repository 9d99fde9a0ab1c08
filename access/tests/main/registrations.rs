//! Tests of bookings: margins, guests, whole days, and edits that do not apply to ongoing bookings.

use access::{
    Condition, Entitlement, Id, Instant, OfferingKind, RegistrationCondition, RegistrationSpan,
    RegistrationStatus, Rule, RuleVersion, Span, SpanSet, Via, evaluate,
};

use crate::build::{
    any_booking, around, at, booking, facts, for_minutes, minutes, rule, set, spans, tag,
};

fn held(condition: RegistrationCondition, entitlement: Entitlement) -> SpanSet {
    spans(
        &Condition::Registration(condition),
        &facts(vec![entitlement]),
    )
}

fn confirmed(span: Span) -> Entitlement {
    booking(1, RegistrationStatus::Confirmed, span)
}

#[test]
fn margins_apply_to_confirmed_bookings_only() {
    assert_eq!(
        held(any_booking(), confirmed(minutes(60, 120))),
        set(&[minutes(50, 125)])
    );
    for status in [
        RegistrationStatus::Tentative,
        RegistrationStatus::Waitlisted,
        RegistrationStatus::Cancelled,
    ] {
        assert!(held(any_booking(), booking(1, status, minutes(60, 120))).is_empty());
    }
    assert!(
        held(any_booking(), confirmed(minutes(60, 59))).is_empty(),
        "ends before it begins"
    );
}

#[test]
fn guests_count_if_the_condition_says_so() {
    let guest = Entitlement {
        via: Via::Guest,
        ..confirmed(minutes(60, 120))
    };
    assert!(held(any_booking(), guest.clone()).is_empty());
    assert!(
        !held(
            RegistrationCondition {
                guests: true,
                ..any_booking()
            },
            guest
        )
        .is_empty()
    );
}

#[test]
fn kinds_and_offerings_must_both_match() {
    let named = |kind, offering| RegistrationCondition {
        kinds: vec![kind],
        offerings: vec![Id(offering)],
        ..any_booking()
    };
    let holds = |condition| !held(condition, confirmed(minutes(60, 120))).is_empty();
    assert!(holds(named(OfferingKind::Room, 1)));
    assert!(!holds(named(OfferingKind::Desk, 1)));
    assert!(!holds(named(OfferingKind::Room, 2)));
}

fn day(from: &str, until: &str) -> SpanSet {
    let condition = RegistrationCondition {
        span: RegistrationSpan::Day,
        opens_before: for_minutes(0),
        closes_after: for_minutes(0),
        ..any_booking()
    };
    held(condition, confirmed(Span::new(at(from), at(until))))
}

fn between(from: &str, until: &str) -> SpanSet {
    set(&[Span::new(at(from), at(until))])
}

#[test]
fn a_day_is_the_local_day() {
    let summer = between("2026-07-01T22:00:00Z", "2026-07-02T22:00:00Z");
    assert_eq!(day("2026-07-02T08:00:00Z", "2026-07-02T09:00:00Z"), summer);
    assert_eq!(
        day("2026-07-02T20:00:00Z", "2026-07-02T22:00:00Z"),
        summer,
        "ends at midnight"
    );
    let two = between("2026-07-01T22:00:00Z", "2026-07-03T22:00:00Z");
    assert_eq!(day("2026-07-02T20:00:00Z", "2026-07-02T22:00:01Z"), two);
    assert_eq!(
        day("2026-07-01T22:00:00Z", "2026-07-01T22:00:00Z"),
        summer,
        "empty booking"
    );
}

#[test]
fn days_with_a_clock_change_have_their_real_length() {
    let spring = day("2026-03-29T08:00:00Z", "2026-03-29T09:00:00Z");
    assert_eq!(
        spring,
        between("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")
    );
    let autumn = day("2026-10-25T08:00:00Z", "2026-10-25T09:00:00Z");
    assert_eq!(
        autumn,
        between("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")
    );
}

#[test]
fn margins_are_added_to_the_day() {
    let condition = RegistrationCondition {
        span: RegistrationSpan::Day,
        ..any_booking()
    };
    let span = Span::new(at("2026-07-02T08:00:00Z"), at("2026-07-02T09:00:00Z"));
    let expected = between("2026-07-01T21:50:00Z", "2026-07-02T22:05:00Z");
    assert_eq!(held(condition, confirmed(span)), expected);
}

#[test]
fn bookings_without_a_start_or_end_stay_open() {
    let condition = RegistrationCondition {
        span: RegistrationSpan::Day,
        ..any_booking()
    };
    let span = Span::new(at("2026-07-02T08:00:00Z"), Instant::END);
    let expected = set(&[Span::new(at("2026-07-01T21:50:00Z"), Instant::END)]);
    assert_eq!(held(condition, confirmed(span)), expected);
    assert_eq!(
        held(any_booking(), confirmed(Span::ALWAYS)),
        SpanSet::always()
    );
}

fn version(since: i64, opens_before: u64, applies_to_ongoing: bool) -> RuleVersion {
    let condition = RegistrationCondition {
        opens_before: for_minutes(opens_before),
        applies_to_ongoing,
        ..any_booking()
    };
    let since = crate::build::minute(since);
    RuleVersion {
        since,
        enabled: true,
        conditions: vec![Condition::Registration(condition)],
    }
}

fn judged(rule: &Rule, booking: Span) -> SpanSet {
    let facts = facts(vec![confirmed(booking)]);
    let access = evaluate(&facts, &[rule], &[], around());
    access.spans
}

#[test]
fn ongoing_bookings_use_the_version_under_which_they_began() {
    let mut edited = rule(1, vec![]);
    edited.versions = vec![version(0, 30, true), version(100, 1, false)];
    assert_eq!(
        judged(&edited, minutes(90, 200)),
        set(&[minutes(60, 205)]),
        "the margin of the old version"
    );
    assert_eq!(
        judged(&edited, minutes(100, 200)),
        set(&[minutes(99, 205)]),
        "the new one"
    );
    assert!(
        judged(&edited, minutes(-5, 200)).is_empty(),
        "there was no rule when it began"
    );
    edited.versions[0].enabled = false;
    assert!(
        judged(&edited, minutes(90, 200)).is_empty(),
        "it was disabled when it began"
    );
}

#[test]
fn by_default_an_edit_applies_to_ongoing_bookings() {
    let mut edited = rule(1, vec![]);
    edited.versions = vec![version(0, 30, true), version(100, 1, true)];
    assert_eq!(judged(&edited, minutes(90, 200)), set(&[minutes(89, 205)]));
    edited.versions.remove(0);
    assert_eq!(judged(&edited, minutes(90, 200)), set(&[minutes(89, 205)]));
}

#[test]
fn all_conditions_of_the_earlier_version_apply() {
    let mut edited = rule(1, vec![]);
    edited.versions = vec![version(0, 30, true), version(100, 30, false)];
    edited.versions[1].conditions.push(tag("staff"));
    assert_eq!(
        judged(&edited, minutes(90, 200)),
        set(&[minutes(60, 205)]),
        "that version required no tag"
    );
    assert!(judged(&edited, minutes(100, 200)).is_empty());
}

#[test]
fn a_booking_cannot_rely_on_a_version_without_a_registration_condition() {
    let mut edited = rule(1, vec![]);
    let first = rule(1, vec![tag("staff")]).versions.remove(0);
    edited.versions = vec![first, version(100, 30, false)];
    let mut facts = facts(vec![confirmed(minutes(90, 200))]);
    facts.tags = vec!["staff".to_owned()];
    assert!(evaluate(&facts, &[&edited], &[], around()).spans.is_empty());
}
