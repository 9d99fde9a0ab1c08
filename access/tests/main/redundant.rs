//! Tests of `makes_needless`: for each part of a condition, when one rule provably makes another redundant. Also tests how far
//! ahead a change is compared.

use std::time::Duration;

use access::{
    BlockedPolicy, Condition, Facts, Id, Instant, MembershipCondition, OfferingKind,
    PurchaseCondition, RegistrationCondition, RegistrationSpan, RegistrationStatus,
    ScheduleCondition, Span, Trial, makes_redundant,
};
use jiff::{civil::Weekday, tz::TimeZone};

use crate::build::{
    any_booking, any_membership, at, berlin, booking, facts, for_minutes, rule, tag,
};

/// Whether a rule with condition `wide` makes one with `narrow` redundant.
fn needless(wide: &Condition, narrow: &Condition) -> bool {
    makes_redundant(&rule(1, vec![wide.clone()]), &rule(2, vec![narrow.clone()]))
}

/// Builds a condition with these offerings and locations.
type Of<'a> = &'a dyn Fn(&[u128], &[u128]) -> Condition;

/// Two lists of ids, and whether the first accepts everything that the second accepts; an empty list accepts everything.
const LISTS: [(&[u128], &[u128], bool); 7] = [
    (&[], &[], true),
    (&[], &[1], true),
    (&[1], &[], false),
    (&[1], &[1], true),
    (&[1], &[2], false),
    (&[1, 2], &[2], true),
    (&[1], &[1, 2], false),
];

#[test]
fn the_wider_list_must_contain_the_narrower_one() {
    let ids = |numbers: &[u128]| numbers.iter().copied().map(Id).collect::<Vec<_>>();
    let kinds = |numbers: &[u128]| {
        let kind = |number: &u128| match number {
            1 => OfferingKind::Room,
            _ => OfferingKind::Desk,
        };
        numbers.iter().map(kind).collect::<Vec<_>>()
    };
    let sorts: [Of<'_>; 3] = [
        &|offerings, locations| {
            Condition::Membership(MembershipCondition {
                offerings: ids(offerings),
                locations: ids(locations),
                when_blocked: BlockedPolicy::Deny,
            })
        },
        &|offerings, locations| {
            Condition::Purchase(PurchaseCondition {
                offerings: ids(offerings),
                locations: ids(locations),
            })
        },
        &|offerings, locations| {
            Condition::Registration(RegistrationCondition {
                offerings: ids(offerings),
                locations: ids(locations),
                ..any_booking()
            })
        },
    ];
    for (wide, narrow, asks_less) in LISTS {
        for (sort, of) in sorts.iter().enumerate() {
            let case = format!("sort {sort}: {wide:?} {narrow:?}");
            assert_eq!(
                needless(&of(wide, &[]), &of(narrow, &[])),
                asks_less,
                "offerings of {case}"
            );
            assert_eq!(
                needless(&of(&[], wide), &of(&[], narrow)),
                asks_less,
                "locations of {case}"
            );
        }
        let of = |numbers| {
            Condition::Registration(RegistrationCondition {
                kinds: kinds(numbers),
                ..any_booking()
            })
        };
        assert_eq!(
            needless(&of(wide), &of(narrow)),
            asks_less,
            "kinds {wide:?} {narrow:?}"
        );
    }
    // A tag condition needs one of its tags, so a longer list accepts more.
    let tags = |tags: &[&str]| {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Condition::Tag(access::TagCondition { tags })
    };
    assert!(needless(&tags(&["a", "b"]), &tags(&["a"])));
    assert!(!needless(&tags(&["a"]), &tags(&["a", "b"])));
    assert!(!needless(&tag("a"), &any_membership(BlockedPolicy::Deny)));
}

#[test]
fn only_the_policy_that_ignores_blocks_is_wider() {
    use BlockedPolicy::{Allow, Deny, Grace};
    let all = [Allow, Deny, Grace(for_minutes(5)), Grace(for_minutes(9))];
    for (row, wide) in all.into_iter().enumerate() {
        for (column, narrow) in all.into_iter().enumerate() {
            let said = needless(&any_membership(wide), &any_membership(narrow));
            assert_eq!(said, row == 0 || row == column, "{wide:?} {narrow:?}");
        }
    }
}

