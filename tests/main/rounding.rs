//! A Kisi that rounds windows: requests come to an end, nobody loses the last seconds, and a window that no rounding explains is
//! not requested again and again.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use jiff::{Timestamp, ToSpan};
use latchkey_sandbox::{
    AssignmentView, Duplicates, Fault, FaultKind, PatchWindow, Rounding, Switches,
};
use serde_json::{Value, json};

use crate::{
    brake::brake,
    support::{
        api::Source,
        event::{booking, email, membership, with},
        world::World,
    },
    sweep::sweep_and_settle,
};

on_both!(
    access_that_ends_within_a_second_is_deleted_at_once,
    both_ends_down_to_minutes,
    outward_to_minutes,
    to_the_nearest_minute,
    both_ends_down_to_quarters,
    to_the_nearest_quarter,
    a_lost_answer_is_found_though_it_was_rounded,
    changes_that_are_ignored_are_not_taken_for_rounding,
    an_unexplained_window_is_reported_and_not_requested_again,
    changes_by_others_are_corrected,
    an_assignment_made_by_hand_teaches_no_rounding,
    a_change_that_is_undone_teaches_no_rounding,
    a_lost_change_that_others_made_teaches_no_rounding,
    bookings_that_touch_come_to_rest,
    bookings_that_touch_come_to_rest_one_at_a_time,
    bookings_that_touch_come_to_rest_unchanged,
);

const PEOPLE: usize = 10;

fn who(nth: usize) -> String {
    format!("p{nth}")
}

/// All ends lie within one minute, in the middle of a quarter of an hour.
fn end(nth: usize) -> Timestamp {
    let first: Timestamp = "2026-01-06T09:10:03Z".parse().unwrap();
    first + Duration::from_secs(3 * nth as u64)
}

fn switch(world: &World, change: impl FnOnce(&mut Switches)) {
    let mut switches = world.sandbox.switches();
    change(&mut switches);
    world.sandbox.set(switches);
}

fn rows(world: &World, who: &str) -> Vec<AssignmentView> {
    world.sandbox.assignments_of(&email(who))
}

async fn a_club(world: &mut World, rounding: Rounding) -> Source {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world.settled().await;
    brake(world, json!({ "enabled": true })).await;
    switch(world, |switches| switches.rounding = rounding);
    source
}

async fn ends(world: &mut World, source: &Source, nth: usize, end: Timestamp) {
    let ends = json!({ "ends_at": end.to_string() });
    let data = with(membership(&who(nth), &who(nth)), ends);
    world.send(source, "membership.updated", data).await;
}

async fn everybody(world: &mut World, source: &Source) {
    for nth in 0..PEOPLE {
        ends(world, source, nth, end(nth)).await;
    }
    world.settled().await;
}

/// The states and problems of all grants.
async fn grants(world: &World) -> Vec<(Value, Value)> {
    let query = "{ members(first: 50) { nodes { kisiUsers { grants { state problem } } } } }";
    let response = world.api.query(query, json!({})).await;
    let members = response["members"]["nodes"].as_array().unwrap().iter();
    let users = members.flat_map(|member| member["kisiUsers"].as_array().unwrap());
    let all = users.flat_map(|user| user["grants"].as_array().unwrap());
    all.map(|grant| (grant["state"].clone(), grant["problem"].clone()))
        .collect()
}

async fn revocations(world: &World) -> Value {
    let query = "{ heldRevocations(first: 5) { totalCount } }";
    let response = world.api.query(query, json!({})).await;
    response["heldRevocations"]["totalCount"].clone()
}

/// Asserts that a person has access until `end`, and for less than `unit` seconds longer.
fn holds_until(world: &World, nth: usize, end: Timestamp, unit: u64) {
    let rows = rows(world, &who(nth));
    let [row] = &rows[..] else {
        panic!("{nth}: {rows:?}");
    };
    let until = row.until.unwrap();
    assert!(row.from.is_none_or(|from| from <= world.now()), "{row:?}");
    assert!(
        until >= end && until < end + Duration::from_secs(unit),
        "{nth} until {end}: {row:?}"
    );
}

fn methods(world: &World) -> Vec<String> {
    let writes = world.sandbox.writes();
    writes.iter().map(|call| call.method.clone()).collect()
}

