//! Windows that Kisi rounds: what is taken for rounding, and how the plan comes to rest with it.

use std::time::Duration;

use access::{
    Abilities, Ability, Answer, Desired, Grant, Granularity, Id, Instant, Plan, Scope, Span, Step,
    plan,
};
use proptest::prelude::*;

use crate::build::set;

const GROUP: Scope = Scope::Group(Id(1));
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
        twins: Ability::Yes,
        granularity: Granularity::from_seconds(granularity),
    };
    let now = Instant::from_micros(now * 1_000_000);
    let horizon = Duration::from_hours(24);
    plan(&[wish], &grants, Some(USER), abilities, now, horizon)
}

#[test]
fn an_answer_is_rounded_only_where_a_unit_explains_both_ends() {
    let unit = |seconds| Answer::Rounded(Granularity::from_seconds(seconds));
    let asked = seconds(3_605, 7_237);
    for (answered, expected) in [
        (asked, Answer::Exact),
        (seconds(3_600, 7_200), unit(60)),
        (seconds(3_660, 7_260), unit(60)),
        (seconds(3_605, 7_240), unit(5)),
        (seconds(3_600, 7_230), unit(10)),
        (seconds(3_600, 8_100), unit(900)),
        (seconds(3_600, 7_140), Answer::Other),
        (seconds(3_600, 10_800), unit(3_600)),
        (seconds(0, 10_801), Answer::Other),
        (seconds(0, 86_400), Answer::Other),
    ] {
        assert_eq!(Answer::of(&asked, &answered), expected, "{answered:?}");
    }
    let open = Span::new(asked.from, Instant::END);
    assert_eq!(Answer::of(&asked, &open), Answer::Other, "no end at all");
    assert_eq!(Answer::of(&open, &asked), Answer::Other);
    assert_eq!(
        Answer::of(&Span::ALWAYS, &Span::ALWAYS),
        Answer::Exact,
        "of places"
    );
}

#[test]
fn a_window_is_asked_for_as_it_is_kept() {
    let wanted = seconds(605, 7_237);
    let create = Step::Create {
        scope: GROUP,
        window: seconds(600, 7_260),
    };
    assert_eq!(planned(wanted, &[], 60, 0).steps, [create]);
    let at_rest = |held| planned(wanted, &[held], 60, 0).steps.is_empty();
    assert!(at_rest(seconds(600, 7_260)));
    assert!(
        at_rest(wanted),
        "what is held to the second is right as well"
    );
    assert!(!at_rest(seconds(600, 7_200)), "somebody would lose seconds");
}

#[test]
fn what_rounding_alone_prolongs_ends_by_itself() {
    let (ended, held) = (seconds(600, 7_237), seconds(600, 7_260));
    assert!(planned(ended, &[held], 60, 7_240).steps.is_empty());
    let delete = Step::Delete { grant: Id(1) };
    let longer = seconds(600, 9_000);
    assert_eq!(
        planned(ended, &[longer], 60, 7_240).steps,
        [delete],
        "what was to last longer goes at once"
    );
    assert!(planned(ended, &[], 60, 7_240).steps.is_empty());
}

#[test]
fn what_is_over_within_a_second_is_over() {
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
        twins: Ability::Yes,
        granularity: Granularity::SECOND,
    };
    let horizon = Duration::from_hours(24);
    let plan = plan(&[wish], &[held], Some(USER), abilities, at(72_376), horizon);
    assert_eq!(plan.steps, [Step::Delete { grant: Id(1) }]);
}

proptest! {
    #[test]
    fn outward_covers_and_is_kept(
        from in 0..100_000_i64,
        length in 1..100_000_i64,
        unit in prop::sample::select(vec![1, 5, 60, 900, 3_600]),
    ) {
        let window = seconds(from, from + length);
        let granularity = Granularity::from_seconds(unit);
        let rounded = granularity.outward(&window);
        prop_assert!(set(&[rounded]).covers(&set(&[window])));
        prop_assert_eq!(granularity.outward(&rounded), rounded);
        prop_assert_ne!(Answer::of(&window, &rounded), Answer::Other);
    }
}
