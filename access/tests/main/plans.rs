//! Tests of the planner against a model of Kisi, for each combination of its abilities.

use std::{collections::BTreeMap, time::Duration};

use access::{
    Abilities, Ability, AccessScope, Desired, Grant, Granularity, Id, Instant, Lane, Plan, Span,
    SpanSet, Step, plan,
};
use proptest::prelude::*;

use crate::build::{minute, minutes, set};

const USER: Id = Id(77);
const OLD_USER: Id = Id(66);
const NOW: i64 = 100;
const HORIZON: Duration = Duration::from_secs(100 * 60);
const GROUP: AccessScope = AccessScope::Group(Id(1));
const PLACE: AccessScope = AccessScope::Place(Id(2));

const fn abilities(change_window: Ability, duplicate_assignments: Ability) -> Abilities {
    Abilities {
        change_window,
        duplicate_assignments,
        granularity: Granularity::SECOND,
    }
}

const ABLE: Abilities = abilities(Ability::Yes, Ability::Yes);

fn grant(id: u128, window: Span) -> Grant {
    Grant {
        id: Id(id),
        scope: GROUP,
        user: USER,
        window,
    }
}

fn wish(windows: &[Span]) -> Vec<Desired> {
    vec![Desired {
        scope: GROUP,
        windows: set(windows),
    }]
}

fn planned(windows: &[Span], grants: &[Grant], abilities: Abilities) -> Plan {
    plan(
        &wish(windows),
        grants,
        Some(USER),
        abilities,
        minute(NOW),
        HORIZON,
    )
}

/// The part of Kisi that the planner depends on.
#[derive(Clone)]
struct Model {
    grants: Vec<Grant>,
    user: Option<Id>,
    made: u128,
}

impl Model {
    fn apply(&mut self, step: Step, abilities: Abilities) {
        match step {
            Step::CreateUser => {
                assert_eq!(self.user, None);
                self.user = Some(USER);
            }
            Step::Create { scope, window } => {
                let user = self.user.unwrap();
                let has_assignment = self
                    .grants
                    .iter()
                    .any(|it| it.scope == scope && it.user == user);
                assert!(
                    !has_assignment || abilities.duplicate_assignments != Ability::No,
                    "this Kisi refuses a second assignment"
                );
                self.made += 1;
                self.grants.push(Grant {
                    id: Id(10_000 + self.made),
                    scope,
                    user,
                    window,
                });
            }
            Step::Change { grant, window } => {
                assert_ne!(
                    abilities.change_window,
                    Ability::No,
                    "this Kisi refuses to change windows"
                );
                let target = self.grants.iter_mut().find(|it| it.id == grant).unwrap();
                assert!(
                    Some(target.user) == self.user && matches!(target.scope, AccessScope::Group(_))
                );
                target.window = window;
            }
            Step::Delete { grant } => {
                let place = self.grants.iter().position(|it| it.id == grant).unwrap();
                self.grants.remove(place);
            }
        }
    }

    /// The spans that are open from now on, by scope.
    fn open(&self) -> BTreeMap<AccessScope, SpanSet> {
        let mut open: BTreeMap<AccessScope, SpanSet> = BTreeMap::new();
        for grant in &self.grants {
            let windowed = matches!(grant.scope, AccessScope::Group(_));
            let window = if windowed { grant.window } else { Span::ALWAYS };
            let later = window.intersect(&Span::new(minute(NOW), Instant::END));
            let spans = open.entry(grant.scope).or_default();
            *spans = spans.union(&SpanSet::from(later));
        }
        open
    }
}

#[test]
fn a_new_person_is_created_first() {
    let plan = plan(
        &wish(&[minutes(50, 150)]),
        &[],
        None,
        ABLE,
        minute(NOW),
        HORIZON,
    );
    let create = Step::Create {
        scope: GROUP,
        window: minutes(50, 150),
    };
    assert_eq!(plan.steps, [Step::CreateUser, create]);
    assert_eq!(plan.lane, Lane::Now);
    let nothing = access::plan(&[], &[], None, ABLE, minute(NOW), HORIZON);
    assert_eq!(
        (nothing.steps, nothing.replan_at, nothing.lane),
        (vec![], None, Lane::Cleanup)
    );
}

