//! Tests of rounded windows: which responses count as rounded, and that the plan settles with them.

use std::time::Duration;

use access::{
    Abilities, Ability, AccessScope, Desired, Grant, Granularity, Id, Instant, Plan, Span, Step,
    WindowMatch, plan,
};
use proptest::prelude::*;

use crate::build::set;

const GROUP: AccessScope = AccessScope::Group(Id(1));
const USER: Id = Id(77);

fn seconds(from: i64, until: i64) -> Span {
    let at = |second: i64| Instant::from_micros(second * 1_000_000);
    Span::new(at(from), at(until))
}

fn planned(window: Span, held: &[Span], granularity: i64, now: i64) -> Plan {
    let wish = Desired {
        scope: GROUP,
        windows: set(&[window]),
    };
    let grants: Vec<Grant> = (1..)
        .zip(held)
        .map(|(id, window)| Grant {
            id: Id(id),
            scope: GROUP,
            user: USER,
            window: *window,
        })
        .collect();
    let abilities = Abilities {
        change_window: Ability::Yes,
        duplicate_assignments: Ability::Yes,
        granularity: Granularity::from_seconds(granularity),
    };
    let now = Instant::from_micros(now * 1_000_000);
    let horizon = Duration::from_hours(24);
    plan(&[wish], &grants, Some(USER), abilities, now, horizon)
}

#[test]
fn a_response_is_rounded_only_if_one_unit_explains_both_ends() {
    let unit = |seconds| WindowMatch::Rounded(Granularity::from_seconds(seconds));
    let asked = seconds(3_605, 7_237);
    for (answered, expected) in [
        (asked, WindowMatch::Exact),
        (seconds(3_600, 7_200), unit(60)),
        (seconds(3_660, 7_260), unit(60)),
        (seconds(3_605, 7_240), unit(5)),
        (seconds(3_600, 7_230), unit(10)),
        (seconds(3_600, 8_100), unit(900)),
        (seconds(3_600, 7_140), WindowMatch::Other),
        (seconds(3_600, 10_800), unit(3_600)),
        (seconds(0, 10_801), WindowMatch::Other),
        (seconds(0, 86_400), WindowMatch::Other),
    ] {
        assert_eq!(WindowMatch::of(&asked, &answered), expected, "{answered:?}");
    }
    let open = Span::new(asked.from, Instant::END);
    assert_eq!(
        WindowMatch::of(&asked, &open),
        WindowMatch::Other,
        "the response has no end"
    );
    assert_eq!(WindowMatch::of(&open, &asked), WindowMatch::Other);
    assert_eq!(
        WindowMatch::of(&Span::ALWAYS, &Span::ALWAYS),
        WindowMatch::Exact,
        "places have no window"
    );
}

#[test]
fn windows_are_requested_as_kisi_rounds_them() {
    let wanted = seconds(605, 7_237);
    let create = Step::Create {
        scope: GROUP,
        window: seconds(600, 7_260),
    };
    assert_eq!(planned(wanted, &[], 60, 0).steps, [create]);
    let at_rest = |held| planned(wanted, &[held], 60, 0).steps.is_empty();
    assert!(at_rest(seconds(600, 7_260)));
    assert!(at_rest(wanted), "an exact window is accepted too");
    assert!(
        !at_rest(seconds(600, 7_200)),
        "the member would lose seconds"
    );
}

#[test]
fn a_window_prolonged_only_by_rounding_ends_on_its_own() {
    let (ended, held) = (seconds(600, 7_237), seconds(600, 7_260));
    assert!(planned(ended, &[held], 60, 7_240).steps.is_empty());
    let delete = Step::Delete { grant: Id(1) };
    let longer = seconds(600, 9_000);
    assert_eq!(
        planned(ended, &[longer], 60, 7_240).steps,
        [delete],
        "a window that lasts longer is deleted at once"
    );
    assert!(planned(ended, &[], 60, 7_240).steps.is_empty());
}

#[test]
fn a_window_that_ended_within_the_current_second_has_ended() {
    let at = |tenth: i64| Instant::from_micros(tenth * 100_000);
    let wish = Desired {
        scope: GROUP,
        windows: set(&[Span::new(at(0), at(72_374))]),
    };
    let held = Grant {
        id: Id(1),
        scope: GROUP,
        user: USER,
        window: seconds(0, 9_000),
    };
    let abilities = Abilities {
        change_window: Ability::Yes,
        duplicate_assignments: Ability::Yes,
        granularity: Granularity::SECOND,
    };
    let horizon = Duration::from_hours(24);
    let plan = plan(&[wish], &[held], Some(USER), abilities, at(72_376), horizon);
    assert_eq!(plan.steps, [Step::Delete { grant: Id(1) }]);
}

proptest! {
    #[test]
    fn rounding_outward_covers_the_window_and_is_idempotent(
        from in 0..100_000_i64,
        length in 1..100_000_i64,
        unit in prop::sample::select(vec![1, 5, 60, 900, 3_600]),
    ) {
        let window = seconds(from, from + length);
        let granularity = Granularity::from_seconds(unit);
        let rounded = granularity.outward(&window);
        prop_assert!(set(&[rounded]).covers(&set(&[window])));
        prop_assert_eq!(granularity.outward(&rounded), rounded);
        prop_assert_ne!(WindowMatch::of(&window, &rounded), WindowMatch::Other);
    }
}
