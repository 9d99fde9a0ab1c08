//! Unusual events and edits that are accepted: they are shown as sent, settle, and leave Kisi in the desired state.

use jiff::ToSpan;
use serde_json::json;

use crate::support::{
    api::Source,
    event::{booking, event, membership, person, with},
    world::{Setup, World},
};

on_both!(
    a_person_without_an_address_is_listed_and_not_in_kisi,
    a_guest_without_an_address_becomes_no_member,
    a_rule_needs_a_condition,
    an_event_that_nothing_depends_on_writes_nothing,
    a_late_older_event_undoes_nothing,
    two_people_under_one_address_are_one_member,
    a_failed_delivery_stays_failed_when_it_is_replayed,
    numeric_ids_and_non_ascii_letters_are_accepted,
    repeated_changes_within_one_instant_settle,
);
on_both!(with Setup { settings: vec![("HORIZON", "P1D")], ..Setup::default() }; access_beyond_the_horizon_waits);

/// A club with a rule that gives every membership access to the group Members.
async fn a_club(world: &mut World) -> Source {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world.settled().await;
    world.sandbox.clear_calls();
    source
}

async fn a_person_without_an_address_is_listed_and_not_in_kisi(world: &mut World) {
    let source = a_club(world).await;
    let nobody = with(
        membership("m1", "ada"),
        json!({ "member": { "id": "ada", "name": "Ada" } }),
    );
    let delivery = world.send(&source, "membership.updated", nobody).await;
    world.settled().await;
    assert_eq!(
        world.sandbox.writes(),
        [],
        "Kisi has no user without an address"
    );
    let query = "query($id: ID!) { node(id: $id) { ... on Delivery { status settledAt members { name email problems { code } } } } }";
    let response = world.api.query(query, json!({ "id": delivery })).await;
    assert_eq!(
        response["node"]["members"],
        json!([{ "name": "Ada", "email": null, "problems": [{ "code": "NO_EMAIL" }] }])
    );
    assert_ne!(response["node"]["status"], "ACCEPTED");
    world.send(&source, "member.updated", person("ada")).await;
    world.settled().await;
    assert_eq!(
        world.sandbox.assignments_of("ada@example.com").len(),
        1,
        "the address was the only thing missing"
    );
}

async fn a_guest_without_an_address_becomes_no_member(world: &mut World) {
    let source = a_club(world).await;
    let rooms = world.manage("Simulator bookings").await;
    world.rule(&rooms, json!([{ "registration": {} }])).await;
    let start = world.now() + 2.hours();
    let odd = with(
        booking("b1", "ada", start, start + 1.hours(), &[]),
        json!({ "guests": [{ "name": "Somebody" }, person("bob")] }),
    );
    world.send(&source, "registration.updated", odd).await;
    world.settled().await;
    for (who, rows) in [("ada@example.com", 1), ("bob@example.com", 1)] {
        assert_eq!(world.sandbox.assignments_of(who).len(), rows, "{who}");
    }
    let response = world
        .api
        .query("{ members { totalCount } }", json!({}))
        .await;
    assert_eq!(response["members"]["totalCount"], 2);
}

async fn a_rule_needs_a_condition(world: &mut World) {
    world.connect().await;
    let members = world.manage("Members").await;
    let rule = |target: &str, conditions| {
        [(
            "input",
            "RuleInput!",
            json!({ "name": "r", "target": target, "conditions": conditions }),
        )]
    };
    for (name, target, conditions, code) in [
        ("no condition", &members, json!([]), "INVALID"),
        (
            "a grace period without a length",
            &members,
            json!([{ "membership": { "whenBlocked": "GRACE" } }]),
            "INVALID",
        ),
        (
            "no tag",
            &members,
            json!([{ "tag": { "tags": [] } }]),
            "INVALID",
        ),
        (
            "an empty day",
            &members,
            json!([{ "schedule": { "days": ["MONDAY"], "from": "10:00", "until": "10:00" } }]),
            "INVALID",
        ),
    ] {
        assert_eq!(
            world
                .api
                .refusals("createRule", &rule(target, conditions))
                .await,
            [code],
            "{name}"
        );
    }
    let both = world.api.query_raw(
        "mutation($input: RuleInput!) { createRule(input: $input) { rule { id } } }",
        json!({ "input": { "name": "r", "target": members, "conditions": [{ "membership": {}, "tag": { "tags": ["a"] } }] } }),
    );
    assert!(
        both.await["errors"].is_array(),
        "a condition has exactly one kind"
    );
    let rules = world.api.query("{ rules { totalCount } }", json!({})).await;
    assert_eq!(rules["rules"]["totalCount"], 0);
}

async fn an_event_that_nothing_depends_on_writes_nothing(world: &mut World) {
    let source = a_club(world).await;
    let bought =
        json!({ "id": "p1", "item": { "id": "pass" }, "member": person("wil"), "status": "paid" });
    world.send(&source, "purchase.updated", bought).await;
    world
        .send(
            &source,
            "offering.updated",
            json!({ "id": "tin", "kind": "membership", "name": "Tin" }),
        )
        .await;
    world.send(&source, "member.updated", person("zoe")).await;
    world
        .send(&source, "membership.deleted", json!({ "id": "never-seen" }))
        .await;
    world
        .send(&source, "member.deleted", json!({ "id": "never-seen" }))
        .await;
    world.settled().await;
    assert_eq!(world.sandbox.writes(), []);
    let first = membership("m1", "ada");
    world
        .send(&source, "membership.updated", first.clone())
        .await;
    world.settled().await;
    world.sandbox.clear_calls();
    world.send(&source, "membership.updated", first).await;
    world.settled().await;
    assert_eq!(
        world.sandbox.calls(),
        [],
        "the same event again causes no calls"
    );
}

