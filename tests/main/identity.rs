//! Members who change, swap, give up and take over addresses, end to end: who can open which door by Kisi's assignments, which
//! calls Kisi gets, and what stays with the member.

use std::collections::BTreeSet;

use latchkey::{
    dry_run,
    id::{Kind, decode_as},
    ingest::batch::Job,
    store::ClubScope,
};
use latchkey_sandbox::{Duplicates, Switches};
use serde_json::{Value, json};

use crate::{
    brake::{brake, held_names},
    support::{
        api::Source,
        event::{email, event, membership, person, with},
        world::World,
    },
};

on_both!(
    a_swap_moves_doors_with_the_people_and_costs_little,
    a_member_without_an_address_opens_no_door,
    a_member_with_a_new_id_stays_suspended,
    new_ids_for_all_members_cost_no_calls,
    a_share_stays_with_the_member_who_takes_its_address,
    a_new_id_beside_the_old_one_is_the_same_person,
);

struct Club {
    source: Source,
    group: String,
}

async fn a_club(world: &mut World) -> Club {
    let source = world.api.source("Books").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    Club { source, group }
}

/// A person with this id and address.
fn at(id: &str, address: &str) -> Value {
    with(person(id), json!({ "email": email(address) }))
}

fn membership_of(id: &str, who: &str, address: &str) -> Value {
    with(membership(id, who), json!({ "member": at(who, address) }))
}

async fn send_and_settle(world: &mut World, club: &Club, kind: &str, data: Value) {
    world.send(&club.source, kind, data).await;
    world.settled().await;
}

/// The names of the people with an assignment in Kisi.
fn open(world: &World) -> BTreeSet<&str> {
    let people = world.emails.iter();
    let inside = people.filter(|email| !world.sandbox.assignments_of(email).is_empty());
    inside
        .map(|email| email.trim_end_matches("@example.com"))
        .collect()
}

/// Name, address and problems of all members, from the API.
async fn members(world: &World) -> Vec<Value> {
    let query = "{ members(first: 200) { nodes { name email problems { code } } } }";
    let response = world.api.query(query, json!({})).await;
    let mut all = response["members"]["nodes"].as_array().unwrap().clone();
    all.sort_by_key(Value::to_string);
    all
}

/// The decision code for a member's access to the group, and the number of grants behind it.
async fn explained(world: &World, club: &Club, member: &str) -> (String, usize) {
    let query = "query($m: ID!, $t: ID!) { explain(member: $m, target: $t) { decision { code } grants { id } } }";
    let response = world
        .api
        .query(query, json!({ "m": member, "t": club.group }))
        .await;
    let code = response["explain"]["decision"]["code"].as_str().unwrap();
    let grants = response["explain"]["grants"].as_array().unwrap();
    (code.to_owned(), grants.len())
}

/// The problem that makes Kisi refuse a member who is allowed.
async fn kisi_problem(world: &World, club: &Club, member: &str) -> Value {
    let query = "query($m: ID!, $t: ID!) { explain(member: $m, target: $t) { kisiProblem } }";
    let arguments = json!({ "m": member, "t": club.group });
    let response = world.api.query(query, arguments).await;
    response["explain"]["kisiProblem"].clone()
}

