//! The number of calls to Kisi: lists are read in pages rather than person by person, and several calls run at a time.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use jiff::Timestamp;
use latchkey_sandbox::{Call, Switches};
use serde_json::{Value, json};

use crate::support::{
    event::{email, membership},
    world::{Database, Setup, World},
};

on_both!(
    new_people_in_bulk_take_one_call_and_one_for_each_group,
    existing_users_are_read_in_pages,
    a_user_missing_from_the_pages_is_looked_up,
    a_user_deleted_after_the_pages_were_read_is_created_again,
);

const PEOPLE: usize = 60;
const GROUPS: usize = 3;

fn who(nth: usize) -> String {
    format!("p{nth}")
}

/// Manages `count` groups with one door each, with a rule for every membership.
async fn groups(world: &World, count: usize) {
    for nth in 0..count {
        let name = format!("Group {nth}");
        let group = world.manage(&name).await;
        world.rule(&group, json!([{ "membership": {} }])).await;
    }
}

fn make_groups(world: &World, count: usize) -> Vec<i64> {
    let sandbox = &world.sandbox;
    let place = sandbox.add_place("Hall", "Europe/Berlin");
    let group = |nth| {
        let lock = sandbox.add_lock(place, &format!("Door {nth}"));
        sandbox.add_group(&format!("Group {nth}"), Some(place), &[lock])
    };
    (0..count).map(group).collect()
}

/// Makes all of them members with one snapshot.
async fn joins(world: &mut World, people: usize) {
    let source = world.api.source("Front desk").await;
    let all: Vec<Value> = (0..people)
        .map(|nth| membership(&who(nth), &who(nth)))
        .collect();
    world
        .send(&source, "roster.snapshot", json!({ "memberships": all }))
        .await;
}

fn count(world: &World, is_one: impl Fn(&Call) -> bool) -> usize {
    world
        .sandbox
        .calls()
        .iter()
        .filter(|call| is_one(call))
        .count()
}

fn is_look_up(call: &Call) -> bool {
    call.method == "GET" && call.path.ends_with("/users") && call.query.contains("email=")
}

fn is_page_of_users(call: &Call) -> bool {
    let is_list = call.method == "GET" && call.path.ends_with("/users");
    is_list && !call.query.contains("email=") && !is_probe(call)
}

/// Reads one row, only for the total count.
fn is_probe(call: &Call) -> bool {
    call.query.split('&').any(|part| part == "limit=1")
}

fn is_creation(call: &Call) -> bool {
    call.method == "POST" && call.path.ends_with("/users")
}

fn everybody_has_access(world: &World, people: usize, groups: usize) {
    for nth in 0..people {
        let rows = world.sandbox.assignments_of(&email(&who(nth)));
        assert_eq!(rows.len(), groups, "{}", who(nth));
    }
}

async fn ready(world: &mut World) -> Vec<i64> {
    let in_kisi = make_groups(world, GROUPS);
    world.connect().await;
    groups(world, GROUPS).await;
    world.settled().await;
    world.sandbox.clear_calls();
    in_kisi
}

async fn new_people_in_bulk_take_one_call_and_one_for_each_group(world: &mut World) {
    ready(world).await;
    joins(world, PEOPLE).await;
    world.settled().await;
    everybody_has_access(world, PEOPLE, GROUPS);
    assert_eq!(count(world, is_look_up), 0);
    assert_eq!(count(world, is_page_of_users), 1);
    // All calls except the lists that a sweep reads.
    let calls = count(world, |call| {
        call.method != "GET" || call.path.ends_with("/users")
    });
    assert_eq!(calls, 2 + PEOPLE * (1 + GROUPS));
    let of_person = |call: &Call| call.query.contains("assignee_id");
    assert_eq!(count(world, of_person), 0);
}

async fn existing_users_are_read_in_pages(world: &mut World) {
    ready(world).await;
    for nth in 0..PEOPLE {
        world
            .sandbox
            .add_user(&email(&who(nth)).to_uppercase(), &who(nth));
    }
    joins(world, PEOPLE).await;
    world.settled().await;
    everybody_has_access(world, PEOPLE, GROUPS);
    assert_eq!(count(world, is_look_up) + count(world, is_creation), 0);
    assert_eq!(count(world, is_page_of_users), 1);
}

/// A user is created in Kisi by hand after the pages were read.
async fn a_user_missing_from_the_pages_is_looked_up(world: &mut World) {
    ready(world).await;
    joins(world, PEOPLE).await;
    world.settled().await;
    let late = "late";
    let source = world.api.source("Reception").await;
    world.sandbox.add_user(&email(late), late);
    world
        .send(&source, "membership.updated", membership(late, late))
        .await;
    world.settled().await;
    assert_eq!(world.sandbox.assignments_of(&email(late)).len(), GROUPS);
}

/// A user in the pages is deleted in Kisi before its turn comes.
async fn a_user_deleted_after_the_pages_were_read_is_created_again(world: &mut World) {
    ready(world).await;
    world.sandbox.add_user(&email(&who(PEOPLE - 1)), "doomed");
    let doomed = email(&who(PEOPLE - 1));
    let is_removed = AtomicBool::new(false);
    world.sandbox.watch(move |sandbox| {
        let is_read = sandbox.calls().iter().any(is_page_of_users);
        if is_read && !is_removed.swap(true, Ordering::Relaxed) {
            sandbox.remove_user(&doomed);
        }
    });
    joins(world, PEOPLE).await;
    world.settled().await;
    everybody_has_access(world, PEOPLE, GROUPS);
}

/// Years of assignments that already match the rules: no call is made for a single person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assignments_that_match_the_rules_cost_only_pages() {
    let setup = Setup::default();
    World::run(Database::Sqlite, setup, |world| Box::pin(as_wanted(world))).await;
}

async fn as_wanted(world: &mut World) {
    let (people, groups_count) = (300, 12);
    let in_kisi = make_groups(world, groups_count);
    for nth in 0..people {
        let user = world.sandbox.add_user(&email(&who(nth)), &who(nth));
        for group in &in_kisi {
            world
                .sandbox
                .add_assignment(user, *group, None, None::<Timestamp>);
        }
    }
    joins(world, people).await;
    world.connect().await;
    world.settled().await;
    world.sandbox.clear_calls();
    groups(world, groups_count).await;
    world.settled().await;
    assert_eq!(world.sandbox.writes(), []);
    let of_person = |call: &Call| is_look_up(call) || call.query.contains("assignee_id");
    assert_eq!(count(world, of_person), 0);
    let lists = count(world, |call| call.path.ends_with("/role_assignments"));
    let pages = people.div_ceil(250) * groups_count;
    assert!(
        lists <= 2 * pages + groups_count,
        "{lists} lists of assignments"
    );
}

/// A slow Kisi: several calls are in flight at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_calls_are_in_flight() {
    let setup = Setup::default();
    World::run(Database::Sqlite, setup, |world| Box::pin(in_flight(world))).await;
}

async fn in_flight(world: &mut World) {
    ready(world).await;
    world.sandbox.set(Switches {
        latency: Duration::from_millis(300),
        ..world.sandbox.switches()
    });
    joins(world, 12).await;
    world.settled().await;
    everybody_has_access(world, 12, GROUPS);
    let most = world.sandbox.most_under_way();
    // Eight for members, and those that a sweep makes meanwhile.
    assert!((2..=10).contains(&most), "{most} at once");
}