/// Ten members with odd ends: granted, swept, one of them changed and ended, and the others expired, each with few calls.
async fn check_convergence(world: &mut World, rounding: Rounding, unit: u64) {
    let source = a_club(world, rounding).await;
    world.sandbox.clear_calls();
    everybody(world, &source).await;
    let calls = methods(world);
    let of = |method: &str| calls.iter().filter(|one| *one == method).count();
    assert_eq!(of("POST"), 2 * PEOPLE, "one user and one assignment each");
    assert_eq!(of("DELETE"), 0);
    assert!(of("PATCH") <= 4, "the rounding is learned once: {calls:?}");
    assert_eq!(
        grants(world).await,
        vec![(json!("CONFIRMED"), Value::Null); PEOPLE]
    );
    for nth in 0..PEOPLE {
        holds_until(world, nth, end(nth), unit);
    }

    world.sandbox.clear_calls();
    sweep_and_settle(world).await;
    assert_eq!(
        methods(world),
        Vec::<String>::new(),
        "no correction is needed"
    );

    let later: Timestamp = "2026-02-03T08:59:41Z".parse().unwrap();
    ends(world, &source, 0, later).await;
    world.settled().await;
    holds_until(world, 0, later, unit);
    assert_eq!(methods(world), ["PATCH"]);

    world.sandbox.clear_calls();
    let gone = json!({ "id": who(0) });
    world.send(&source, "membership.deleted", gone).await;
    world.settled().await;
    assert!(
        rows(world, &who(0)).is_empty(),
        "deleted at once, not at the full minute"
    );

    // Just over for everybody by the rules, while Kisi keeps some of them for some seconds more.
    world.sandbox.clear_calls();
    world.turn_to(end(PEOPLE) + 10.seconds());
    sweep_and_settle(world).await;
    assert_eq!(
        methods(world),
        Vec::<String>::new(),
        "the windows expire without a call"
    );
    assert_eq!(revocations(world).await, json!(0));
    world.turn_to(end(PEOPLE) + 20.minutes());
}

async fn both_ends_down_to_minutes(world: &mut World) {
    check_convergence(world, Rounding::Down(60), 60).await;
}

async fn outward_to_minutes(world: &mut World) {
    check_convergence(world, Rounding::Outward(60), 60).await;
}

async fn to_the_nearest_minute(world: &mut World) {
    check_convergence(world, Rounding::Nearest(60), 60).await;
}

async fn both_ends_down_to_quarters(world: &mut World) {
    check_convergence(world, Rounding::Down(900), 900).await;
}

async fn to_the_nearest_quarter(world: &mut World) {
    check_convergence(world, Rounding::Nearest(900), 900).await;
}

async fn a_lost_answer_is_found_though_it_was_rounded(world: &mut World) {
    let source = a_club(world, Rounding::Down(60)).await;
    switch(world, |switches| switches.duplicates = Duplicates::Allow);
    let lost = |method: &str| Fault::new(method, "/role_assignments", FaultKind::Lost);
    for nth in 0..PEOPLE {
        world.sandbox.fault(lost("POST"), 1);
        ends(world, &source, nth, end(nth)).await;
        world.settled_in_time().await;
        holds_until(world, nth, end(nth), 60);
        world.sandbox.fault(lost("PATCH"), 1);
        let later = end(nth) + 30.hours();
        ends(world, &source, nth, later).await;
        world.settled_in_time().await;
        holds_until(world, nth, later, 60);
        world.sandbox.clear_faults();
    }
    let states = grants(world).await;
    assert_eq!(states, vec![(json!("CONFIRMED"), Value::Null); PEOPLE]);
}

async fn changes_that_are_ignored_are_not_taken_for_rounding(world: &mut World) {
    let source = a_club(world, Rounding::Down(60)).await;
    switch(world, |switches| {
        switches.patch_window = PatchWindow::Ignored
    });
    everybody(world, &source).await;
    for nth in 0..PEOPLE {
        holds_until(world, nth, end(nth), 60);
    }
    world.sandbox.clear_calls();
    sweep_and_settle(world).await;
    assert_eq!(methods(world), Vec::<String>::new());
}

