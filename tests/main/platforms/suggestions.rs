//! Suggested rules: by the Kisi groups that Spacebring gives with its plans and resources, and by the names of TeamUp's and Clubspot's
//! memberships and billing items.

use jiff::ToSpan;
use serde_json::{Value, json};

use super::{
    a_club, clubspot_member, customer, customer_membership, read, read_again, snapshots, user,
    works_at,
};
use crate::support::{api::Source, event::with, world::World};

on_both!(
    what_spacebring_maps_becomes_suggestions,
    a_mapping_that_is_gone_or_may_not_be_read,
    names_that_are_the_same_become_suggestions,
    clubspots_names_become_suggestions,
    a_sender_can_give_groups_itself,
);

const SUGGESTIONS: &str = "query($source: ID!) { suggestRules(source: $source) {
    suggestions {
        group { name } reason message input existing { id } offerings { name kind } preview { effect gainCount lossCount }
        conditions { __typename
            ... on MembershipCondition { offerings { name } }
            ... on RegistrationCondition { offerings { name } opensBefore closesAfter guests }
            ... on PurchaseCondition { offerings { name } } } }
    unknownGroups { kisiId offerings { name } message }
    ambiguousNames { offerings { name } groups { name } message }
    itemGroups { offering { name } kisiId group { name } message }
} }";

async fn suggested(world: &World, source: &Source) -> Value {
    let variables = json!({ "source": source.id });
    world.api.query(SUGGESTIONS, variables).await["suggestRules"].take()
}

/// The group, the reason, the offerings, and whether a rule exists, of each suggestion.
fn outline(found: &Value) -> Vec<String> {
    let suggestions = found["suggestions"].as_array().unwrap();
    let outline = suggestions.iter().map(|one| {
        let names = one["offerings"].as_array().unwrap().iter();
        let names: Vec<&str> = names.map(|it| it["name"].as_str().unwrap()).collect();
        let exists = if one["existing"].is_null() {
            "new"
        } else {
            "existing"
        };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (group, reason) = (text(&one["group"]["name"]), text(&one["reason"]));
        let kind = text(&one["conditions"][0]["__typename"]);
        format!("{group} {kind} {reason} {} {exists}", names.join("+"))
    });
    outline.collect()
}