#[test]
fn windows_are_rounded_outward_to_whole_seconds() {
    let window = Span::new(
        Instant::from_micros(6_000_500_000),
        Instant::from_micros(6_100_000_001),
    );
    let plan = planned(&[window], &[], ABLE);
    let whole = Span::new(
        Instant::from_micros(6_000_000_000),
        Instant::from_micros(6_101_000_000),
    );
    assert_eq!(
        plan.steps,
        [Step::Create {
            scope: GROUP,
            window: whole
        }]
    );
    assert!(
        planned(&[window], &[grant(1, whole)], ABLE)
            .steps
            .is_empty()
    );
}

#[test]
fn windows_beyond_the_horizon_are_sent_later() {
    let plan = planned(&[minutes(10, 50), minutes(250, 300)], &[], ABLE);
    assert!(
        plan.steps.is_empty(),
        "one window has ended and one is beyond the horizon"
    );
    assert_eq!(plan.replan_at, Some(minute(150)));
    let kept = planned(&[minutes(250, 300)], &[grant(1, minutes(250, 300))], ABLE);
    assert!(
        kept.steps.is_empty(),
        "a correct assignment beyond the horizon is kept"
    );
}

#[test]
fn a_moved_window_is_changed_in_place_or_replaced_without_a_gap() {
    let grants = [grant(1, minutes(50, 150))];
    let change = planned(&[minutes(50, 180)], &grants, ABLE);
    assert_eq!(
        change.steps,
        [Step::Change {
            grant: Id(1),
            window: minutes(50, 180)
        }]
    );
    assert_eq!(change.lane, Lane::Now);
    let create = Step::Create {
        scope: GROUP,
        window: minutes(50, 180),
    };
    let delete = Step::Delete { grant: Id(1) };
    let stiff = abilities(Ability::No, Ability::Unknown);
    assert_eq!(
        planned(&[minutes(50, 180)], &grants, stiff).steps,
        [create, delete]
    );
    let stiffest = abilities(Ability::No, Ability::No);
    assert_eq!(
        planned(&[minutes(50, 180)], &grants, stiffest).steps,
        [delete, create]
    );
    assert_eq!(
        planned(&[minutes(50, 120)], &grants, ABLE).lane,
        Lane::Revocation
    );
    assert_eq!(planned(&[], &grants, ABLE).steps, [delete]);
}

#[test]
fn the_open_grant_takes_the_open_window() {
    let grants = [grant(1, minutes(120, 150)), grant(2, minutes(90, 110))];
    let plan = planned(&[minutes(95, 115), minutes(160, 170)], &grants, ABLE);
    let open = Step::Change {
        grant: Id(2),
        window: minutes(95, 115),
    };
    let later = Step::Change {
        grant: Id(1),
        window: minutes(160, 170),
    };
    assert!(plan.steps.contains(&open) && plan.steps.contains(&later));
}

#[test]
fn expired_grants_are_reused_or_deleted_a_day_later() {
    let expired = [grant(1, minutes(10, 50))];
    let reused = planned(&[minutes(120, 130)], &expired, ABLE);
    assert_eq!(
        reused.steps,
        [Step::Change {
            grant: Id(1),
            window: minutes(120, 130)
        }]
    );
    assert_eq!(reused.lane, Lane::Now);
    let waiting = planned(&[], &expired, ABLE);
    assert_eq!(
        (waiting.steps.len(), waiting.replan_at),
        (0, Some(minute(50 + 24 * 60)))
    );
    let old = planned(&[], &[grant(1, minutes(-2000, -1500))], ABLE);
    assert_eq!(old.steps, [Step::Delete { grant: Id(1) }]);
    assert_eq!(old.lane, Lane::Cleanup);
}

