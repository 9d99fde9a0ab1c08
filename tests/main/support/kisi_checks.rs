//! Checks that Kisi is in step: for every managed group and every door, compares the members that the service allows with those
//! that Kisi's rows let in, now and at instants of the coming week; and that the service has no duplicate assignments.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use latchkey_sandbox::{AssignmentView, Sandbox};
use serde_json::{Value, json};

use super::{api::Api, world::World};

const HOUR: u64 = 3600;
/// Seconds from now. All are within the tests' horizon of seven days.
const AHEAD: [u64; 4] = [0, HOUR / 2, 26 * HOUR, 6 * 24 * HOUR];

/// The e-mails of the members whom the service allows to pass a group or lock at an instant. Omits members without an e-mail.
pub async fn allowed(api: &Api, target: &str, at: Timestamp) -> BTreeSet<String> {
    let query = "query($id: ID!, $at: DateTime, $after: String) { node(id: $id) {
        ... on Group { allowedMembers(at: $at, first: 200, after: $after) { nodes { email } pageInfo { hasNextPage endCursor } } }
        ... on Lock { allowedMembers(at: $at, first: 200, after: $after) { nodes { email } pageInfo { hasNextPage endCursor } } } } }";
    let (mut emails, mut after) = (BTreeSet::new(), Value::Null);
    loop {
        let data = api
            .query(
                query,
                json!({ "id": target, "at": at.to_string(), "after": after }),
            )
            .await;
        let page = &data["node"]["allowedMembers"];
        let nodes = page["nodes"]
            .as_array()
            .unwrap_or_else(|| panic!("{target}: {data}"));
        emails.extend(
            nodes
                .iter()
                .filter_map(|node| node["email"].as_str().map(str::to_owned)),
        );
        if page["pageInfo"]["hasNextPage"] != true {
            return emails;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// Those of `people` who can open a lock at an instant by Kisi's rows.
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

/// A description of up to five members with unconfirmed grants, for failure messages.
pub async fn grants(api: &Api) -> String {
    let query = "{ members(first: 200) { nodes { email problems { code } kisiUsers { grants { state problem } } } } }";
    let data = api.query(query, json!({})).await;
    let members = data["members"]["nodes"].as_array().unwrap();
    let is_unconfirmed = |member: &&Value| {
        let users = member["kisiUsers"].as_array().unwrap();
        let grants = users
            .iter()
            .flat_map(|user| user["grants"].as_array().unwrap());
        grants
            .into_iter()
            .any(|grant| grant["state"] != "CONFIRMED")
    };
    let unconfirmed: Vec<String> = members
        .iter()
        .filter(is_unconfirmed)
        .take(5)
        .map(Value::to_string)
        .collect();
    format!("grants that are not confirmed: {unconfirmed:?}")
}

/// Fails if a managed group or a door without rules of its own differs between the service and Kisi, or if an assignment is
/// duplicated.
pub async fn kisi_is_as_desired(world: &World) {
    let api = &world.api;
    let people = everybody(world).await;
    let now = world.now();
    let query = "{ groups(first: 200) { nodes { id kisiId name managed } }
        locks(first: 200) { nodes { id kisiId name rules { id } } } }";
    let data = api.query(query, json!({})).await;
    for ahead in AHEAD {
        let at = now + Duration::from_secs(ahead);
        for group in data["groups"]["nodes"].as_array().unwrap() {
            let kisi_id = number(&group["kisiId"]);
            if group["managed"] == true {
                let expected = allowed(api, group["id"].as_str().unwrap(), at).await;
                let actual = in_group(&world.sandbox, &people, kisi_id, at);
                assert_eq!(
                    actual, expected,
                    "Kisi (left) and the service in the group {} at {at}",
                    group["name"]
                );
            }
        }
        for lock in data["locks"]["nodes"].as_array().unwrap() {
            // Rules on a lock apply only in the service, not in Kisi.
            if lock["rules"] == json!([]) {
                let expected = allowed(api, lock["id"].as_str().unwrap(), at).await;
                let actual = can_open(&world.sandbox, &people, number(&lock["kisiId"]), at);
                assert_eq!(
                    actual, expected,
                    "Kisi (left) and the service at the door {} at {at}",
                    lock["name"]
                );
            }
        }
    }
    assert_no_duplicates(&world.sandbox, &people, now);
}

/// Fails if two assignments of this service that have not ended give one person the same scope at overlapping times.
pub fn assert_no_duplicates(sandbox: &Sandbox, people: &BTreeSet<String>, now: Timestamp) {
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
            let duplicate = rows.iter().skip(index + 1).find(overlaps);
            assert!(
                duplicate.is_none(),
                "{email} has duplicate assignments: {one:?} and {duplicate:?}"
            );
        }
    }
}

/// The e-mails of all members, and of all people in the events and shares of the test.
async fn everybody(world: &World) -> BTreeSet<String> {
    let data = world
        .api
        .query("{ members(first: 250) { nodes { email } } }", json!({}))
        .await;
    let members = data["members"]["nodes"].as_array().unwrap();
    let emails = members
        .iter()
        .filter_map(|member| member["email"].as_str().map(str::to_owned));
    emails.chain(world.emails.iter().cloned()).collect()
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
