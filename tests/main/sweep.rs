//! The sweep: changes that others make in Kisi are found and corrected or left alone, and implausible answers of Kisi are not
//! trusted.

use std::time::Duration;

use jiff::ToSpan;
use latchkey::store::kisi_accounts;
use latchkey_sandbox::{AssignmentView, Call};
use serde_json::{Value, json};

use crate::support::{
    api::{Source, eventually},
    event::{email, membership, with},
    world::World,
};

mod untrusted_lists;

on_both!(
    nothing_is_written_where_nothing_changed,
    an_assignment_removed_by_hand_is_created_again,
    windows_changed_by_hand_are_corrected,
    a_duplicate_of_our_assignment_is_deleted,
    strangers_are_kept_unless_the_policy_is_remove,
    a_member_made_manager_by_hand_is_a_stranger_with_the_policy_remove,
    a_user_deleted_by_hand_is_created_again,
    a_group_deleted_by_hand_is_reported,
    the_brake_holds_many_strangers,
    a_fight_over_a_group_is_reported_and_waited_out,
    a_sweep_is_due_by_the_clock_and_after_downtime,
);

/// A club with `people` members of the group “Members”, all settled.
async fn a_club(world: &mut World, people: usize) -> (Source, String) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    for nth in 0..people {
        let who = name(nth);
        let data = with(membership(&who, &who), json!({ "ends_at": "2026-03-01" }));
        world.send(&source, "membership.updated", data).await;
    }
    sweep_and_settle(world).await;
    world.sandbox.clear_calls();
    (source, group)
}

fn name(nth: usize) -> String {
    format!("p{nth}")
}

fn rows(world: &World, who: &str) -> Vec<AssignmentView> {
    world.sandbox.assignments_of(&email(who))
}

fn members(world: &World) -> i64 {
    world.sandbox.group_named("Members").unwrap()
}

async fn read_due_at(world: &World) -> i64 {
    let accounts = kisi_accounts::all_connected(world.app().db.read())
        .await
        .unwrap();
    accounts[0].read_due_at
}

/// Waits until no sweep is due and the work that follows is done.
async fn wait_for_sweep(world: &World) {
    let now = world.clock.now().micros();
    let ask = async || (read_due_at(world).await > now).then_some(());
    let calls = async || format!("{:?}", paths(&world.sandbox.calls()));
    eventually(ask, calls).await;
    world.settled().await;
}

/// Requests a sweep and waits for its end and for the work that follows from it.
pub async fn sweep_and_settle(world: &World) {
    world.settled().await;
    world.turn_to(world.now() + Duration::from_secs(1));
    let account = [("account", "ID!", json!(world.account))];
    let refresh = world.api.mutate("refreshKisi", &account, "account { id }");
    refresh.await;
    wait_for_sweep(world).await;
}

fn paths(calls: &[Call]) -> Vec<(String, String)> {
    let path = |call: &Call| (call.method.clone(), format!("{}?{}", call.path, call.query));
    calls.iter().map(path).collect()
}

fn writes(world: &World) -> Vec<(String, String)> {
    paths(&world.sandbox.writes())
}

/// The number of calls that read the assignments of one person.
fn person_reads(world: &World) -> usize {
    let calls = world.sandbox.calls();
    calls
        .iter()
        .filter(|call| call.method == "GET" && call.query.contains("assignee_id="))
        .count()
}

async fn drifts(world: &World) -> Vec<Value> {
    let query = "{ history(first: 50, filter: {kinds: [DRIFT_FOUND]}) { nodes { cause message member { email } } } }";
    let response = world.api.query(query, json!({})).await;
    response["history"]["nodes"].as_array().unwrap().clone()
}

async fn problem(world: &World, group: &str) -> Value {
    let query = "query($id: ID!) { node(id: $id) { ... on Group { problem } } }";
    let response = world.api.query(query, json!({ "id": group })).await;
    response["node"]["problem"].clone()
}