#[test]
fn places_have_no_windows() {
    let wish = [Desired {
        scope: PLACE,
        windows: set(&[minutes(90, 130), minutes(500, 600)]),
    }];
    let at = |now, grants: &[Grant]| plan(&wish, grants, Some(USER), ABLE, minute(now), HORIZON);
    let held = [Grant {
        id: Id(1),
        scope: PLACE,
        user: USER,
        window: Span::ALWAYS,
    }];
    let opened = at(NOW, &[]);
    assert_eq!(
        opened.steps,
        [Step::Create {
            scope: PLACE,
            window: Span::ALWAYS
        }]
    );
    assert_eq!(opened.replan_at, Some(minute(130)));
    assert!(at(NOW, &held).steps.is_empty());
    let closed = at(130, &held);
    assert_eq!(
        (closed.steps, closed.replan_at),
        (vec![Step::Delete { grant: Id(1) }], Some(minute(500)))
    );
}

#[test]
fn after_a_change_of_user_the_new_grant_comes_before_the_deletion() {
    let old = [Grant {
        user: OLD_USER,
        ..grant(1, minutes(50, 150))
    }];
    let plan = plan(
        &wish(&[minutes(50, 150)]),
        &old,
        None,
        ABLE,
        minute(NOW),
        HORIZON,
    );
    let create = Step::Create {
        scope: GROUP,
        window: minutes(50, 150),
    };
    assert_eq!(
        plan.steps,
        [Step::CreateUser, create, Step::Delete { grant: Id(1) }]
    );
    assert_eq!(plan.lane, Lane::Revocation);
}

#[test]
fn without_duplicate_assignments_windows_follow_one_after_the_other() {
    let single = abilities(Ability::Yes, Ability::No);
    let windows = [minutes(90, 110), minutes(120, 130)];
    let first = planned(&windows, &[], single);
    assert_eq!(
        first.steps,
        [Step::Create {
            scope: GROUP,
            window: windows[0]
        }]
    );
    assert_eq!(first.replan_at, Some(minute(110)));
    let grants = [grant(1, windows[0])];
    let next = plan(
        &wish(&windows),
        &grants,
        Some(USER),
        single,
        minute(110),
        HORIZON,
    );
    assert_eq!(
        next.steps,
        [Step::Change {
            grant: Id(1),
            window: windows[1]
        }]
    );
}

fn any_window() -> impl Strategy<Value = Span> {
    prop_oneof![
        9 => (60..260_i64, 1..80_i64).prop_map(|(from, length)| minutes(from, from + length)),
        1 => (-3000..0_i64).prop_map(|from| minutes(from, from + 10)),
        1 => Just(Span::ALWAYS),
    ]
}

fn any_desired() -> impl Strategy<Value = Vec<Desired>> {
    let windows = prop::collection::vec(any_window(), 0..6);
    let wish = (
        prop::sample::select(vec![GROUP, AccessScope::Group(Id(3)), PLACE]),
        windows,
    );
    prop::collection::vec(wish, 0..4).prop_map(|wishes| {
        let wish = |(scope, windows): (AccessScope, Vec<Span>)| Desired {
            scope,
            windows: set(&windows),
        };
        wishes.into_iter().map(wish).collect()
    })
}

/// Random and desired windows, so that exact matches occur.
fn any_grants(desired: &[Desired]) -> impl Strategy<Value = Vec<Grant>> + use<> {
    let right = desired
        .iter()
        .flat_map(|wish| wish.windows.iter().map(|it| (wish.scope, *it)));
    let right: Vec<_> = right.chain([(GROUP, minutes(90, 150))]).collect();
    let random = (
        prop::sample::select(vec![GROUP, AccessScope::Group(Id(3)), PLACE]),
        any_window(),
    );
    let either = prop_oneof![2 => random, 1 => prop::sample::select(right)];
    prop::collection::vec((either, prop::bool::weighted(0.85)), 0..7).prop_map(|all| {
        let grant = |(id, ((scope, window), own)): (u128, ((AccessScope, Span), bool))| {
            let window = if matches!(scope, AccessScope::Group(_)) {
                window
            } else {
                Span::ALWAYS
            };
            Grant {
                id: Id(id),
                scope,
                user: if own { USER } else { OLD_USER },
                window,
            }
        };
        (1..).zip(all).map(grant).collect()
    })
}