#[test]
fn longer_margins_whole_days_and_guests_are_wider() {
    let base = RegistrationCondition {
        span: RegistrationSpan::Booking,
        ..any_booking()
    };
    let widened = [
        RegistrationCondition {
            opens_before: for_minutes(11),
            ..base.clone()
        },
        RegistrationCondition {
            closes_after: for_minutes(6),
            ..base.clone()
        },
        RegistrationCondition {
            span: RegistrationSpan::Day,
            ..base.clone()
        },
        RegistrationCondition {
            guests: true,
            ..base.clone()
        },
    ];
    let base = Condition::Registration(base);
    assert!(needless(&base, &base));
    for wide in widened.map(Condition::Registration) {
        assert!(needless(&wide, &base), "{wide:?}");
        assert!(!needless(&base, &wide), "{wide:?}");
        assert!(needless(&wide, &wide), "{wide:?}");
    }
}

fn mornings() -> ScheduleCondition {
    ScheduleCondition {
        days: vec![Weekday::Monday, Weekday::Friday],
        from_minute: 360,
        until_minute: 720,
        zone: berlin(),
        start_date: "2026-03-01".parse().ok(),
        end_date: "2026-08-31".parse().ok(),
    }
}

#[test]
fn a_schedule_with_more_days_and_dates_is_wider() {
    let widened = [
        ScheduleCondition {
            days: vec![Weekday::Monday, Weekday::Tuesday, Weekday::Friday],
            ..mornings()
        },
        ScheduleCondition {
            start_date: None,
            ..mornings()
        },
        ScheduleCondition {
            start_date: "2026-02-28".parse().ok(),
            ..mornings()
        },
        ScheduleCondition {
            end_date: None,
            ..mornings()
        },
        ScheduleCondition {
            end_date: "2026-09-01".parse().ok(),
            ..mornings()
        },
    ];
    let same = Condition::Schedule(mornings());
    assert!(needless(&same, &same));
    for wide in widened.map(Condition::Schedule) {
        assert!(needless(&wide, &same), "{wide:?}");
        assert!(!needless(&same, &wide), "{wide:?}");
    }
    // Different hours or time zones prove nothing.
    let others = [
        ScheduleCondition {
            from_minute: 300,
            ..mornings()
        },
        ScheduleCondition {
            until_minute: 780,
            ..mornings()
        },
        ScheduleCondition {
            zone: TimeZone::UTC,
            ..mornings()
        },
    ];
    for other in others.map(Condition::Schedule) {
        assert!(!needless(&other, &same), "{other:?}");
        assert!(!needless(&same, &other), "{other:?}");
    }
}

#[test]
fn a_change_is_compared_for_all_time_or_for_four_hundred_days() {
    let now = at("2026-03-02T12:00:00Z");
    let ahead = Duration::from_hours(24 * 400);
    let until = |conditions: Vec<Condition>, facts: &Facts| {
        let rule = rule(1, conditions);
        let within = Trial::new(vec![], None, Some(&rule), vec![], now).within(facts);
        assert_eq!(within.from, now);
        within.until
    };
    let nothing = Facts::default();
    assert_eq!(until(vec![tag("staff")], &nothing), Instant::END);
    let undated = ScheduleCondition {
        start_date: None,
        end_date: None,
        ..mornings()
    };
    let undated = vec![tag("staff"), Condition::Schedule(undated)];
    assert_eq!(until(undated.clone(), &nothing), now.plus(ahead));
    let last_day = at("2026-08-30T22:00:00Z");
    assert_eq!(
        until(vec![Condition::Schedule(mornings())], &nothing),
        last_day.plus(ahead)
    );
    for (ends, until_then) in [
        (now.plus(ahead), now.plus(ahead).plus(ahead)),
        (now.plus(Duration::from_secs(60)), now.plus(ahead)),
    ] {
        let booked = booking(1, RegistrationStatus::Confirmed, Span::new(now, ends));
        assert_eq!(until(undated.clone(), &facts(vec![booked])), until_then);
    }
}
