//! The brake, end to end: what takes access away early from more people than the club's limit is held, listed in words and
//! shown on grants and deliveries, until an admin approves or dismisses it. Whatever the cause is, and over a restart.

mod causes;
mod flow;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    api::Source,
    event::{email, membership},
    world::World,
};

/// A club whose members may pass by their memberships, and whose brake is on.
pub struct Club {
    pub source: Source,
    pub group: String,
    pub rule: String,
}

/// The people `p001` and so on.
pub fn names(people: std::ops::RangeInclusive<usize>) -> Vec<String> {
    people.map(|number| format!("p{number:03}")).collect()
}

/// So many members, one membership each, all of them in the group.
pub async fn a_club(world: &mut World, people: usize) -> Club {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    let rule = world.rule(&group, json!([{ "membership": {} }])).await;
    roster(world, &source, &names(1..=people)).await;
    world.settled().await;
    assert_eq!(inside(world).len(), people);
    brake(world, json!({ "enabled": true })).await;
    Club {
        source,
        group,
        rule,
    }
}

/// Sets the brake.
pub async fn brake(world: &World, settings: Value) {
    let input = json!({ "brake": settings });
    world
        .api
        .change(
            "updateClub",
            &[("input", "UpdateClubInput!", input)],
            "club { id }",
        )
        .await;
}

/// All the memberships that there are; the delivery's id.
pub async fn roster(world: &mut World, source: &Source, names: &[String]) -> String {
    let all: Vec<Value> = names
        .iter()
        .map(|name| membership(&format!("m-{name}"), name))
        .collect();
    world
        .send(source, "roster.snapshot", json!({ "memberships": all }))
        .await
}

/// Ends somebody's membership; the delivery's id.
pub async fn end(world: &mut World, source: &Source, name: &str) -> String {
    let gone = json!({ "id": format!("m-{name}") });
    world.send(source, "membership.deleted", gone).await
}

/// Who has an assignment in Kisi that is not over, by name.
pub fn inside(world: &World) -> BTreeSet<String> {
    let now = world.now();
    let people = world.people.iter().filter(|email| {
        let rows = world.sandbox.assignments_of(email);
        rows.iter()
            .any(|row| row.until.is_none_or(|until| until > now))
    });
    people
        .map(|email| email.trim_end_matches("@example.com").to_owned())
        .collect()
}

/// What is held: the id, whose, and the cause, by name.
pub async fn held(world: &World) -> Vec<(String, String, String)> {
    let query = "{ heldRevocations(first: 250) { totalCount nodes { id heldAt member { email }
        target { __typename ... on Group { name } } cause } } }";
    let found = world.api.ask(query, json!({})).await;
    let nodes = found["heldRevocations"]["nodes"].as_array().unwrap();
    assert_eq!(found["heldRevocations"]["totalCount"], nodes.len());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut held: Vec<_> = nodes
        .iter()
        .map(|node| {
            assert_eq!(node["target"]["__typename"], "Group");
            let who = text(&node["member"]["email"]);
            let who = who.trim_end_matches("@example.com").to_owned();
            (text(&node["id"]), who, text(&node["cause"]))
        })
        .collect();
    held.sort_by(|a, b| a.1.cmp(&b.1));
    held
}

/// Who is held, by name.
pub async fn held_names(world: &World) -> Vec<String> {
    held(world)
        .await
        .into_iter()
        .map(|(_, who, _)| who)
        .collect()
}

/// Everything that is held is held for one cause, in these words or with these at its beginning.
pub async fn assert_held_for(world: &World, names: &[String], cause: &str) {
    let held = held(world).await;
    let who: Vec<&String> = held.iter().map(|(_, who, _)| who).collect();
    assert_eq!(who, names.iter().collect::<Vec<_>>());
    for (_, who, words) in &held {
        assert!(words.starts_with(cause), "{who}: {words}");
    }
    for name in names {
        assert_eq!(grant_states(world, name).await, ["HELD"], "{name}");
    }
}

/// The states of somebody's grants.
pub async fn grant_states(world: &World, name: &str) -> Vec<String> {
    let query = "query($e: String) { member(email: $e) { kisiUsers { grants { state } } } }";
    let found = world.api.ask(query, json!({ "e": email(name) })).await;
    let users = found["member"]["kisiUsers"].as_array().unwrap();
    let grants = users
        .iter()
        .flat_map(|user| user["grants"].as_array().unwrap());
    grants
        .map(|grant| grant["state"].as_str().unwrap().to_owned())
        .collect()
}

/// A delivery's status, and whether it is settled.
pub async fn delivery(world: &World, id: &str) -> (String, bool) {
    let query = "query($id: ID!) { node(id: $id) { ... on Delivery { status settledAt } } }";
    let found = world.api.ask(query, json!({ "id": id })).await;
    let status = found["node"]["status"].as_str().unwrap().to_owned();
    (status, found["node"]["settledAt"].is_string())
}

/// Approves or dismisses what is held of these people, of everybody where none are named; how many that were.
pub async fn decide(world: &World, what: &str, names: Option<&[&str]>) -> u64 {
    let ids = match names {
        None => Value::Null,
        Some(names) => {
            let held = held(world).await.into_iter();
            let named = held.filter(|(_, who, _)| names.contains(&who.as_str()));
            named.map(|(id, ..)| Value::String(id)).collect()
        }
    };
    let (field, count) = match what {
        "approve" => ("approveRevocations", "approved"),
        _ => ("dismissRevocations", "dismissed"),
    };
    let done = world
        .api
        .change(field, &[("held", "[ID!]", ids)], count)
        .await;
    world.settled().await;
    done[count].as_u64().unwrap()
}

/// A preview's word about an edit of the rules.
pub async fn preview(world: &World, change: Value) -> (u64, String) {
    let query = "query($c: RuleChangeInput!) { previewRule(change: $c) { lossCount basedOn } }";
    let found = world.api.ask(query, json!({ "c": change })).await;
    let shown = &found["previewRule"];
    let based_on = shown["basedOn"].as_str().unwrap().to_owned();
    (shown["lossCount"].as_u64().unwrap(), based_on)
}