async fn strangers(world: &World, group: &str, policy: &str) {
    let input = json!({ "group": group, "managed": true, "strangers": policy });
    let arguments = [("input", "ManageGroupInput!", input)];
    world.turn_to(world.now() + Duration::from_secs(1));
    world
        .api
        .mutate("manageGroup", &arguments, "group { managed }")
        .await;
    wait_for_sweep(world).await;
}

async fn nothing_is_written_where_nothing_changed(world: &mut World) {
    a_club(world, 5).await;
    sweep_and_settle(world).await;
    assert_eq!(writes(world), []);
    assert_eq!(person_reads(world), 0, "no call reads a single person");
    let lists = paths(&world.sandbox.calls());
    let lists = lists
        .iter()
        .filter(|(_, path)| path.starts_with("/role_assignments"));
    assert_eq!(lists.count(), 1, "one list for the one managed group");
    assert_eq!(drifts(world).await, Vec::<Value>::new());
    let text = (world
        .api
        .http
        .get(format!("{}/metrics", world.api.base))
        .send()
        .await)
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        text.contains("latchkey_sweeps_total{outcome=\"whole\"}"),
        "{text}"
    );
}

async fn an_assignment_removed_by_hand_is_created_again(world: &mut World) {
    a_club(world, 3).await;
    let lost = rows(world, "p1")[0].clone();
    assert!(world.sandbox.remove_assignment(lost.id));
    sweep_and_settle(world).await;
    let new_rows = rows(world, "p1");
    assert_eq!(new_rows.len(), 1);
    assert_eq!(
        (new_rows[0].from, new_rows[0].until),
        (lost.from, lost.until)
    );
    assert_eq!(writes(world).len(), 1, "one call for one lost assignment");
    assert_eq!(person_reads(world), 1);
    let entries = drifts(world).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["member"]["email"], "p1@example.com");
    assert!(
        entries[0]["cause"].as_str().unwrap().starts_with("Kisi"),
        "{entries:?}"
    );
}

async fn windows_changed_by_hand_are_corrected(world: &mut World) {
    a_club(world, 3).await;
    let row = rows(world, "p1")[0].clone();
    let until = world.now() + 1.hours();
    assert!(world.sandbox.set_window(row.id, row.from, Some(until)));
    let longer = rows(world, "p2")[0].clone();
    assert!(world.sandbox.set_window(longer.id, None, None));
    sweep_and_settle(world).await;
    for (who, was) in [("p1", row), ("p2", longer)] {
        assert_eq!(rows(world, who), [was], "{who}");
    }
    assert_eq!(drifts(world).await.len(), 2);
}

async fn a_duplicate_of_our_assignment_is_deleted(world: &mut World) {
    a_club(world, 2).await;
    let row = rows(world, "p0")[0].clone();
    let user = world.sandbox.user("p0@example.com").unwrap().id;
    world
        .sandbox
        .add_late_assignment(user, members(world), row.from, row.until);
    assert_eq!(rows(world, "p0").len(), 2);
    sweep_and_settle(world).await;
    assert_eq!(rows(world, "p0").len(), 1);
    assert_eq!(writes(world).len(), 1, "one deletion, and nothing else");
    assert!(
        drifts(world).await[0]["message"]
            .as_str()
            .unwrap()
            .contains("twice")
    );
}

