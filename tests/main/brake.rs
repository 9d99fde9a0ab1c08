//! The brake, end to end: revocations of more people than the club's limit are held, whatever their cause. They are listed with
//! the cause and shown on grants and deliveries until an admin approves or dismisses them, and survive a restart.

mod causes;
mod flow;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    api::Source,
    event::{email, membership},
    world::World,
};

/// A club with a rule for memberships and an enabled brake.
pub struct Club {
    pub source: Source,
    pub group: String,
    pub rule: String,
}

/// The names `p001` and so on.
pub fn names(people: std::ops::RangeInclusive<usize>) -> Vec<String> {
    people.map(|number| format!("p{number:03}")).collect()
}

/// Creates a club with `people` members, each with one membership and access to the group.
pub async fn a_club(world: &mut World, people: usize) -> Club {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    let rule = world.rule(&group, json!([{ "membership": {} }])).await;
    roster(world, &source, &names(1..=people)).await;
    world.settled().await;
    assert_eq!(people_with_access(world).len(), people);
    brake(world, json!({ "enabled": true })).await;
    Club {
        source,
        group,
        rule,
    }
}

pub async fn brake(world: &World, settings: Value) {
    let input = json!({ "brake": settings });
    world
        .api
        .mutate(
            "updateClub",
            &[("input", "UpdateClubInput!", input)],
            "club { id }",
        )
        .await;
}

/// Sends a snapshot with exactly these people's memberships; returns the delivery's id.
pub async fn roster(world: &mut World, source: &Source, names: &[String]) -> String {
    let all: Vec<Value> = names
        .iter()
        .map(|name| membership(&format!("m-{name}"), name))
        .collect();
    world
        .send(source, "roster.snapshot", json!({ "memberships": all }))
        .await
}

/// Ends a person's membership; returns the delivery's id.
pub async fn end_membership(world: &mut World, source: &Source, name: &str) -> String {
    let gone = json!({ "id": format!("m-{name}") });
    world.send(source, "membership.deleted", gone).await
}

/// The names of the people with an assignment in Kisi that has not ended.
pub fn people_with_access(world: &World) -> BTreeSet<String> {
    let now = world.now();
    let people = world.emails.iter().filter(|email| {
        let rows = world.sandbox.assignments_of(email);
        rows.iter()
            .any(|row| row.until.is_none_or(|until| until > now))
    });
    people
        .map(|email| email.trim_end_matches("@example.com").to_owned())
        .collect()
}

/// The held revocations as (id, name, cause), sorted by name.
pub async fn held_revocations(world: &World) -> Vec<(String, String, String)> {
    let query = "{ heldRevocations(first: 250) { totalCount nodes { id heldAt member { email }
        target { __typename ... on Group { name } } cause } } }";
    let response = world.api.query(query, json!({})).await;
    let nodes = response["heldRevocations"]["nodes"].as_array().unwrap();
    assert_eq!(response["heldRevocations"]["totalCount"], nodes.len());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut revocations: Vec<_> = nodes
        .iter()
        .map(|node| {
            assert_eq!(node["target"]["__typename"], "Group");
            let who = text(&node["member"]["email"]);
            let who = who.trim_end_matches("@example.com").to_owned();
            (text(&node["id"]), who, text(&node["cause"]))
        })
        .collect();
    revocations.sort_by(|a, b| a.1.cmp(&b.1));
    revocations
}

/// The names of the people with a held revocation.
pub async fn held_names(world: &World) -> Vec<String> {
    held_revocations(world)
        .await
        .into_iter()
        .map(|(_, who, _)| who)
        .collect()
}

/// Asserts that exactly these people have a held revocation, and that each cause begins with `cause`.
pub async fn assert_held_for(world: &World, names: &[String], cause: &str) {
    let revocations = held_revocations(world).await;
    let who: Vec<&String> = revocations.iter().map(|(_, who, _)| who).collect();
    assert_eq!(who, names.iter().collect::<Vec<_>>());
    for (_, who, reason) in &revocations {
        assert!(reason.starts_with(cause), "{who}: {reason}");
    }
    for name in names {
        assert_eq!(grant_states(world, name).await, ["HELD"], "{name}");
    }
}

/// The states of a person's grants.
pub async fn grant_states(world: &World, name: &str) -> Vec<String> {
    let query = "query($e: String) { member(email: $e) { kisiUsers { grants { state } } } }";
    let response = world.api.query(query, json!({ "e": email(name) })).await;
    let users = response["member"]["kisiUsers"].as_array().unwrap();
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
    let response = world.api.query(query, json!({ "id": id })).await;
    let status = response["node"]["status"].as_str().unwrap().to_owned();
    (status, response["node"]["settledAt"].is_string())
}

/// Approves or dismisses the held revocations of these people, or of everybody if `None`; returns their number.
pub async fn decide(world: &World, what: &str, names: Option<&[&str]>) -> u64 {
    let ids = match names {
        None => Value::Null,
        Some(names) => {
            let revocations = held_revocations(world).await.into_iter();
            let named = revocations.filter(|(_, who, _)| names.contains(&who.as_str()));
            named.map(|(id, ..)| Value::String(id)).collect()
        }
    };
    let (field, count) = match what {
        "approve" => ("approveRevocations", "approved"),
        _ => ("dismissRevocations", "dismissed"),
    };
    let payload = world
        .api
        .mutate(field, &[("held", "[ID!]", ids)], count)
        .await;
    world.settled().await;
    payload[count].as_u64().unwrap()
}

/// Previews a rule change: the number of people who lose access, and the value for `basedOn`.
pub async fn preview(world: &World, change: Value) -> (u64, String) {
    let query = "query($c: RuleChangeInput!) { previewRule(change: $c) { lossCount basedOn } }";
    let response = world.api.query(query, json!({ "c": change })).await;
    let shown = &response["previewRule"];
    let based_on = shown["basedOn"].as_str().unwrap().to_owned();
    (shown["lossCount"].as_u64().unwrap(), based_on)
}
