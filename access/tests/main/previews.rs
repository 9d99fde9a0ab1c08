//! Tests of `Trial`: the previewed change of access equals the difference of two evaluations.

use access::{
    AccessScope, BlockedPolicy, Condition, Effect, Facts, Id, Instant, MembershipStatus,
    RegistrationCondition, RegistrationSpan, RegistrationStatus, Rule, RuleVersion,
    ScheduleCondition, Share, Span, SpanSet, Suspension, Trial, allowed_times, evaluate,
    makes_redundant,
};
use jiff::civil::{Date, Weekday};
use proptest::prelude::*;

use crate::{
    build::{
        any_booking, any_membership, any_purchase, at, berlin, booking, facts, for_minutes,
        membership, minute, minutes, rule, tag,
    },
    properties::{any_facts, any_rule},
};

const NOON: &str = "2026-03-02T12:00:00Z";

fn mornings(start_date: Option<Date>, end_date: Option<Date>) -> Condition {
    Condition::Schedule(ScheduleCondition {
        days: vec![Weekday::Monday],
        from_minute: 360,
        until_minute: 720,
        zone: berlin(),
        start_date,
        end_date,
    })
}

fn trial<'a>(before: Option<&'a Rule>, after: Option<&'a Rule>, from: Instant) -> Trial<'a> {
    Trial::new(
        vec![],
        before,
        after,
        vec![AccessScope::Group(Id(900))],
        from,
    )
}

fn member() -> Facts {
    facts(vec![membership(
        1,
        MembershipStatus::Active,
        Span::new(at("2026-01-01T00:00:00Z"), Instant::END),
    )])
}

#[test]
fn times_in_the_past_do_not_count() {
    let bookings = rule(1, vec![Condition::Registration(any_booking())]);
    let past = facts(vec![booking(
        1,
        RegistrationStatus::Confirmed,
        minutes(0, 60),
    )]);
    assert!(
        trial(None, Some(&bookings), minute(65))
            .change(&past)
            .is_none()
    );
    let change = trial(None, Some(&bookings), minute(64))
        .change(&past)
        .unwrap();
    assert_eq!(change.gained, SpanSet::from(minutes(64, 65)));
    assert_eq!(change.after, SpanSet::from(minutes(-10, 65)));
    assert!(change.before.is_empty() && change.lost.is_empty());
}

#[test]
fn a_booking_years_ahead_counts_with_a_schedule_too() {
    let now = at(NOON);
    let far = Span::new(at("2029-03-05T07:00:00Z"), at("2029-03-05T08:00:00Z"));
    let booked = facts(vec![booking(1, RegistrationStatus::Confirmed, far)]);
    let scheduled = rule(
        1,
        vec![Condition::Registration(any_booking()), mornings(None, None)],
    );
    let change = trial(Some(&scheduled), None, now).change(&booked).unwrap();
    assert_eq!(
        change.lost,
        SpanSet::from(far.widened(for_minutes(10), for_minutes(5)))
    );
}

#[test]
fn a_schedule_that_begins_in_two_years_counts() {
    let now = at(NOON);
    let start = "2028-03-06".parse().ok();
    let later = rule(
        1,
        vec![any_membership(BlockedPolicy::Deny), mornings(start, start)],
    );
    let change = trial(None, Some(&later), now).change(&member()).unwrap();
    let window = Span::new(at("2028-03-06T05:00:00Z"), at("2028-03-06T11:00:00Z"));
    assert_eq!(change.gained, SpanSet::from(window));
    assert!(
        trial(None, Some(&later), now)
            .change(&Facts::default())
            .is_none()
    );
}

#[test]
fn no_change_where_another_rule_a_share_or_a_suspension_decides() {
    let now = at(NOON);
    let members = rule(1, vec![any_membership(BlockedPolicy::Deny)]);
    let staff = rule(2, vec![tag("staff")]);
    let covering = || vec![AccessScope::Group(Id(900))];
    let over = |facts: &Facts| {
        Trial::new(vec![&staff], Some(&members), None, covering(), now).change(facts)
    };
    let mut held = member();
    assert!(over(&held).is_some());
    held.tags.push("staff".to_owned());
    assert!(over(&held).is_none());
    held.tags.clear();
    held.shares.push(Share {
        id: Id(5),
        scope: AccessScope::Group(Id(900)),
        span: Span::ALWAYS,
    });
    assert!(over(&held).is_none());
    held.shares.clear();
    held.suspension = Some(Suspension {
        id: Id(6),
        span: Span::ALWAYS,
    });
    assert!(over(&held).is_none());
}

#[test]
fn an_edit_leaves_ongoing_bookings_alone_if_the_condition_says_so() {
    let ongoing = facts(vec![booking(
        1,
        RegistrationStatus::Confirmed,
        minutes(0, 60),
    )]);
    let first = rule(1, vec![Condition::Registration(any_booking())]);
    let edit = |applies_to_ongoing| {
        let mut edited = first.clone();
        let kinds = vec![access::OfferingKind::Desk];
        edited.versions.push(RuleVersion {
            since: minute(30),
            enabled: true,
            conditions: vec![Condition::Registration(RegistrationCondition {
                kinds,
                applies_to_ongoing,
                ..any_booking()
            })],
        });
        edited
    };
    let (hard, soft) = (edit(true), edit(false));
    let lost = trial(Some(&first), Some(&hard), minute(30)).change(&ongoing);
    assert_eq!(lost.unwrap().lost, SpanSet::from(minutes(30, 65)));
    assert!(
        trial(Some(&first), Some(&soft), minute(30))
            .change(&ongoing)
            .is_none()
    );
}