async fn strangers_are_kept_unless_the_policy_is_remove(world: &mut World) {
    let (source, group) = a_club(world, 2).await;
    let sandbox = world.sandbox.clone();
    let staff = sandbox.group_named("Staff").unwrap();
    let eve = sandbox.add_user("eve@example.com", "Eve");
    sandbox.add_assignment(eve, members(world), None, None);
    sandbox.add_assignment(eve, staff, None, None);
    // A member gets a second assignment from somebody else; another one, whose membership has ended, gets one as well.
    let ada = sandbox.user("p0@example.com").unwrap().id;
    sandbox.add_assignment(ada, members(world), None, None);
    let ended = with(membership("p1", "p1"), json!({ "status": "ended" }));
    world.send(&source, "membership.updated", ended).await;
    world.settled().await;
    let bob = sandbox.user("p1@example.com").unwrap().id;
    sandbox.add_assignment(bob, members(world), None, None);
    sandbox.clear_calls();
    sweep_and_settle(world).await;
    assert_eq!(writes(world), [], "strangers are left alone");
    let ours = rows(world, "p0")[0].clone();

    strangers(world, &group, "REMOVE").await;
    // Everybody is evaluated first; it may take a further sweep until the strangers are removed.
    let is_removed = async || (rows(world, "p0") == [ours.clone()]).then_some(());
    eventually(is_removed, async || {
        format!("p0 has {:?}", rows(world, "p0"))
    })
    .await;
    world.settled().await;
    assert_eq!(
        rows(world, "p1"),
        [],
        "without a membership there is no access"
    );
    let left = rows(world, "eve");
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(
        left[0].group,
        Some(staff),
        "unmanaged groups are left alone"
    );
    sweep_and_settle(world).await;
    // Added again, and removed by the next sweep.
    sandbox.add_assignment(eve, members(world), None, None);
    sweep_and_settle(world).await;
    assert_eq!(rows(world, "eve").len(), 1);
    let query = "{ members(first: 50) { nodes { email } } }";
    let response = world.api.query(query, json!({})).await.to_string();
    assert!(
        !response.contains("eve"),
        "a stranger is no member: {response}"
    );
    sandbox.remove_user("eve@example.com");
}

async fn a_member_made_manager_by_hand_is_a_stranger_with_the_policy_remove(world: &mut World) {
    let (_, group) = a_club(world, 1).await;
    strangers(world, &group, "REMOVE").await;
    let row = rows(world, "p0")[0].clone();
    assert!(world.sandbox.set_role(row.id, "group_manager"));
    sweep_and_settle(world).await;
    let left = rows(world, "p0");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].role, "group_basic");
}

async fn a_user_deleted_by_hand_is_created_again(world: &mut World) {
    a_club(world, 2).await;
    let before = world.sandbox.user("p0@example.com").unwrap().id;
    world.sandbox.remove_user("p0@example.com");
    sweep_and_settle(world).await;
    let after = world.sandbox.user("p0@example.com").expect("created again");
    assert_ne!(after.id, before);
    assert_eq!(rows(world, "p0").len(), 1);
    assert_eq!(writes(world).len(), 2, "the user and the assignment");
}

async fn a_group_deleted_by_hand_is_reported(world: &mut World) {
    let (_, group) = a_club(world, 2).await;
    world.sandbox.remove_group(members(world));
    sweep_and_settle(world).await;
    assert_eq!(
        problem(world, &group).await,
        Value::Null,
        "one list is not enough evidence"
    );
    world.turn_to(world.now() + Duration::from_secs(61));
    wait_for_sweep(world).await;
    let message = problem(world, &group).await;
    assert!(message.as_str().unwrap().contains("deleted"), "{message}");
    assert_eq!(writes(world), []);
    // Nobody can have access to a deleted group: release it, so that the check at the end does not expect it.
    let input = json!({ "group": group, "managed": false, "access": "KEEP" });
    let arguments = [("input", "ManageGroupInput!", input)];
    world
        .api
        .mutate("manageGroup", &arguments, "group { managed }")
        .await;
    let account = [
        ("account", "ID!", json!(world.account)),
        ("access", "DisconnectPolicy!", json!("KEEP")),
    ];
    world
        .api
        .mutate("disconnectKisi", &account, "account { status }")
        .await;
    world.account = None;
}

