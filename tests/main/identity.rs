//! Members who change, swap, give up and take over addresses, end to end: who opens which door by Kisi's rows, what Kisi is told
//! for it, and what stays with the member.

use std::collections::BTreeSet;

use latchkey::{
    id::{Kind, decode_as},
    ingest::{batch::Job, rehearsal},
    sandbox::{Duplicates, Switches},
    store::Scope,
};
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
    whoever_has_no_address_opens_no_door,
    who_comes_back_under_a_new_id_stays_suspended,
    a_club_that_comes_back_under_new_ids_costs_nothing,
    what_was_shared_with_an_address_stays_with_whoever_took_it,
    who_comes_back_beside_the_old_entry_is_one_person,
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

/// A person by an id, at an address.
fn at(id: &str, address: &str) -> Value {
    with(person(id), json!({ "email": email(address) }))
}

fn held_by(id: &str, who: &str, address: &str) -> Value {
    with(membership(id, who), json!({ "member": at(who, address) }))
}

async fn hear(world: &mut World, club: &Club, kind: &str, data: Value) {
    world.send(&club.source, kind, data).await;
    world.settled().await;
}

/// The names of the addresses that open a door by Kisi's rows.
fn open(world: &World) -> BTreeSet<&str> {
    let people = world.people.iter();
    let inside = people.filter(|email| !world.sandbox.assignments_of(email).is_empty());
    inside
        .map(|email| email.trim_end_matches("@example.com"))
        .collect()
}

/// Names, addresses and problems of all members, by the API.
async fn members(world: &World) -> Vec<Value> {
    let query = "{ members(first: 200) { nodes { name email problems { code } } } }";
    let found = world.api.ask(query, json!({})).await;
    let mut all = found["members"]["nodes"].as_array().unwrap().clone();
    all.sort_by_key(Value::to_string);
    all
}

/// What the API says of somebody's access to the group: its cause, and how many assignments there are.
async fn explained(world: &World, club: &Club, member: &str) -> (String, usize) {
    let query = "query($m: ID!, $t: ID!) { explain(member: $m, target: $t) { decision { code } grants { id } } }";
    let told = world
        .api
        .ask(query, json!({ "m": member, "t": club.group }))
        .await;
    let code = told["explain"]["decision"]["code"].as_str().unwrap();
    let grants = told["explain"]["grants"].as_array().unwrap();
    (code.to_owned(), grants.len())
}

/// What keeps Kisi from letting somebody pass who may.
async fn in_the_way(world: &World, club: &Club, member: &str) -> Value {
    let query = "query($m: ID!, $t: ID!) { explain(member: $m, target: $t) { kisiProblem } }";
    let arguments = json!({ "m": member, "t": club.group });
    let told = world.api.ask(query, arguments).await;
    told["explain"]["kisiProblem"].clone()
}

async fn a_swap_moves_doors_with_the_people_and_costs_little(world: &mut World) {
    let club = a_club(world).await;
    for (held, who) in [("m1", "ada"), ("m2", "bob")] {
        hear(world, &club, "membership.updated", held_by(held, who, who)).await;
    }
    hear(world, &club, "member.updated", person("cyd")).await;
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
        world.sandbox.forget_calls();
        hear(world, &club, "member.updated", at("ada", first)).await;
        hear(world, &club, "member.updated", at("bob", second)).await;
        assert_eq!(
            world.sandbox.writes(),
            [],
            "{duplicates:?}: both may pass still"
        );
        assert_eq!(open(world), ["ada", "bob"].into());
    }
    // Somebody who may pass and somebody who may not.
    hear(world, &club, "member.updated", at("cyd", "bob")).await;
    hear(world, &club, "member.updated", at("bob", "cyd")).await;
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

async fn whoever_has_no_address_opens_no_door(world: &mut World) {
    let club = a_club(world).await;
    hear(
        world,
        &club,
        "membership.updated",
        held_by("m1", "ada", "x"),
    )
    .await;
    hear(world, &club, "member.updated", person("bob")).await;
    let ada = world.api.member(&email("x")).await.unwrap();
    assert_eq!(open(world), ["x"].into());
    let nobody = json!({ "id": "ada", "email": null });
    hear(world, &club, "member.updated", nobody).await;
    assert_eq!(
        open(world),
        [].into(),
        "Kisi knows people by their addresses"
    );
    hear(world, &club, "member.updated", at("bob", "x")).await;
    assert_eq!(open(world), [].into());
    assert_eq!(explained(world, &club, &ada).await.1, 0);
    let said = in_the_way(world, &club, &ada).await;
    assert!(
        said.as_str().unwrap().contains("no e-mail address"),
        "{said}"
    );
    hear(world, &club, "member.updated", at("ada", "y")).await;
    assert_eq!(in_the_way(world, &club, &ada).await, Value::Null);
    assert_eq!(open(world), ["y"].into());
    assert_eq!(
        explained(world, &club, &ada).await,
        ("ALLOWED_BY_RULE".to_owned(), 1)
    );
}