#[test]
fn the_effect_adds_up_over_members() {
    let now = at(NOON);
    let (members, staff) = (
        rule(1, vec![any_membership(BlockedPolicy::Deny)]),
        rule(1, vec![tag("staff")]),
    );
    let swap = trial(Some(&members), Some(&staff), now);
    let mut effect = Effect::default();
    assert!(swap.change(&Facts::default()).is_none());
    effect.add(&swap.change(&member()).unwrap());
    assert_eq!((effect.adds, effect.removes), (false, true));
    let mut bearer = Facts::default();
    bearer.tags.push("staff".to_owned());
    effect.add(&swap.change(&bearer).unwrap());
    assert_eq!((effect.adds, effect.removes), (true, true));
}

#[test]
fn allowed_times_are_in_the_future() {
    let now = at(NOON);
    let over = "2026-03-01".parse().ok();
    assert!(allowed_times(&[tag("staff"), mornings(None, over)], now).is_empty());
    assert!(!allowed_times(&[mornings(None, None)], now).is_empty());
    assert_eq!(allowed_times(&[tag("staff")], now), SpanSet::always());
    let saturdays = Condition::Schedule(ScheduleCondition {
        days: vec![Weekday::Saturday],
        from_minute: 360,
        until_minute: 720,
        zone: berlin(),
        start_date: None,
        end_date: None,
    });
    assert!(allowed_times(&[mornings(None, None), saturdays], now).is_empty());
}

fn any_wording() -> impl Strategy<Value = Condition> {
    let parts = (0..5_u8, any::<bool>(), any::<bool>(), 0..3_u64);
    parts.prop_map(|(sort, flag, other, grace)| match sort {
        0 => any_purchase(),
        1 => Condition::Tag(access::TagCondition {
            tags: if flag {
                vec!["staff".to_owned(), "range".to_owned()]
            } else {
                vec!["staff".to_owned()]
            },
        }),
        2 => any_membership(match grace {
            0 => BlockedPolicy::Allow,
            1 => BlockedPolicy::Deny,
            _ => BlockedPolicy::Grace(for_minutes(5)),
        }),
        _ => Condition::Registration(RegistrationCondition {
            opens_before: for_minutes(grace * 10),
            span: if flag {
                RegistrationSpan::Day
            } else {
                RegistrationSpan::Booking
            },
            guests: other,
            ..any_booking()
        }),
    })
}

proptest! {
    #[test]
    fn a_change_is_the_difference_of_two_evaluations(
        facts in any_facts(),
        kept in prop::collection::vec(any_rule(), 0..3),
        before in prop::option::of(any_rule()),
        after in prop::option::of(any_rule()),
        from in 0..90_i64,
        scheduled in any::<bool>(),
    ) {
        let from = minute(from);
        let mut after = after;
        if let Some(last) = after.as_mut().and_then(|rule| rule.versions.last_mut()).filter(|_| scheduled) {
            // The epoch was a Thursday.
            last.conditions.push(Condition::Schedule(ScheduleCondition {
                days: vec![Weekday::Thursday], from_minute: 80, until_minute: 100,
                zone: berlin(), start_date: None, end_date: None,
            }));
        }
        let covering = [AccessScope::Group(Id(900))];
        let kept: Vec<&Rule> = kept.iter().collect();
        let trial = Trial::new(kept.clone(), before.as_ref(), after.as_ref(), covering.to_vec(), from);
        let within = trial.within(&facts);
        let whole = |rule: Option<&Rule>| {
            let rules: Vec<&Rule> = kept.iter().copied().chain(rule).collect();
            evaluate(&facts, &rules, &covering, within).spans
        };
        let (was, will) = (whole(before.as_ref()), whole(after.as_ref()));
        let clip = |spans: SpanSet| spans.intersect(&SpanSet::from(within));
        let (gained, lost) = (clip(will.subtract(&was)), clip(was.subtract(&will)));
        match trial.change(&facts) {
            None => prop_assert!(gained.is_empty() && lost.is_empty()),
            Some(change) => {
                prop_assert_eq!(&change.gained, &gained);
                prop_assert_eq!(&change.lost, &lost);
                prop_assert!(!gained.is_empty() || !lost.is_empty());
                prop_assert_eq!((change.before, change.after), (was, will));
            }
        }
    }

    #[test]
    fn a_rule_that_makes_another_redundant_covers_its_spans(
        facts in any_facts(),
        wide in prop::collection::vec(any_wording(), 1..3),
        narrow in prop::collection::vec(any_wording(), 1..4),
    ) {
        let (wide, narrow) = (rule(1, wide), rule(2, narrow));
        if makes_redundant(&wide, &narrow) {
            let around = Span::new(minute(-5_000), minute(5_000));
            let by = |rule| evaluate(&facts, &[rule], &[], around).spans;
            prop_assert!(by(&wide).covers(&by(&narrow)));
        }
        prop_assert!(makes_redundant(&narrow, &narrow));
    }
}

#[test]
fn a_weaker_rule_makes_a_stricter_one_redundant_but_not_the_reverse() {
    let wide = rule(1, vec![any_membership(BlockedPolicy::Allow)]);
    let narrow = rule(
        2,
        vec![any_membership(BlockedPolicy::Deny), mornings(None, None)],
    );
    assert!(makes_redundant(&wide, &narrow));
    assert!(!makes_redundant(&narrow, &wide));
    let mut off = wide.clone();
    off.versions[0].enabled = false;
    assert!(!makes_redundant(&off, &narrow));
    let sparing = RegistrationCondition {
        applies_to_ongoing: false,
        ..any_booking()
    };
    let sparing = rule(3, vec![Condition::Registration(sparing)]);
    assert!(!makes_redundant(&sparing, &sparing.clone()));
}
