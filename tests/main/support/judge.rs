//! Judges whether Kisi is as it should be: for every managed group and every door, who may pass by the service's own word
//! and who by Kisi's rows, now and at instants of the coming week; and that nothing of ours is there twice.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use latchkey::sandbox::{AssignmentView, Sandbox};
use serde_json::{Value, json};

use super::{api::Api, world::World};

const HOUR: u64 = 3600;
/// All within the horizon that tests have.
const AHEAD: [u64; 4] = [0, HOUR / 2, 26 * HOUR, 6 * 24 * HOUR];

/// Who may pass a group or lock at an instant, by the service's own word. Without those who have no address.
pub async fn allowed(api: &Api, target: &str, at: Timestamp) -> BTreeSet<String> {
    let query = "query($id: ID!, $at: DateTime, $after: String) { node(id: $id) {
        ... on Group { allowedMembers(at: $at, first: 200, after: $after) { nodes { email } pageInfo { hasNextPage endCursor } } }
        ... on Lock { allowedMembers(at: $at, first: 200, after: $after) { nodes { email } pageInfo { hasNextPage endCursor } } } } }";
    let (mut found, mut after) = (BTreeSet::new(), Value::Null);
    loop {
        let data = api
            .ask(
                query,
                json!({ "id": target, "at": at.to_string(), "after": after }),
            )
            .await;
        let page = &data["node"]["allowedMembers"];
        let nodes = page["nodes"]
            .as_array()
            .unwrap_or_else(|| panic!("{target}: {data}"));
        found.extend(
            nodes
                .iter()
                .filter_map(|node| node["email"].as_str().map(str::to_owned)),
        );
        if page["pageInfo"]["hasNextPage"] != true {
            return found;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// Who of these people can open a door at an instant, by Kisi's rows.
pub fn can_open(
    sandbox: &Sandbox,
    people: &BTreeSet<String>,
    lock: i64,
    at: Timestamp,
) -> BTreeSet<String> {
    people
        .iter()
        .filter(|email| sandbox.may_open(email, lock, at))
        .cloned()
        .collect()
}

/// What the service believes of its grants that are not confirmed.
pub async fn grants(api: &Api) -> String {
    let query = "{ members(first: 200) { nodes { email problems { code } kisiUsers { grants { state problem } } } } }";
    let found = api.ask(query, json!({})).await;
    let members = found["members"]["nodes"].as_array().unwrap();
    let is_odd = |member: &&Value| {
        let users = member["kisiUsers"].as_array().unwrap();
        let grants = users
            .iter()
            .flat_map(|user| user["grants"].as_array().unwrap());
        grants
            .into_iter()
            .any(|grant| grant["state"] != "CONFIRMED")
    };
    let odd: Vec<String> = members
        .iter()
        .filter(is_odd)
        .take(5)
        .map(Value::to_string)
        .collect();
    format!("grants that are not confirmed: {odd:?}")
}

/// See the module.
pub async fn kisi_is_as_desired(world: &World) {
    let api = &world.api;
    let people = everybody(world).await;
    let now = world.now();
    let query = "{ groups(first: 200) { nodes { id kisiId name managed } }
        locks(first: 200) { nodes { id kisiId name rules { id } } } }";
    let found = api.ask(query, json!({})).await;
    for ahead in AHEAD {
        let at = now + Duration::from_secs(ahead);
        for group in found["groups"]["nodes"].as_array().unwrap() {
            let kisi_id = number(&group["kisiId"]);
            if group["managed"] == true {
                let wanted = allowed(api, group["id"].as_str().unwrap(), at).await;
                let held = in_group(&world.sandbox, &people, kisi_id, at);
                assert_eq!(
                    held, wanted,
                    "Kisi (left) and the service in the group {} at {at}",
                    group["name"]
                );
            }
        }
        for lock in found["locks"]["nodes"].as_array().unwrap() {
            // Rules on a lock are kept by the service alone.
            if lock["rules"] == json!([]) {
                let wanted = allowed(api, lock["id"].as_str().unwrap(), at).await;
                let held = can_open(&world.sandbox, &people, number(&lock["kisiId"]), at);
                assert_eq!(
                    held, wanted,
                    "Kisi (left) and the service at the door {} at {at}",
                    lock["name"]
                );
            }
        }
    }
    nothing_is_there_twice(&world.sandbox, &people, now);
}

/// No two assignments of ours that are not over let one person into one group at one time.
pub fn nothing_is_there_twice(sandbox: &Sandbox, people: &BTreeSet<String>, now: Timestamp) {
    for email in people {
        let mut rows = sandbox.assignments_of(email);
        rows.retain(|row| row.by_owner_key && row.until.is_none_or(|until| until > now));
        for (index, one) in rows.iter().enumerate() {
            let overlaps = |other: &&AssignmentView| {
                (one.group, one.place) == (other.group, other.place)
                    && one
                        .from
                        .is_none_or(|from| other.until.is_none_or(|until| from < until))
                    && other
                        .from
                        .is_none_or(|from| one.until.is_none_or(|until| from < until))
            };
            let twin = rows.iter().skip(index + 1).find(overlaps);
            assert!(
                twin.is_none(),
                "{email} is there twice: {one:?} and {twin:?}"
            );
        }
    }
}

/// Everybody who was spoken of, and every member.
async fn everybody(world: &World) -> BTreeSet<String> {
    let found = world
        .api
        .ask("{ members(first: 250) { nodes { email } } }", json!({}))
        .await;
    let members = found["members"]["nodes"].as_array().unwrap();
    let emails = members
        .iter()
        .filter_map(|member| member["email"].as_str().map(str::to_owned));
    emails.chain(world.people.iter().cloned()).collect()
}

fn in_group(
    sandbox: &Sandbox,
    people: &BTreeSet<String>,
    group: i64,
    at: Timestamp,
) -> BTreeSet<String> {
    let holds = |row: &AssignmentView| {
        row.group == Some(group)
            && row.from.is_none_or(|from| from <= at)
            && row.until.is_none_or(|until| at < until)
    };
    people
        .iter()
        .filter(|email| sandbox.assignments_of(email).iter().any(holds))
        .cloned()
        .collect()
}

fn number(id: &Value) -> i64 {
    id.as_str().unwrap().parse().unwrap()
}