async fn a_swap_moves_doors_with_the_people_and_costs_little(world: &mut World) {
    let club = a_club(world).await;
    for (held, who) in [("m1", "ada"), ("m2", "bob")] {
        send_and_settle(
            world,
            &club,
            "membership.updated",
            membership_of(held, who, who),
        )
        .await;
    }
    send_and_settle(world, &club, "member.updated", person("cyd")).await;
    let ways = [
        Duplicates::Conflict,
        Duplicates::Unprocessable,
        Duplicates::Allow,
        Duplicates::AllowIfWindowsDiffer,
    ];
    let (mut first, mut second) = ("ada", "bob");
    for duplicates in ways {
        world.sandbox.set(Switches {
            duplicates,
            ..world.sandbox.switches()
        });
        (first, second) = (second, first);
        world.sandbox.clear_calls();
        send_and_settle(world, &club, "member.updated", at("ada", first)).await;
        send_and_settle(world, &club, "member.updated", at("bob", second)).await;
        assert_eq!(
            world.sandbox.writes(),
            [],
            "{duplicates:?}: both still have access"
        );
        assert_eq!(open(world), ["ada", "bob"].into());
    }
    // A person with access and a person without.
    send_and_settle(world, &club, "member.updated", at("cyd", "bob")).await;
    send_and_settle(world, &club, "member.updated", at("bob", "cyd")).await;
    assert_eq!(open(world), ["ada", "cyd"].into());
    let expected = [("ada", "ada"), ("cyd", "bob"), ("bob", "cyd")];
    let expected = expected
        .map(|(who, address)| json!({ "name": who, "email": email(address), "problems": [] }));
    assert_eq!(members(world).await, expected);
    for (address, told) in [
        ("cyd", ("ALLOWED_BY_RULE", 1)),
        ("bob", ("NO_MEMBERSHIP", 0)),
    ] {
        let member = world.api.member(&email(address)).await.unwrap();
        let (code, grants) = explained(world, &club, &member).await;
        assert_eq!((code.as_str(), grants), told);
    }
}

async fn a_member_without_an_address_opens_no_door(world: &mut World) {
    let club = a_club(world).await;
    send_and_settle(
        world,
        &club,
        "membership.updated",
        membership_of("m1", "ada", "x"),
    )
    .await;
    send_and_settle(world, &club, "member.updated", person("bob")).await;
    let ada = world.api.member(&email("x")).await.unwrap();
    assert_eq!(open(world), ["x"].into());
    let nobody = json!({ "id": "ada", "email": null });
    send_and_settle(world, &club, "member.updated", nobody).await;
    assert_eq!(
        open(world),
        [].into(),
        "Kisi identifies people by their addresses"
    );
    send_and_settle(world, &club, "member.updated", at("bob", "x")).await;
    assert_eq!(open(world), [].into());
    assert_eq!(explained(world, &club, &ada).await.1, 0);
    let problem = kisi_problem(world, &club, &ada).await;
    assert!(
        problem.as_str().unwrap().contains("no e-mail address"),
        "{problem}"
    );
    send_and_settle(world, &club, "member.updated", at("ada", "y")).await;
    assert_eq!(kisi_problem(world, &club, &ada).await, Value::Null);
    assert_eq!(open(world), ["y"].into());
    assert_eq!(
        explained(world, &club, &ada).await,
        ("ALLOWED_BY_RULE".to_owned(), 1)
    );
}

async fn a_member_with_a_new_id_stays_suspended(world: &mut World) {
    let club = a_club(world).await;
    send_and_settle(
        world,
        &club,
        "membership.updated",
        membership_of("c1", "id1", "x"),
    )
    .await;
    send_and_settle(world, &club, "member.deleted", json!({ "id": "id1" })).await;
    send_and_settle(
        world,
        &club,
        "membership.updated",
        membership_of("c2", "id2", "x"),
    )
    .await;
    assert_eq!(open(world), ["x"].into());
    let member = world.api.member(&email("x")).await.unwrap();
    let input = json!({ "member": member, "reason": "lost the key" });
    let input = [("input", "SuspendMemberInput!", input)];
    world
        .api
        .mutate("suspendMember", &input, "member { id }")
        .await;
    world.settled().await;
    assert_eq!(open(world), [].into());
    send_and_settle(world, &club, "member.updated", at("id2", "y")).await;
    assert_eq!(open(world), [].into(), "still suspended");
    assert_eq!(world.api.member(&email("y")).await, Some(member.clone()));
    assert_eq!(explained(world, &club, &member).await.0, "SUSPENDED");
}

