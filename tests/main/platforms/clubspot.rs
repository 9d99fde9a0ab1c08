//! Clubspot's help page, sentence by sentence, from Clubspot's own data, and with events where its API has none.

use jiff::ToSpan;
use serde_json::{Value, json};

use super::{a_club, clubspot_member, in_kisi, problem, read, read_again, request_reading, state};
use crate::support::{
    api::{Source, eventually},
    event::with,
    world::World,
};

on_both!(
    an_unknown_status_concerns_its_membership_alone,
    rules_can_be_based_on_billing_items,
    rules_can_be_based_on_existing_reservations,
    a_household_shares_its_membership_unless_switched_off,
    a_response_may_be_the_list_alone,
);

async fn a_clubspot(world: &mut World, members: Value) -> Source {
    world.platform.list("members", members);
    let credentials = json!({ "clubspot": { "apiKey": "key", "clubId": "club" } });
    a_club(world, "CLUBSPOT", credentials).await
}

async fn update(world: &World, source: &Source, changes: Value) {
    let input = with(json!({ "source": source.id }), changes);
    let input = [("input", "UpdateSourceInput!", input)];
    world
        .api
        .mutate("updateSource", &input, "source { id }")
        .await;
}

async fn unknown(world: &World, source: &Source) -> Value {
    let query = "query($id: ID!) { node(id: $id) { ... on Source { unknownStatuses statusMappings { status meaning } } } }";
    let response = world.api.query(query, json!({ "id": source.id })).await;
    response["node"].clone()
}

async fn an_unknown_status_concerns_its_membership_alone(world: &mut World) {
    let members = json!([
        clubspot_member("ada", "active"),
        clubspot_member("bob", "active")
    ]);
    let source = a_clubspot(world, members).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 1, 0]);
    // Ada's status is unknown now, Bob's has ended, and Cy, who is new, has an unknown one from the start.
    let members = json!([
        clubspot_member("ada", "Resting"),
        clubspot_member("bob", "cancelled"),
        clubspot_member("cy", "resting"),
    ]);
    world.platform.list("members", members);
    world.turn_to(world.now() + 1.hour());
    request_reading(world, &source).await;
    problem(world, &source, "“resting” (2)").await;
    world.settled().await;
    assert_eq!(in_kisi(world), [1, 0, 0], "ada's stays as it was");
    assert_eq!(
        unknown(world, &source).await["unknownStatuses"],
        json!(["resting"])
    );

    let active = json!({ "statusMappings": [{ "status": "Resting", "meaning": "ACTIVE" }] });
    update(world, &source, active).await;
    let none = async || state(world, &source).await.1.is_null().then_some(());
    eventually(none, async || "the problem is still there".to_owned()).await;
    world.settled().await;
    assert_eq!(in_kisi(world), [1, 0, 1]);
    let said = unknown(world, &source).await;
    assert_eq!(said["unknownStatuses"], json!([]));
    assert_eq!(
        said["statusMappings"],
        json!([{ "status": "resting", "meaning": "ACTIVE" }])
    );
    let ended = json!({ "statusMappings": [{ "status": "resting", "meaning": "ENDED" }] });
    world.turn_to(world.now() + 1.minute());
    update(world, &source, ended).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [0, 0, 0]);
}

async fn rules_can_be_based_on_billing_items(world: &mut World) {
    let members = ["ada", "bob"].map(|name| {
        with(
            clubspot_member(name, "active"),
            json!({ "membership": null }),
        )
    });
    let item = |id: &str, member: &str, status: &str| {
        json!({
            "id": id, "member_id": format!("m-{member}"), "item": { "id": "range", "name": "Driving range pass" },
            "status": status, "start_date": "2025-06-01", "end_date": "2026-12-31",
        })
    };
    let rows = json!([item("l1", "ada", "paid"), item("l2", "bob", "refunded")]);
    world.platform.list("line-items", rows);
    let source = a_clubspot(world, json!(members)).await;
    read(world, &source).await;
    let group = world.manage("Simulator bookings").await;
    let query = "{ offerings(first: 9) { nodes { id name } } }";
    let response = world.api.query(query, json!({})).await;
    let nodes = response["offerings"]["nodes"].as_array().unwrap();
    let range = nodes
        .iter()
        .find(|node| node["name"] == "Driving range pass");
    let offerings = json!([range.unwrap()["id"]]);
    let condition = json!({ "purchase": { "offerings": offerings } });
    world.rule(&group, json!([condition])).await;
    world.settled().await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
    let asked = &world.platform.asked("line-items")[0].query;
    assert_eq!(asked["club_id"], "club");
    assert!(asked["start_date"] < asked["end_date"]);

    // A key that may not read billing items is no reason to take what was bought.
    world
        .platform
        .override_response("line-items", |_, _| (403, json!({})));
    read_again(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
}

async fn rules_can_be_based_on_existing_reservations(world: &mut World) {
    let member = with(
        clubspot_member("ada", "active"),
        json!({ "membership": null }),
    );
    let source = a_clubspot(world, json!([member])).await;
    read(world, &source).await;
    let group = world.manage("Simulator bookings").await;
    world
        .rule(
            &group,
            json!([{ "registration": { "kinds": ["RESOURCE"] } }]),
        )
        .await;
    let starts = world.now() + 2.hours();
    let reservation = json!({
        "id": "r1", "kind": "resource", "item": { "id": "simulator", "name": "Simulator 1" }, "member": { "id": "m-ada" },
        "status": "confirmed", "starts_at": starts.to_string(), "ends_at": (starts + 1.hour()).to_string(),
    });
    world
        .send(&source, "registration.updated", reservation)
        .await;
    world.settled().await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
    read_again(world, &source).await;
    assert_eq!(
        in_kisi(world),
        [1, 0, 0],
        "readings say nothing about reservations"
    );
}

async fn a_household_shares_its_membership_unless_switched_off(world: &mut World) {
    let primary = with(
        clubspot_member("ada", "active"),
        json!({ "is_primary": true }),
    );
    let members = json!([primary, clubspot_member("bob", "active")]);
    let source = a_clubspot(world, members).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 1, 0]);
    world.turn_to(world.now() + 1.minute());
    update(world, &source, json!({ "primaryMembersOnly": true })).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
    world.turn_to(world.now() + 1.minute());
    update(world, &source, json!({ "primaryMembersOnly": false })).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 1, 0]);
    let wrong = json!({ "name": "Books", "platform": "CANONICAL", "primaryMembersOnly": true });
    let input = [("input", "CreateSourceInput!", wrong)];
    let refused = world.api.refusals("createSource", &input);
    assert_eq!(refused.await, ["INVALID"]);
}

async fn a_response_may_be_the_list_alone(world: &mut World) {
    world.platform.override_response("members", |_, page| {
        (
            200,
            json!({ "members": page["data"]["members"], "has_more": page["has_more"] }),
        )
    });
    let source = a_clubspot(world, json!([clubspot_member("ada", "active")])).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
}
