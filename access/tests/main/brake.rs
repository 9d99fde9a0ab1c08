//! Tests of the brake: its limits for a small and a large club, which changes are losses, and what is kept while a loss is held.

use access::{AccessScope, Brake, Desired, Grant, Id, Instant, Span, SpanSet, held_back, losses};
use proptest::prelude::*;

const GROUP: AccessScope = AccessScope::Group(Id(1));
const BRAKE: Brake = Brake {
    enabled: true,
    people: 3,
    percent: 5,
};

fn at(seconds: i64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

fn grant(from: i64, until: i64) -> Grant {
    Grant {
        id: Id(7),
        scope: GROUP,
        user: Id(9),
        window: Span::new(at(from), at(until)),
    }
}

fn wish(from: i64, until: i64) -> Vec<Desired> {
    vec![Desired {
        scope: GROUP,
        windows: SpanSet::of([Span::new(at(from), at(until))]),
    }]
}

#[test]
fn a_small_club_is_limited_by_people_and_a_large_one_by_percent() {
    assert_eq!((BRAKE.limit(8), BRAKE.limit(80_000)), (3, 4_000));
    assert!(!BRAKE.holds(3, 0, 8));
    assert!(BRAKE.holds(4, 0, 8));
    assert!(!BRAKE.holds(4_000, 0, 80_000));
    assert!(BRAKE.holds(4_001, 0, 80_000));
}

#[test]
fn earlier_losses_within_the_window_count() {
    assert!(!BRAKE.holds(1, 2, 8));
    assert!(BRAKE.holds(1, 3, 8));
    // Earlier losses do not hold a cause that takes nothing from anybody.
    assert!(!BRAKE.holds(0, 10, 8));
}

#[test]
fn a_disabled_brake_holds_nothing_and_a_limit_of_zero_holds_every_loss() {
    assert!(
        !Brake {
            enabled: false,
            ..BRAKE
        }
        .holds(1_000, 0, 1_000)
    );
    let every = Brake {
        people: 0,
        percent: 0,
        ..BRAKE
    };
    assert!(every.holds(1, 0, 1_000));
    assert!(!every.holds(0, 0, 1_000));
}

#[test]
fn access_that_ends_early_is_a_loss() {
    let open = [grant(0, 100)];
    assert!(losses(&[], &open, at(50)).contains(&GROUP));
    assert!(losses(&wish(0, 60), &open, at(50)).contains(&GROUP));
    assert!(losses(&wish(0, 100), &open, at(50)).is_empty());
    assert!(losses(&wish(0, 200), &open, at(50)).is_empty());
}

#[test]
fn access_that_expired_or_has_not_begun_is_no_loss() {
    assert!(losses(&[], &[grant(0, 100)], at(100)).is_empty());
    assert!(losses(&[], &[grant(0, 100)], at(-1)).is_empty());
}

#[test]
fn the_end_of_a_place_share_is_no_loss() {
    let place = Grant {
        scope: AccessScope::Place(Id(2)),
        window: Span::ALWAYS,
        ..grant(0, 0)
    };
    assert!(losses(&[], &[place], at(5)).is_empty());
}

proptest! {
    #[test]
    fn holding_back_keeps_all_access_and_adds_all_new_access(
        (a, b, c, d, now) in (0i64..50, 0i64..50, 0i64..50, 0i64..50, 0i64..50)
    ) {
        let grants = [grant(a, a + b)];
        let desired = wish(c, c + d);
        let held = losses(&desired, &grants, at(now));
        let kept = held_back(&desired, &grants, &held);
        prop_assert!(losses(&kept, &grants, at(now)).is_empty());
        let windows = kept.iter().fold(SpanSet::new(), |all, wish| all.union(&wish.windows));
        prop_assert!(windows.covers(&desired[0].windows));
    }
}