async fn new_ids_for_all_members_cost_no_calls(world: &mut World) {
    let club = a_club(world).await;
    let roster = |prefix: &str| {
        let id = |n: u8| format!("{prefix}{n}");
        let memberships: Vec<Value> = (0..9)
            .map(|n| membership_of(&id(n), &id(n), &format!("p{n}")))
            .collect();
        let people: Vec<Value> = (0..9).map(|n| at(&id(n), &format!("p{n}"))).collect();
        json!({ "members": people, "memberships": memberships })
    };
    send_and_settle(world, &club, "roster.snapshot", roster("old")).await;
    assert_eq!(open(world).len(), 9);
    brake(world, json!({ "enabled": true })).await;
    world.sandbox.clear_calls();

    let scope = decode_as(Kind::Source, &club.source.id).unwrap();
    let app = world.app().clone();
    let rows = world.api.query("{ club { id } }", json!({})).await;
    let club_id = decode_as(Kind::Club, rows["club"]["id"].as_str().unwrap()).unwrap();
    let body = event("roster.snapshot", world.now(), &roster("new")).to_string();
    let job = Job::canonical(
        club_id,
        scope,
        "dry".to_owned(),
        body.into_bytes(),
        world.clock.now(),
    );
    let dry_run = dry_run::dry_run(&app.db, ClubScope::new(club_id), job, world.clock.now())
        .await
        .unwrap();
    assert_eq!(
        (dry_run.changes, dry_run.new_members, dry_run.brake.losing),
        (Vec::new(), 0, 0)
    );

    send_and_settle(world, &club, "roster.snapshot", roster("new")).await;
    assert_eq!(world.sandbox.writes(), []);
    assert_eq!(held_names(world).await, Vec::<String>::new());
    let all = members(world).await;
    assert_eq!(all.len(), 9);
    assert!(
        all.iter().all(|one| one["problems"] == json!([])),
        "{all:?}"
    );
}

/// The first membership ends but its person stays in the source, as on many platforms.
async fn a_new_id_beside_the_old_one_is_the_same_person(world: &mut World) {
    let club = a_club(world).await;
    send_and_settle(
        world,
        &club,
        "membership.updated",
        membership_of("c1", "id1", "x"),
    )
    .await;
    send_and_settle(world, &club, "membership.deleted", json!({ "id": "c1" })).await;
    send_and_settle(
        world,
        &club,
        "membership.updated",
        membership_of("c2", "id2", "x"),
    )
    .await;
    assert_eq!(open(world), ["x"].into());
    assert_eq!(two_people_problems(world).await, 0);
    // Two people who are both members stay two people.
    send_and_settle(
        world,
        &club,
        "membership.updated",
        membership_of("c3", "id1", "x"),
    )
    .await;
    assert_eq!(two_people_problems(world).await, 1);
}

/// The number of members with the problem `TWO_PEOPLE_ONE_EMAIL`.
async fn two_people_problems(world: &World) -> usize {
    let members = "{ members(first: 200) { nodes { problems { code } } } }";
    let response = world.api.query(members, json!({})).await;
    response.to_string().matches("TWO_PEOPLE_ONE_EMAIL").count()
}

async fn a_share_stays_with_the_member_who_takes_its_address(world: &mut World) {
    let club = a_club(world).await;
    send_and_settle(world, &club, "member.updated", person("ada")).await;
    let ada = world.api.member(&email("ada")).await.unwrap();
    let who = json!({ "new": { "email": email("g"), "name": "Gil" } });
    let input = json!({ "who": who, "scope": club.group });
    let input = [("input", "ShareAccessInput!", input)];
    world
        .api
        .mutate("shareAccess", &input, "share { id }")
        .await;
    world.emails.insert(email("g"));
    world.settled().await;
    assert_eq!(open(world), ["g"].into());
    world.sandbox.clear_calls();
    send_and_settle(world, &club, "member.updated", at("ada", "G")).await;
    assert_eq!(world.sandbox.writes(), []);
    assert_eq!(world.api.member(&email("g")).await, Some(ada.clone()));
    assert_eq!(
        explained(world, &club, &ada).await,
        ("ALLOWED_BY_SHARE".to_owned(), 1)
    );
    assert_eq!(members(world).await.len(), 1);
}
