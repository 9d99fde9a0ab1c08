//! Taking over groups whose assignments were made by hand for years: people who have access and are entitled keep it at every
//! instant, in each way in which Kisi may treat second assignments and changed windows.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use jiff::ToSpan;
use latchkey_sandbox::{AssignmentView, Call, Duplicates, PatchWindow, Sandbox, Switches};
use serde_json::{Value, json};

use crate::{
    brake::brake,
    support::{
        api::{Source, eventually},
        event::{email, membership, with},
        world::{Database, Setup, World},
    },
};

mod preview;
mod reading;
mod replaced;

on_both!(
    assignments_that_match_the_rules_are_adopted,
    rules_may_come_before_and_after_the_group_is_managed,
    a_stranger_becomes_a_member,
    held_revocations_of_strangers_are_void_once_they_are_kept,
    another_role_needs_a_person_to_resolve,
    an_organization_is_connected_once,
    a_disconnected_account_can_be_connected_again,
);

/// The number of members with an assignment that somebody made by hand.
const BY_HAND: usize = 8;
/// One of them, whose assignment already matches the rules.
const AS_WANTED: &str = "p3";
/// A bound for the calls of a take-over with any behaviour of Kisi: the lists of two sweeps, and at most three calls for each
/// person.
const MOST_CALLS: usize = 90;

#[derive(Copy, Clone, Debug, PartialEq)]
enum Policy {
    Keep,
    Remove,
}

impl Policy {
    fn name(self) -> &'static str {
        match self {
            Self::Keep => "KEEP",
            Self::Remove => "REMOVE",
        }
    }
}

fn who(nth: usize) -> String {
    format!("p{nth}")
}

fn rows(world: &World, who: &str) -> Vec<AssignmentView> {
    world.sandbox.assignments_of(&email(who))
}

async fn manage(world: &World, policy: Policy) -> String {
    let group = world.api.named("groups", "Members").await;
    let input = json!({ "group": group, "managed": true, "strangers": policy.name() });
    let arguments = [("input", "ManageGroupInput!", input)];
    let change = world
        .api
        .mutate("manageGroup", &arguments, "group { managed }");
    change.await;
    group
}

/// All combinations of behaviours that Kisi is known to allow.
fn kisi_behaviours() -> Vec<(Duplicates, PatchWindow)> {
    let mut all = Vec::new();
    for duplicates in [
        Duplicates::Conflict,
        Duplicates::Unprocessable,
        Duplicates::Allow,
        Duplicates::AllowIfWindowsDiffer,
    ] {
        for patch in [
            PatchWindow::Works,
            PatchWindow::Ignored,
            PatchWindow::Refused,
        ] {
            all.push((duplicates, patch));
        }
    }
    all
}

/// Assignments made by hand: of members without an end, with an early and with a late end, and of two people who are not
/// entitled: `eve`, a stranger, and `ended`, whose membership is over.
fn history(world: &World) {
    let sandbox = &world.sandbox;
    let group = sandbox.group_named("Members").unwrap();
    for nth in 0..BY_HAND {
        let user = sandbox.add_user(&email(&who(nth)), &who(nth));
        let until = match nth % 3 {
            0 => None,
            1 => Some(world.now() + 100.hours()),
            _ => Some(world.now() + 5_000.hours()),
        };
        sandbox.add_assignment(user, group, None, until);
    }
    for stranger in ["eve", "ended"] {
        let user = sandbox.add_user(&email(stranger), stranger);
        sandbox.add_assignment(user, group, None, None);
    }
}

/// Gives everybody of the history a membership, half of them with an end, and adds two new members; `ended` has an ended one.
async fn memberships(world: &mut World, source: &Source) {
    for nth in 0..BY_HAND + 2 {
        let until = if nth % 2 == 0 {
            json!("2026-03-01")
        } else {
            Value::Null
        };
        let data = with(
            membership(&who(nth), &who(nth)),
            json!({ "ends_at": until }),
        );
        world.send(source, "membership.updated", data).await;
    }
    let ended = with(membership("ended", "ended"), json!({ "status": "ended" }));
    world.send(source, "membership.updated", ended).await;
}

/// Records the members who cannot open the door after any change in Kisi.
fn record_lockouts(sandbox: &Sandbox) -> Arc<Mutex<BTreeSet<String>>> {
    let locked_out: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let (noted, door) = (
        locked_out.clone(),
        sandbox.lock_named("Front door").unwrap(),
    );
    sandbox.watch(move |sandbox| {
        let at = sandbox.now();
        for nth in 0..BY_HAND {
            let address = email(&who(nth));
            if !sandbox.may_open(&address, door, at) {
                noted.lock().unwrap().insert(address);
            }
        }
    });
    locked_out
}