async fn an_unexplained_window_is_reported_and_not_requested_again(world: &mut World) {
    // A day is far more than any rounding.
    let source = a_club(world, Rounding::Outward(86_400)).await;
    world.sandbox.clear_calls();
    everybody(world, &source).await;
    let first = methods(world).len();
    assert!(first <= 5 * PEOPLE, "{first} writes");
    let states = grants(world).await;
    assert!(
        states
            .iter()
            .all(|(state, problem)| state == "FAILED" && problem.is_string()),
        "each grant shows the problem: {states:?}"
    );
    for _ in 0..3 {
        world.turn_to(world.now() + 1.hours());
        sweep_and_settle(world).await;
    }
    assert_eq!(methods(world).len(), first, "no call is repeated");

    switch(world, |switches| switches.rounding = Rounding::None);
    // Kisi gives access for too long: the brake would hold the correction.
    brake(world, json!({ "enabled": false })).await;
    let retry = [("input", "RetryProblemsInput!", json!({}))];
    world.api.mutate("retryProblems", &retry, "members").await;
    world.settled().await;
    for nth in 0..PEOPLE {
        holds_until(world, nth, end(nth), 1);
    }
    for nth in 0..PEOPLE {
        ends(world, &source, nth, end(nth) + 1.hours()).await;
    }
    world.settled().await;
    for nth in 0..PEOPLE {
        holds_until(world, nth, end(nth) + 1.hours(), 1);
    }
    let states = grants(world).await;
    assert_eq!(states, vec![(json!("CONFIRMED"), Value::Null); PEOPLE]);
}

async fn changes_by_others_are_corrected(world: &mut World) {
    let source = a_club(world, Rounding::Down(60)).await;
    everybody(world, &source).await;
    let row = rows(world, &who(3)).remove(0);
    world
        .sandbox
        .set_window(row.id, None, Some(world.now() + 3.hours()));
    sweep_and_settle(world).await;
    holds_until(world, 3, end(3), 60);
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn ends_at(world: &World, nth: usize, end: Timestamp) {
    let rows = rows(world, &who(nth));
    let ends: Vec<_> = rows.iter().map(|row| row.until).collect();
    assert_eq!(ends, [Some(end)], "{nth}");
}

/// The owner of the key has given access by hand until a full hour; Kisi would keep the requested end as it is.
async fn an_assignment_made_by_hand_teaches_no_rounding(world: &mut World) {
    let source = a_club(world, Rounding::None).await;
    brake(world, json!({ "enabled": false })).await;
    switch(world, |switches| {
        switches.duplicates = Duplicates::Conflict;
    });
    let group = world.sandbox.group_named("Members").unwrap();
    let user = world.sandbox.add_user(&email(&who(0)), &who(0));
    let hour = Some(at("2026-01-06T10:00:00Z"));
    world.sandbox.add_late_assignment(user, group, None, hour);
    for nth in 0..2 {
        ends(world, &source, nth, at("2026-01-06T09:20:00Z")).await;
        world.settled().await;
    }
    for nth in 0..2 {
        ends_at(world, nth, at("2026-01-06T09:20:00Z"));
    }
}

/// Somebody sets the old end again at once, which looks like a change that Kisi rounded back.
async fn a_change_that_is_undone_teaches_no_rounding(world: &mut World) {
    let source = a_club(world, Rounding::None).await;
    for end in ["2026-01-06T10:00:00Z", "2026-01-06T11:00:00Z"] {
        ends(world, &source, 0, at(end)).await;
        world.settled().await;
    }
    let (old, new) = (at("2026-01-06T11:00:00Z"), at("2026-01-06T11:20:00Z"));
    let is_undone = AtomicBool::new(false);
    world.sandbox.watch(move |sandbox| {
        for row in sandbox.assignments_of(&email(&who(0))) {
            if row.until == Some(new) && !is_undone.swap(true, Ordering::Relaxed) {
                sandbox.set_window(row.id, row.from, Some(old));
            }
        }
    });
    ends(world, &source, 0, new).await;
    world.settled().await;
    ends_at(world, 0, new);
    ends(world, &source, 1, at("2026-01-07T09:20:00Z")).await;
    world.settled().await;
    ends_at(world, 1, at("2026-01-07T09:20:00Z"));
}

/// A change with a lost answer seems not to have reached Kisi, and somebody has extended it by hand until a full hour.
async fn a_lost_change_that_others_made_teaches_no_rounding(world: &mut World) {
    let source = a_club(world, Rounding::None).await;
    brake(world, json!({ "enabled": false })).await;
    ends(world, &source, 0, at("2026-01-06T09:00:00Z")).await;
    world.settled().await;
    let lost = Fault::new("PATCH", "/role_assignments", FaultKind::Lost);
    world.sandbox.fault(lost, 1);
    let (new, hour) = (at("2026-01-06T09:20:00Z"), at("2026-01-06T10:00:00Z"));
    let is_helped = AtomicBool::new(false);
    world.sandbox.watch(move |sandbox| {
        for row in sandbox.assignments_of(&email(&who(0))) {
            if row.until == Some(new) && !is_helped.swap(true, Ordering::Relaxed) {
                sandbox.set_window(row.id, row.from, Some(hour));
            }
        }
    });
    ends(world, &source, 0, new).await;
    world.settled_in_time().await;
    ends_at(world, 0, new);
    ends(world, &source, 1, at("2026-01-07T09:20:00Z")).await;
    world.settled().await;
    ends_at(world, 1, at("2026-01-07T09:20:00Z"));
}

/// Bookings that touch within a minute, that nearly touch, and a separate one: nobody loses a second, and no call is repeated.
async fn check_touching_bookings(world: &mut World, duplicates: Duplicates, patch: PatchWindow) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Simulator bookings").await;
    world.rule(&group, json!([{ "registration": {} }])).await;
    world.settled().await;
    switch(world, |switches| {
        switches.rounding = Rounding::Down(60);
        switches.duplicates = duplicates;
        switches.patch_window = patch;
    });
    let door = world.sandbox.lock_named("Simulator 1").unwrap();
    let bookings = [
        ("2026-01-05T10:00:00Z", "2026-01-05T11:00:30Z"),
        ("2026-01-05T11:00:30Z", "2026-01-05T12:00:10Z"),
        ("2026-01-05T13:00:40Z", "2026-01-05T14:00:00Z"),
        ("2026-01-05T16:00:20Z", "2026-01-05T16:59:40Z"),
    ];
    for (nth, (from, until)) in bookings.into_iter().enumerate() {
        let data = booking(&format!("b{nth}"), &who(0), at(from), at(until), &[]);
        world.send(&source, "registration.updated", data).await;
        world.settled().await;
    }
    let opens = |world: &World| {
        let may = world.sandbox.may_open(&email(&who(0)), door, world.now());
        assert!(may, "at {}: {:?}", world.now(), rows(world, &who(0)));
    };
    for (from, until) in bookings {
        world.turn_to(at(from) - 20.minutes());
        world.settled().await;
        world.sandbox.clear_calls();
        sweep_and_settle(world).await;
        assert_eq!(
            methods(world),
            Vec::<String>::new(),
            "no correction is needed"
        );
        for instant in [at(from), at(until) - 1.seconds()] {
            world.turn_to(instant);
            world.settled().await;
            opens(world);
        }
    }
    world.turn_to(at("2026-01-06T20:00:00Z"));
    world.settled().await;
}