async fn who_comes_back_under_a_new_id_stays_suspended(world: &mut World) {
    let club = a_club(world).await;
    hear(
        world,
        &club,
        "membership.updated",
        held_by("c1", "id1", "x"),
    )
    .await;
    hear(world, &club, "member.deleted", json!({ "id": "id1" })).await;
    hear(
        world,
        &club,
        "membership.updated",
        held_by("c2", "id2", "x"),
    )
    .await;
    assert_eq!(open(world), ["x"].into());
    let member = world.api.member(&email("x")).await.unwrap();
    let input = json!({ "member": member, "reason": "lost the key" });
    let input = [("input", "SuspendMemberInput!", input)];
    world
        .api
        .change("suspendMember", &input, "member { id }")
        .await;
    world.settled().await;
    assert_eq!(open(world), [].into());
    hear(world, &club, "member.updated", at("id2", "y")).await;
    assert_eq!(open(world), [].into(), "still suspended");
    assert_eq!(world.api.member(&email("y")).await, Some(member.clone()));
    assert_eq!(explained(world, &club, &member).await.0, "SUSPENDED");
}

async fn a_club_that_comes_back_under_new_ids_costs_nothing(world: &mut World) {
    let club = a_club(world).await;
    let roster = |prefix: &str| {
        let id = |n: u8| format!("{prefix}{n}");
        let held: Vec<Value> = (0..9)
            .map(|n| held_by(&id(n), &id(n), &format!("p{n}")))
            .collect();
        let people: Vec<Value> = (0..9).map(|n| at(&id(n), &format!("p{n}"))).collect();
        json!({ "members": people, "memberships": held })
    };
    hear(world, &club, "roster.snapshot", roster("old")).await;
    assert_eq!(open(world).len(), 9);
    brake(world, json!({ "enabled": true })).await;
    world.sandbox.forget_calls();

    let scope = decode_as(Kind::Source, &club.source.id).unwrap();
    let app = world.app().clone();
    let rows = world.api.ask("{ club { id } }", json!({})).await;
    let club_id = decode_as(Kind::Club, rows["club"]["id"].as_str().unwrap()).unwrap();
    let body = event("roster.snapshot", world.now(), &roster("new")).to_string();
    let job = Job::made(
        club_id,
        scope,
        "dry".to_owned(),
        body.into_bytes(),
        world.clock.now(),
    );
    let told = rehearsal::rehearse(&app.db, Scope::new(club_id), job, world.clock.now())
        .await
        .unwrap();
    assert_eq!(
        (told.changes, told.new_members, told.brake.losing),
        (Vec::new(), 0, 0)
    );

    hear(world, &club, "roster.snapshot", roster("new")).await;
    assert_eq!(world.sandbox.writes(), []);
    assert_eq!(held_names(world).await, Vec::<String>::new());
    let all = members(world).await;
    assert_eq!(all.len(), 9);
    assert!(
        all.iter().all(|one| one["problems"] == json!([])),
        "{all:?}"
    );
}

/// The first membership ends and its person stays in the books, as many platforms do it.
async fn who_comes_back_beside_the_old_entry_is_one_person(world: &mut World) {
    let club = a_club(world).await;
    hear(
        world,
        &club,
        "membership.updated",
        held_by("c1", "id1", "x"),
    )
    .await;
    hear(world, &club, "membership.deleted", json!({ "id": "c1" })).await;
    hear(
        world,
        &club,
        "membership.updated",
        held_by("c2", "id2", "x"),
    )
    .await;
    assert_eq!(open(world), ["x"].into());
    assert_eq!(told_of_two(world).await, 0);
    // Two who are both members are two people still.
    hear(
        world,
        &club,
        "membership.updated",
        held_by("c3", "id1", "x"),
    )
    .await;
    assert_eq!(told_of_two(world).await, 1);
}

/// Of how many members it is said that two people bear their e-mail.
async fn told_of_two(world: &World) -> usize {
    let members = "{ members(first: 200) { nodes { problems { code } } } }";
    let found = world.api.ask(members, json!({})).await;
    found.to_string().matches("TWO_PEOPLE_ONE_EMAIL").count()
}

async fn what_was_shared_with_an_address_stays_with_whoever_took_it(world: &mut World) {
    let club = a_club(world).await;
    hear(world, &club, "member.updated", person("ada")).await;
    let ada = world.api.member(&email("ada")).await.unwrap();
    let who = json!({ "new": { "email": email("g"), "name": "Gil" } });
    let input = json!({ "who": who, "scope": club.group });
    let input = [("input", "ShareAccessInput!", input)];
    world
        .api
        .change("shareAccess", &input, "share { id }")
        .await;
    world.people.insert(email("g"));
    world.settled().await;
    assert_eq!(open(world), ["g"].into());
    world.sandbox.forget_calls();
    hear(world, &club, "member.updated", at("ada", "G")).await;
    assert_eq!(world.sandbox.writes(), []);
    assert_eq!(world.api.member(&email("g")).await, Some(ada.clone()));
    assert_eq!(
        explained(world, &club, &ada).await,
        ("ALLOWED_BY_SHARE".to_owned(), 1)
    );
    assert_eq!(members(world).await.len(), 1);
}