async fn a_late_older_event_undoes_nothing(world: &mut World) {
    let source = a_club(world).await;
    let at = |minutes: i64, data| {
        crate::support::event::event(
            "membership.updated",
            "2026-01-05T07:00:00Z".parse::<jiff::Timestamp>().unwrap() + minutes.minutes(),
            &data,
        )
    };
    let ended = with(membership("m1", "ada"), json!({ "status": "ended" }));
    for (minute, data, rows) in [
        (30, ended, 0),
        (20, membership("m1", "ada"), 0),
        (40, membership("m1", "ada"), 1),
    ] {
        assert_eq!(world.post(&source, &at(minute, data)).await.status, 202);
        world.settled().await;
        assert_eq!(
            world.sandbox.assignments_of("ada@example.com").len(),
            rows,
            "after the event of minute {minute}"
        );
    }
}

async fn two_people_under_one_address_are_one_member(world: &mut World) {
    let source = a_club(world).await;
    let other = world.api.source("Other desk").await;
    world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    let same = with(
        membership("x9", "ada"),
        json!({ "member": { "id": "77", "email": " ADA@example.com ", "name": "Ada L" } }),
    );
    world.send(&other, "membership.updated", same).await;
    world.settled().await;
    let response = world
        .api
        .query(
            "{ members { totalCount nodes { email entitlements { externalId } } } }",
            json!({}),
        )
        .await;
    assert_eq!(response["members"]["totalCount"], 1, "{response}");
    assert_eq!(
        response["members"]["nodes"][0]["entitlements"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(world.sandbox.assignments_of("ada@example.com").len(), 1);
    world
        .send(&source, "membership.deleted", json!({ "id": "m1" }))
        .await;
    world.settled().await;
    assert_eq!(
        world.sandbox.assignments_of("ada@example.com").len(),
        1,
        "the other source's membership still gives access"
    );
}

async fn a_failed_delivery_stays_failed_when_it_is_replayed(world: &mut World) {
    let source = a_club(world).await;
    let body =
        json!({ "type": "weather.updated", "timestamp": "2026-01-05T08:00:00Z", "data": {} });
    let failed = world.post(&source, &body).await.delivery();
    let good = world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    world.settled().await;
    world.sandbox.clear_calls();
    for (delivery, status) in [(failed, "FAILED"), (good, "SETTLED")] {
        world
            .api
            .mutate(
                "replayDelivery",
                &[("delivery", "ID!", json!(delivery))],
                "delivery { id }",
            )
            .await;
        world.settled().await;
        let query = "query($id: ID!) { node(id: $id) { ... on Delivery { status } } }";
        let response = world.api.query(query, json!({ "id": delivery })).await;
        assert_eq!(response["node"]["status"], status);
    }
    assert_eq!(
        world.sandbox.calls(),
        [],
        "a replay of a processed delivery causes no calls"
    );
}

async fn numeric_ids_and_non_ascii_letters_are_accepted(world: &mut World) {
    let source = a_club(world).await;
    let odd = json!({ "id": 42, "plan": { "id": 7, "name": "Größe ∞ 🎾" }, "status": "active",
        "member": { "id": 9, "email": "zoë+golf@example.com", "name": "Zoë \u{202e}' OR 1=1 --" } });
    world.send(&source, "membership.updated", odd).await;
    world.settled().await;
    assert_eq!(
        world.sandbox.assignments_of("zoë+golf@example.com").len(),
        1
    );
    let late = json!({ "id": "42" });
    world.turn_to(world.now() + 1.seconds());
    world.send(&source, "membership.deleted", late).await;
    world.settled().await;
    assert_eq!(
        world.sandbox.assignments_of("zoë+golf@example.com"),
        [],
        "42 and \"42\" are the same id"
    );
}

async fn access_beyond_the_horizon_waits(world: &mut World) {
    let source = a_club(world).await;
    let rooms = world.manage("Simulator bookings").await;
    world.rule(&rooms, json!([{ "registration": {} }])).await;
    let start = world.now() + 72.hours();
    world
        .send(
            &source,
            "registration.updated",
            booking("b1", "ada", start, start + 1.hours(), &[]),
        )
        .await;
    world.settled().await;
    assert_eq!(
        world.sandbox.writes(),
        [],
        "the access begins beyond the horizon"
    );
    world.turn_to(start - 20.hours());
    world.settled().await;
    let rows = world.sandbox.assignments_of("ada@example.com");
    assert_eq!(
        rows.len(),
        1,
        "within the horizon, the access is in Kisi: {rows:?}"
    );
    assert_eq!(
        (rows[0].from, rows[0].until),
        (Some(start - 30.minutes()), Some(start + 90.minutes()))
    );
    // The check at the end looks a week ahead, beyond the horizon of one day: move past the booking.
    world.turn_to(start + 3.hours());
}

async fn repeated_changes_within_one_instant_settle(world: &mut World) {
    let source = a_club(world).await;
    world.emails.insert("ada@example.com".to_owned());
    for (nth, status) in ["active", "ended", "active", "ended", "active"]
        .iter()
        .enumerate()
    {
        let data = with(membership("m1", "ada"), json!({ "status": status }));
        let body = event("membership.updated", world.now(), &data);
        let signed = world.signed(
            &source,
            &format!("msg_{nth}"),
            body.to_string().into_bytes(),
        );
        assert_eq!(world.api.deliver(&source, signed).await.status, 202);
        world.settled().await;
        let rows = world.sandbox.assignments_of("ada@example.com").len();
        assert_eq!(
            rows,
            usize::from(*status == "active"),
            "event {nth}: {status}"
        );
    }
}