async fn bookings_that_touch_come_to_rest(world: &mut World) {
    check_touching_bookings(world, Duplicates::Allow, PatchWindow::Works).await;
}

async fn bookings_that_touch_come_to_rest_one_at_a_time(world: &mut World) {
    check_touching_bookings(world, Duplicates::Conflict, PatchWindow::Works).await;
}

async fn bookings_that_touch_come_to_rest_unchanged(world: &mut World) {
    check_touching_bookings(world, Duplicates::Conflict, PatchWindow::Ignored).await;
}

/// Access that ends at a fraction of a second is deleted at once instead of running out at the end of that second.
async fn access_that_ends_within_a_second_is_deleted_at_once(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    let ada = membership("ada", "ada");
    world.send(&source, "membership.updated", ada.clone()).await;
    world.settled().await;
    assert_eq!(world.sandbox.assignments_of(&email("ada")).len(), 1);
    world.turn_to(world.now() + Duration::from_millis(1_300));
    let ended = with(ada, json!({ "status": "ended" }));
    world.sandbox.clear_calls();
    world.send(&source, "membership.updated", ended).await;
    world.settled().await;
    let kinds: Vec<String> = world
        .sandbox
        .writes()
        .into_iter()
        .map(|call| call.method)
        .collect();
    assert_eq!(kinds, ["DELETE"]);
    assert!(world.sandbox.assignments_of(&email("ada")).is_empty());
}