async fn kisi_id(world: &World, group: &str) -> i64 {
    let query =
        "query($name: String) { groups(filter: { search: $name }) { nodes { name kisiId } } }";
    let found = world.api.query(query, json!({ "name": group })).await;
    let nodes = found["groups"]["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["name"] == group).unwrap();
    node["kisiId"].as_str().unwrap().parse().unwrap()
}

fn plan(id: &str, title: &str, group: Value) -> Value {
    json!({ "id": id, "title": title, "locationRef": "hq", "access": { "kisiGroupRef": group } })
}

fn resource(id: &str, kind: &str, group: Value) -> Value {
    json!({ "id": id, "title": id, "type": kind, "locationRef": "hq", "kisiGroupRef": group })
}

fn subscription(id: &str, name: &str, item_group: Value) -> Value {
    json!({
        "id": id, "status": "active", "subscriptionType": "user", "customerRef": format!("in-{name}"), "locationRef": "hq",
        "customer": { "id": format!("in-{name}"), "type": "user", "user": user(name) },
        "startDate": "2025-01-01T00:00:00+01:00", "period": "month", "timezoneId": "Europe/Berlin",
        "items": [{ "id": "i1", "planRef": "flex", "plan": { "id": "flex", "title": "Flex" }, "kisiGroupRef": item_group }],
    })
}

/// Kisi's groups are Members, Simulator bookings and Staff; every membership gives access to Members by a rule.
async fn a_location(world: &mut World) -> (Source, [i64; 3]) {
    let credentials = json!({ "spacebring": { "clientId": "id", "clientSecret": "key" } });
    let locations = json!([{ "id": "hq", "title": "HQ", "timezoneId": "Europe/Berlin" }]);
    world.platform.list("locations/v1", locations);
    let people = ["ada", "bob"].map(|name| works_at(name, None));
    let people = json!(people);
    world.platform.list("community/memberships/v1", people);
    let source = a_club(world, "SPACEBRING", credentials).await;
    let ids = [
        kisi_id(world, "Members").await,
        kisi_id(world, "Simulator bookings").await,
        kisi_id(world, "Staff").await,
    ];
    read(world, &source).await;
    (source, ids)
}

/// Ada has the plan with its group, Bob the plan with another one.
fn mapped(world: &World, [members, bookings, staff]: [i64; 3]) {
    let plans = json!([
        plan("desk", "Desk", json!(members)),
        plan("flex", "Flex", json!(bookings)),
        plan("old", "Old", json!(999_999)),
        plan("free", "Free", Value::Null),
    ]);
    world.platform.list("plans/v1", plans);
    let resources = json!([
        resource("oak", "meetingRoom", json!(bookings)),
        resource("lot", "parkingLot", json!(staff)),
        resource("sofa", "hotDesk", Value::Null),
    ]);
    world.platform.list("resources/v1", resources);
    let rows = json!([
        subscription("s1", "ada", json!(bookings)),
        subscription("s2", "bob", json!(staff)),
    ]);
    world.platform.list("subscriptions/v1", rows);
}

async fn what_spacebring_maps_becomes_suggestions(world: &mut World) {
    let (source, ids) = a_location(world).await;
    mapped(world, ids);
    read_again(world, &source).await;
    world.manage("Simulator bookings").await;
    let found = suggested(world, &source).await;
    let wanted = [
        "Simulator bookings MembershipCondition PLATFORM_MAPPING Flex new",
        "Simulator bookings RegistrationCondition PLATFORM_MAPPING oak new",
        "Staff RegistrationCondition PLATFORM_MAPPING lot new",
        "Members MembershipCondition PLATFORM_MAPPING Desk existing",
    ];
    assert_eq!(outline(&found), wanted, "{found:#}");
    let [flex, oak, lot, desk] = &found["suggestions"].as_array().unwrap()[..] else {
        panic!("{found:#}");
    };
    let preview =
        |effect: &str, gains: u8| json!({ "effect": effect, "gainCount": gains, "lossCount": 0 });
    // Ada and Bob have the plan. Nobody has a desk, and nobody booked.
    assert_eq!(flex["preview"], preview("ADDS_ONLY", 2));
    assert_eq!(desk["preview"], preview("NONE", 0));
    for (booking, guests) in [(oak, true), (lot, false)] {
        let condition = &booking["conditions"][0];
        let margins = [&condition["opensBefore"], &condition["closesAfter"]];
        assert_eq!(margins, ["PT30M", "PT30M"]);
        assert_eq!(condition["guests"], guests);
    }
    let unknown = &found["unknownGroups"][0];
    assert_eq!(unknown["kisiId"], "999999");
    assert_eq!(unknown["offerings"], json!([{ "name": "Old" }]));
    let message = unknown["message"].as_str().unwrap();
    assert!(
        message.contains("999999 with “Old”") && message.contains("refreshKisi"),
        "{message}"
    );
    let item = &found["itemGroups"][0];
    assert_eq!(item["offering"]["name"], "Flex");
    assert_eq!(item["group"]["name"], "Staff", "bob's item alone differs");
    assert_eq!(found["itemGroups"].as_array().unwrap().len(), 1);
    assert_eq!(found["ambiguousNames"], json!([]));

    // Accepted as they are, also for a group that is not managed yet.
    for one in [flex, oak, lot] {
        let input = [("input", "RuleInput!", one["input"].clone())];
        let created = world.api.mutate("createRule", &input, "rule { id }").await;
        let group = &one["group"]["name"];
        let found = suggested(world, &source).await;
        let suggestions = found["suggestions"].as_array().unwrap();
        let again = suggestions
            .iter()
            .find(|it| it["message"] == one["message"]);
        assert_eq!(again.unwrap()["existing"], created["rule"], "{group}");
    }
    world.settled().await;
    assert_eq!(world.sandbox.assignments_of("ada@example.com").len(), 2);
    assert_others_are_refused(world, &source).await;
}

async fn assert_others_are_refused(world: &World, source: &Source) {
    let query = "query($source: ID!) { suggestRules(source: $source) { suggestions { reason } } }";
    for (api, code) in [
        (world.api.token("APP").await, "FORBIDDEN"),
        (world.api.token("READER").await, "FORBIDDEN"),
        (world.another_club().await, "BAD_USER_INPUT"),
    ] {
        let answer = api.query_raw(query, json!({ "source": source.id })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
    }
}

async fn a_mapping_that_is_gone_or_may_not_be_read(world: &mut World) {
    let (source, ids) = a_location(world).await;
    mapped(world, ids);
    read_again(world, &source).await;
    assert_eq!(
        suggested(world, &source).await["suggestions"]
            .as_array()
            .unwrap()
            .len(),
        4
    );

    // What may not be read stays; everything else is read.
    let forbidden = |_: &_, _| (403, json!({}));
    world.platform.override_response("plans/v1", forbidden);
    let [members, bookings, _] = ids;
    let resources = json!([resource("oak", "meetingRoom", json!(members))]);
    world.platform.list("resources/v1", resources);
    let both = |group: Value| {
        json!([
            subscription("s1", "ada", group.clone()),
            subscription("s2", "bob", group)
        ])
    };
    world
        .platform
        .list("subscriptions/v1", both(json!(bookings)));
    read_again(world, &source).await;
    let found = suggested(world, &source).await;
    let wanted = [
        "Members RegistrationCondition PLATFORM_MAPPING oak new",
        "Simulator bookings MembershipCondition PLATFORM_MAPPING Flex new",
        "Members MembershipCondition PLATFORM_MAPPING Desk existing",
    ];
    assert_eq!(outline(&found), wanted, "the parking lot is gone");
    assert_eq!(found["itemGroups"], json!([]));

    // Without a group of the plan, that of all its items counts.
    world.platform.restore();
    let flex = json!([plan("flex", "Flex", Value::Null)]);
    world.platform.list("plans/v1", flex);
    read_again(world, &source).await;
    let without_desk = &wanted[..2];
    assert_eq!(outline(&suggested(world, &source).await), without_desk);

    // A scheduled reading stores only the differences.
    let begun = snapshots(world).await;
    world.platform.list("subscriptions/v1", both(Value::Null));
    world.turn_to(world.now() + 25.hours());
    read(world, &source).await;
    assert_eq!(snapshots(world).await, begun);
    let wanted = &wanted[..1];
    assert_eq!(outline(&suggested(world, &source).await), wanted);
}

async fn names_that_are_the_same_become_suggestions(world: &mut World) {
    for name in ["Gold Access", "Silver", "SILVER members", "Range pass"] {
        world.sandbox.add_group(name, None, &[1]);
    }
    let customers = json!([customer(1, "ada"), customer(2, "bob"), customer(3, "cy")]);
    world.platform.list("customers", customers);
    let of = |id: u64, name: &str| {
        let membership = json!({ "membership": { "id": id, "name": name }, "name": name });
        with(customer_membership(10 + id, id, "active"), membership)
    };
    let rows = json!([of(1, "Góld membership"), of(2, "Silver"), of(3, "Bronze")]);
    world.platform.list("customer_memberships", rows);
    let source = a_club(world, "TEAMUP", json!({ "teamUp": { "token": "key" } })).await;
    read(world, &source).await;
    world.manage("Gold Access").await;
    let found = suggested(world, &source).await;
    let wanted = ["Gold Access MembershipCondition NAME Góld membership new"];
    assert_eq!(outline(&found), wanted, "{found:#}");
    let one = &found["suggestions"][0];
    let message = "Matched by name: “Góld membership” and the group “Gold Access”.";
    assert_eq!(one["message"], message);
    assert_eq!(one["preview"]["gainCount"], 1);
    let silver = &found["ambiguousNames"][0];
    assert_eq!(silver["offerings"], json!([{ "name": "Silver" }]));
    let groups = json!([{ "name": "Silver" }, { "name": "SILVER members" }]);
    assert_eq!(silver["groups"], groups);
    let input = [("input", "RuleInput!", one["input"].clone())];
    world.api.mutate("createRule", &input, "rule { id }").await;
    let wanted = ["Gold Access MembershipCondition NAME Góld membership existing"];
    assert_eq!(outline(&suggested(world, &source).await), wanted);
}

async fn clubspots_names_become_suggestions(world: &mut World) {
    for name in ["Range pass", "Full members"] {
        world.sandbox.add_group(name, None, &[1]);
    }
    let members = json!([clubspot_member("ada", "active")]);
    world.platform.list("members", members);
    let item = json!({
        "id": "l1", "member_id": "m-ada", "item": { "id": "range", "name": "Range Pass" }, "status": "paid",
        "start_date": "2025-06-01", "end_date": "2026-12-31",
    });
    world.platform.list("line-items", json!([item]));
    let credentials = json!({ "clubspot": { "apiKey": "key", "clubId": "club" } });
    let source = a_club(world, "CLUBSPOT", credentials).await;
    read(world, &source).await;
    let wanted = [
        "Full members MembershipCondition NAME Full new",
        "Range pass PurchaseCondition NAME Range Pass new",
    ];
    assert_eq!(outline(&suggested(world, &source).await), wanted);
}

async fn a_sender_can_give_groups_itself(world: &mut World) {
    world.connect().await;
    let source = world.api.source("Own").await;
    let group = kisi_id(world, "Staff").await;
    let offering = |group: Value| json!({ "id": "w", "kind": "resource", "name": "Workshop", "kisi_group": group });
    world
        .send(&source, "offering.updated", offering(json!(group)))
        .await;
    world.settled().await;
    let wanted = ["Staff RegistrationCondition PLATFORM_MAPPING Workshop new"];
    assert_eq!(outline(&suggested(world, &source).await), wanted);
    let body = json!({ "type": "offering.updated", "timestamp": world.now().to_string(), "data": offering(json!("Staff")) });
    let answer = world.post(&source, &body).await;
    assert_eq!(answer.status, 422, "{:?}", answer.body);
    assert_eq!(answer.body["field"], "data.kisi_group");
}