/// Whether this Kisi neither changes the window of an assignment nor accepts a second one.
fn replaces(sandbox: &Sandbox) -> bool {
    let Switches {
        duplicates,
        patch_window,
        ..
    } = sandbox.switches();
    let takes_one = [Duplicates::Conflict, Duplicates::Unprocessable].contains(&duplicates);
    takes_one && patch_window != PatchWindow::Works
}

/// The number of assignments that were created for a person.
fn assignments_created_for(world: &World, who: &str) -> usize {
    let user = world.sandbox.user(&email(who)).unwrap().id;
    let is_theirs = |call: &Call| {
        let body = call.body.as_ref();
        body.is_some_and(|body| body["role_assignment"]["assignee_id"] == json!(user))
    };
    world
        .sandbox
        .writes()
        .iter()
        .filter(|call| is_theirs(call))
        .count()
}

async fn taken_over(world: &mut World, policy: Policy, is_brake_on: bool) {
    brake(world, json!({ "enabled": is_brake_on })).await;
    let source = world.api.source("Front desk").await;
    history(world);
    world.connect().await;
    memberships(world, &source).await;
    world.settled().await;
    let locked_out = record_lockouts(&world.sandbox);
    world.sandbox.clear_calls();
    let group = world.api.named("groups", "Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    manage(world, policy).await;
    world.settled().await;
    let grants =
        "{ members(first: 50) { nodes { email kisiUsers { grants { state adopted problem } } } } }";
    let response = world.api.query(grants, json!({})).await;
    let mut adopted = 0;
    for member in response["members"]["nodes"].as_array().unwrap() {
        for grant in member["kisiUsers"][0]["grants"]
            .as_array()
            .into_iter()
            .flatten()
        {
            assert_eq!(
                (&grant["state"], &grant["problem"]),
                (&json!("CONFIRMED"), &Value::Null),
                "{member}"
            );
            adopted += usize::from(grant["adopted"] == json!(true));
        }
    }
    let can_align = world.sandbox.switches().patch_window == PatchWindow::Works;
    if can_align {
        assert_eq!(adopted, BY_HAND, "{response}");
    }
    for nth in 0..BY_HAND + 2 {
        let assignments = rows(world, &who(nth));
        assert_eq!(assignments.len(), 1, "{}: {assignments:?}", who(nth));
        assert_eq!(
            assignments[0].until.is_some(),
            nth % 2 == 0,
            "{assignments:?}"
        );
    }
    let mut locked_out = locked_out.lock().unwrap().clone();
    if replaces(&world.sandbox) {
        // Without changed windows and second assignments, another window takes a delete and, at once, a create.
        assert!(!locked_out.contains(&email(AS_WANTED)));
        for nth in 0..BY_HAND {
            assert!(
                assignments_created_for(world, &who(nth)) <= 1,
                "{}",
                who(nth)
            );
        }
        locked_out.clear();
    }
    assert_eq!(
        locked_out,
        BTreeSet::new(),
        "these members were locked out meanwhile"
    );
    if !is_brake_on {
        let left = usize::from(policy == Policy::Keep);
        let removed = async || (rows(world, "eve").len() == left).then_some(());
        let state = async || format!("eve has {:?}", rows(world, "eve"));
        eventually(removed, state).await;
        assert_eq!(rows(world, "ended").len(), left);
    }
}

async fn assignments_that_match_the_rules_are_adopted(world: &mut World) {
    taken_over(world, Policy::Keep, true).await;
    let calls = world.sandbox.calls().len();
    assert!(calls < 90, "{calls} calls");
    world.sandbox.remove_user(&email("ended"));
    world.sandbox.remove_user(&email("eve"));
}

async fn every_behaviour(policy: Policy) {
    for (duplicates, patch_window) in kisi_behaviours() {
        let mut world = World::start(Database::Sqlite, Setup::default())
            .await
            .unwrap();
        world.sandbox.set(Switches {
            duplicates,
            patch_window,
            ..world.sandbox.switches()
        });
        taken_over(&mut world, policy, false).await;
        let calls = world.sandbox.calls().len();
        eprintln!("{policy:?} {duplicates:?} {patch_window:?}: {calls} calls");
        assert!(calls < MOST_CALLS, "{calls} calls");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_behaviour_of_kisi_leaves_a_gap_with_the_policy_keep() {
    every_behaviour(Policy::Keep).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_behaviour_of_kisi_leaves_a_gap_with_the_policy_remove() {
    every_behaviour(Policy::Remove).await;
}

/// The group is managed with REMOVE before it has a rule, in the order of the web pages: nobody is removed until there is a rule.
async fn rules_may_come_before_and_after_the_group_is_managed(world: &mut World) {
    brake(world, json!({ "enabled": false })).await;
    let source = world.api.source("Front desk").await;
    history(world);
    world.connect().await;
    memberships(world, &source).await;
    let locked_out = record_lockouts(&world.sandbox);
    let group = manage(world, Policy::Remove).await;
    world.settled().await;
    assert_eq!(
        world.sandbox.writes(),
        [],
        "without a rule nothing is changed"
    );
    world.rule(&group, json!([{ "membership": {} }])).await;
    world.settled().await;
    let removed = async || rows(world, "eve").is_empty().then_some(());
    let state = async || format!("eve has {:?}", rows(world, "eve"));
    eventually(removed, state).await;
    assert_eq!(
        *locked_out.lock().unwrap(),
        BTreeSet::new(),
        "these members were locked out meanwhile"
    );
    world.sandbox.remove_user(&email("ended"));
}

/// A group whose strangers are to be removed, which the brake holds; returns the source of its only member.
async fn held_strangers(world: &mut World) -> Source {
    brake(world, json!({ "enabled": true, "percent": 1, "people": 1 })).await;
    let source = world.api.source("Front desk").await;
    history(world);
    world.connect().await;
    let group = world.api.named("groups", "Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world
        .send(&source, "membership.updated", membership("new", "new"))
        .await;
    manage(world, Policy::Remove).await;
    world.settled().await;
    let is_held = async || {
        let found = world
            .api
            .query("{ heldRevocations { totalCount } }", json!({}))
            .await;
        (found["heldRevocations"]["totalCount"] != 0).then_some(())
    };
    eventually(is_held, async || "nothing is held".to_owned()).await;
    source
}

/// A held revocation of a stranger becomes one of the member once the stranger turns out to be a member.
async fn a_stranger_becomes_a_member(world: &mut World) {
    let source = held_strangers(world).await;
    let locked_out = record_lockouts(&world.sandbox);
    memberships(world, &source).await;
    world.settled().await;
    let problems = "{ members(first: 50) { nodes { email kisiUsers { grants { state problem } } } } heldRevocations(first: 50) { nodes { member { name } } } }";
    let response = world.api.query(problems, json!({})).await;
    assert!(!response.to_string().contains("FAILED"), "{response}");
    assert_eq!(*locked_out.lock().unwrap(), BTreeSet::new(), "{response}");
    for nth in 0..BY_HAND {
        assert_eq!(rows(world, &who(nth)).len(), 1);
    }
    world.sandbox.remove_user(&email("ended"));
    world.sandbox.remove_user(&email("eve"));
}

async fn held_revocations_of_strangers_are_void_once_they_are_kept(world: &mut World) {
    held_strangers(world).await;
    let query = "{ heldRevocations(first: 50) { totalCount nodes { member { name email } target { __typename } } } }";
    manage(world, Policy::Keep).await;
    world.settled().await;
    let response = world.api.query(query, json!({})).await;
    assert_eq!(response["heldRevocations"]["totalCount"], 0, "{response}");
    assert_eq!(rows(world, "eve").len(), 1);
    for nth in 0..BY_HAND {
        world.sandbox.remove_user(&email(&who(nth)));
    }
    world.sandbox.remove_user(&email("ended"));
    world.sandbox.remove_user(&email("eve"));
}

/// A person has another role in the group, and Kisi accepts no second assignment: the problem is shown and not retried by time.
async fn another_role_needs_a_person_to_resolve(world: &mut World) {
    world.sandbox.set(Switches {
        duplicates: Duplicates::Conflict,
        ..world.sandbox.switches()
    });
    let source = world.api.source("Front desk").await;
    let group_id = world.sandbox.group_named("Members").unwrap();
    let ada = world.sandbox.add_user(&email("ada"), "Ada");
    world.sandbox.add_assignment(ada, group_id, None, None);
    let row = rows(world, "ada")[0].id;
    world.sandbox.set_role(row, "group_manager");
    world.connect().await;
    let group = manage(world, Policy::Keep).await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world
        .send(&source, "membership.updated", membership("m", "ada"))
        .await;
    let problem = async || {
        let response = world
            .api
            .query(
                "{ members { nodes { kisiUsers { grants { state problem } } } } }",
                json!({}),
            )
            .await;
        let grant = &response["members"]["nodes"][0]["kisiUsers"][0]["grants"][0];
        (grant["state"] == "FAILED").then(|| grant["problem"].clone())
    };
    let message = eventually(problem, async || "no problem".to_owned()).await;
    assert!(message.to_string().contains("another role"), "{message}");
    for round in 0..6 {
        // The rule and the first reading of the group each mark the member due, and each mark is one attempt. Those marks are
        // done once a later one is.
        if round == 1 {
            world.sandbox.clear_calls();
        }
        world.turn_to(world.now() + 20.minutes());
        world
            .send(&source, "membership.updated", membership("n", "bob"))
            .await;
        let bob = async || (rows(world, "bob").len() == 1).then_some(());
        eventually(bob, async || "bob has no access yet".to_owned()).await;
    }
    let retries = world.sandbox.calls();
    let retries = retries
        .iter()
        .filter(|call| call.status == Some(409))
        .count();
    assert_eq!(retries, 0, "the problem is not retried by time");
    // Somebody removes the other role: `retryProblems` tries again.
    world.sandbox.remove_assignment(row);
    let arguments = [("input", "RetryProblemsInput!", json!({ "group": group }))];
    let payload = world
        .api
        .mutate("retryProblems", &arguments, "members")
        .await;
    assert_eq!(payload["members"], 1);
    world.settled().await;
    assert_eq!(rows(world, "ada")[0].role, "group_basic");
}

/// Connects the sandbox's organization, or one of its places; returns the codes of the errors.
async fn connect_place(world: &World, place: Option<&str>) -> Vec<String> {
    let credentials = json!({ "apiKey": world.sandbox.api_key() });
    let input = json!({ "name": "Kisi", "place": place, "credentials": credentials, "inviteByEmail": false });
    let arguments = [("input", "ConnectKisiInput!", input)];
    let answer = world
        .api
        .mutate_unchecked("connectKisi", &arguments, "account { id }");
    let answer = answer.await;
    let errors = answer["userErrors"].as_array().unwrap();
    let codes = errors
        .iter()
        .map(|error| error["code"].as_str().unwrap().to_owned());
    codes.collect()
}

async fn an_organization_is_connected_once(world: &mut World) {
    world.connect().await;
    let annex = world.sandbox.add_place("Annex", "Europe/Berlin");
    for place in [None, Some(annex.to_string())] {
        let refused = connect_place(world, place.as_deref()).await;
        assert_eq!(refused, ["ALREADY_EXISTS"], "{place:?}");
    }
    let accounts = "{ kisiAccounts { id } }";
    let response = world.api.query(accounts, json!({})).await;
    assert_eq!(response["kisiAccounts"].as_array().unwrap().len(), 1);
    let arguments = [
        ("account", "ID!", json!(world.account)),
        ("access", "DisconnectPolicy!", json!("KEEP")),
    ];
    world
        .api
        .mutate("disconnectKisi", &arguments, "account { id }")
        .await;
    let house = world
        .sandbox
        .add_place("Clubhouse", "Europe/Berlin")
        .to_string();
    assert_eq!(
        connect_place(world, Some(&annex.to_string())).await,
        [""; 0]
    );
    assert_eq!(
        connect_place(world, Some(&house)).await,
        [""; 0],
        "two places of one organization"
    );
    assert_eq!(connect_place(world, Some(&house)).await, ["ALREADY_EXISTS"]);
    world.account = None;
}

async fn a_disconnected_account_can_be_connected_again(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = manage(world, Policy::Keep).await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world
        .send(&source, "membership.updated", membership("m", "ada"))
        .await;
    world.settled().await;
    let before = rows(world, "ada");
    let listed = "{ groups { nodes { id name } } locks { nodes { id name } } places { nodes { id } } rules { nodes { id } } }";
    let objects = world.api.query(listed, json!({})).await;
    let arguments = [
        ("account", "ID!", json!(world.account)),
        ("access", "DisconnectPolicy!", json!("KEEP")),
    ];
    world
        .api
        .mutate("disconnectKisi", &arguments, "account { id }")
        .await;
    assert_eq!(connect_place(world, None).await, [""; 0]);
    assert_eq!(
        world.api.query(listed, json!({})).await,
        objects,
        "each object exists once, with the same id"
    );
    world.sandbox.clear_calls();
    manage(world, Policy::Keep).await;
    world.settled().await;
    assert_eq!(rows(world, "ada"), before, "adopted unchanged");
    assert_eq!(world.sandbox.writes(), []);
}