async fn the_brake_holds_many_strangers(world: &mut World) {
    let (_, group) = a_club(world, 8).await;
    let brake = json!({ "brake": { "enabled": true, "people": 3, "percent": 5 } });
    let input = [("input", "UpdateClubInput!", brake)];
    world.api.mutate("updateClub", &input, "club { id }").await;
    let people: Vec<String> = (0..10)
        .map(|nth| format!("stranger{nth}@example.com"))
        .collect();
    for address in &people {
        let user = world.sandbox.add_user(address, "Somebody");
        world
            .sandbox
            .add_assignment(user, members(world), None, None);
    }
    strangers(world, &group, "REMOVE").await;
    assert_eq!(writes(world), [], "all of them are held");
    let query = "{ heldRevocations(first: 50) { nodes { cause member { name email } target { __typename } } } }";
    let response = world.api.query(query, json!({})).await;
    let mut shown: Vec<&str> = response["heldRevocations"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["member"]["email"].as_str().unwrap())
        .collect();
    shown.sort_unstable();
    assert_eq!(shown, people);
    sweep_and_settle(world).await;
    assert_eq!(writes(world), [], "a sweep does not ask again");
    world
        .api
        .mutate(
            "approveRevocations",
            &[("held", "[ID!]", Value::Null)],
            "approved",
        )
        .await;
    world.settled().await;
    for address in &people {
        assert_eq!(world.sandbox.assignments_of(address), [], "{address}");
    }
    assert_eq!(writes(world).len(), 10);
    assert_eq!(rows(world, "p0").len(), 1, "members are untouched");
}

async fn a_fight_over_a_group_is_reported_and_waited_out(world: &mut World) {
    let (_, group) = a_club(world, 2).await;
    for _ in 0..2 {
        world.sandbox.remove_assignment(rows(world, "p0")[0].id);
        sweep_and_settle(world).await;
        assert_eq!(rows(world, "p0").len(), 1, "created again at once");
        assert_eq!(problem(world, &group).await, Value::Null);
    }
    let waits = async |world: &World, length: Duration| {
        world.sandbox.remove_assignment(rows(world, "p0")[0].id);
        swept_with_open_work(world).await;
        let message = problem(world, &group).await;
        assert!(
            message.as_str().unwrap().contains("integration"),
            "{message}"
        );
        assert_eq!(rows(world, "p0"), [], "the correction waits");
        world.turn_to(world.now() + length);
        world.settled().await;
        assert_eq!(
            rows(world, "p0").len(),
            1,
            "the correction comes after the pause"
        );
    };
    waits(world, Duration::from_mins(15)).await;
    waits(world, Duration::from_mins(30)).await;
    world.turn_to(world.now() + 25.hours());
    sweep_and_settle(world).await;
    assert_eq!(
        problem(world, &group).await,
        Value::Null,
        "the problem is cleared after a day without changes"
    );
}

/// Like `swept`, but some work may stay scheduled for later.
async fn swept_with_open_work(world: &World) {
    world.turn_to(world.now() + Duration::from_secs(1));
    let account = [("account", "ID!", json!(world.account))];
    let refresh = world.api.mutate("refreshKisi", &account, "account { id }");
    refresh.await;
    let now = world.clock.now().micros();
    let ask = async || (read_due_at(world).await > now).then_some(());
    eventually(ask, async || "the sweep does not end".to_owned()).await;
}

async fn a_sweep_is_due_by_the_clock_and_after_downtime(world: &mut World) {
    a_club(world, 1).await;
    world.sandbox.remove_assignment(rows(world, "p0")[0].id);
    world.turn_to(world.now() + 61.minutes());
    wait_for_sweep(world).await;
    assert_eq!(rows(world, "p0").len(), 1, "a sweep ran by the clock");
    world.stop().await;
    world.sandbox.remove_assignment(rows(world, "p0")[0].id);
    world.turn_to(world.now() + 2.hours());
    world.start_again().await;
    wait_for_sweep(world).await;
    assert_eq!(rows(world, "p0").len(), 1, "a sweep ran after the downtime");
}