fn any_ability() -> impl Strategy<Value = Ability> {
    prop::sample::select(vec![Ability::Unknown, Ability::Yes, Ability::No])
}

/// The windows that Kisi must hold from now up to the horizon.
fn due(desired: &[Desired], duplicate_assignments: Ability) -> BTreeMap<AccessScope, Vec<Span>> {
    let mut union: BTreeMap<AccessScope, SpanSet> = BTreeMap::new();
    for wish in desired {
        let spans = union.entry(wish.scope).or_default();
        *spans = spans.union(&wish.windows);
    }
    let reach = minute(NOW).plus(HORIZON);
    let due_of = |(scope, spans): (AccessScope, SpanSet)| {
        let due: Vec<Span> = match scope {
            AccessScope::Group(_) => {
                let due = spans
                    .iter()
                    .filter(|it| it.until > minute(NOW) && it.from <= reach);
                due.copied()
                    .take(if duplicate_assignments == Ability::No {
                        1
                    } else {
                        usize::MAX
                    })
                    .collect()
            }
            _ => spans
                .contains(minute(NOW))
                .then_some(Span::ALWAYS)
                .into_iter()
                .collect(),
        };
        (scope, due)
    };
    union.into_iter().map(due_of).collect()
}

/// A desired window beyond the horizon that Kisi already holds.
fn is_early(grant: &Grant, desired: &[Desired]) -> bool {
    let here = desired.iter().filter(|it| it.scope == grant.scope);
    let windows = SpanSet::of(here.flat_map(|it| it.windows.iter().copied()));
    grant.window.from > minute(NOW).plus(HORIZON) && windows.as_slice().contains(&grant.window)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn plans_reach_the_desired_state_without_a_gap(
        (desired, grants) in any_desired().prop_flat_map(|desired| {
            let grants = any_grants(&desired);
            (Just(desired), grants)
        }),
        known in any::<bool>(),
        change_window in any_ability(),
        duplicate_assignments in any_ability(),
    ) {
        let abilities = abilities(change_window, duplicate_assignments);
        let user = (known || grants.iter().any(|grant| grant.user == USER)).then_some(USER);
        let plan_of = |model: &Model| {
            plan(&desired, &model.grants, model.user, abilities, minute(NOW), HORIZON)
        };
        let mut model = Model { grants, user, made: 0 };
        let before = model.open();
        let first = plan_of(&model);
        prop_assert!(first.replan_at.is_none_or(|at| at > minute(NOW)));

        let mut states = Vec::new();
        for step in &first.steps {
            model.apply(*step, abilities);
            states.push(model.open());
        }
        let after = model.open();
        let empty = SpanSet::new();
        type Open = BTreeMap<AccessScope, SpanSet>;
        let of = |state: &Open, scope| state.get(scope).unwrap_or(&empty).clone();
        let with_gap = change_window == Ability::No && duplicate_assignments == Ability::No;
        for scope in before.keys() {
            let needed = of(&before, scope).intersect(&of(&after, scope));
            for state in states.iter().filter(|_| !with_gap) {
                prop_assert!(of(state, scope).covers(&needed), "a gap in {scope:?}: {first:?}");
            }
            let taken = !of(&after, scope).covers(&of(&before, scope));
            prop_assert!(!taken || first.lane == Lane::Revocation);
        }

        let due = due(&desired, duplicate_assignments);
        for (scope, windows) in &due {
            for window in windows {
                let held = |it: &&Grant| it.scope == *scope && it.window == *window;
                let held = model.grants.iter().filter(held).count();
                prop_assert_eq!(held, 1, "{:?} {:?} in {:?}", scope, window, first);
            }
        }
        for grant in &model.grants {
            let over = grant.window.until <= minute(NOW);
            let due = due.get(&grant.scope).is_some_and(|it| it.contains(&grant.window));
            prop_assert!(over || due || is_early(grant, &desired), "{grant:?} stays: {first:?}");
            prop_assert_eq!(grant.user, USER);
        }

        let again = plan_of(&model);
        prop_assert_eq!(again.steps, vec![]);
    }
}
