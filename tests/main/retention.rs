//! What is kept for a limited time: after it bodies, history and superseded versions are gone, the current state is not, and what
//! depends on them says so.

use jiff::ToSpan;
use latchkey::retention;
use serde_json::{Value, json};

use crate::support::{
    event::{email, membership, with},
    world::{Setup, World},
};

on_both!(with short(); what_is_old_goes_and_the_present_stays);

fn short() -> Setup {
    Setup {
        settings: vec![
            ("KEEP_BODIES", "P7D"),
            ("KEEP_HISTORY", "P31D"),
            ("KEEP_VERSIONS", "P31D"),
        ],
        ..Setup::default()
    }
}

async fn prune(world: &World) -> usize {
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    retention::prune(world.app(), &stopping).await.unwrap()
}

/// Waits this many days and settles the work that this makes due.
async fn wait(world: &World, days: i64) {
    for _ in 0..days {
        world.turn_to(world.now() + 24.hours());
        world.settled().await;
    }
}

async fn delivery(world: &World, id: &str) -> Value {
    let query = "query($id: ID!) { node(id: $id) { ... on Delivery { status body bodyRemoved attempts } } }";
    let found = world.api.query(query, json!({ "id": id })).await;
    found["node"].clone()
}

async fn explanation(world: &World, group: &str, known: Option<jiff::Timestamp>) -> Value {
    let member = world.api.member(&email("ann")).await.unwrap();
    let query = "query($member: ID!, $target: ID!, $at: DateTime, $known: DateTime) {
        explain(member: $member, target: $target, at: $at, asKnownAt: $known) { decision { allowed code until } } }";
    let at = known.unwrap_or_else(|| world.now()).to_string();
    let known = known.map(|known| known.to_string());
    let arguments = json!({ "member": member, "target": group, "at": at, "known": known });
    world.api.query_raw(query, arguments).await
}

async fn history(world: &World, after: Option<&str>) -> Value {
    let query = "query($after: String) { history(first: 1, after: $after) {
        totalCount nodes { kind } pageInfo { endCursor } } }";
    let found = world.api.query(query, json!({ "after": after })).await;
    found["history"].clone()
}

async fn what_is_old_goes_and_the_present_stays(world: &mut World) {
    world.connect().await;
    let source = world.api.source("Books").await;
    let group = world.manage("Members").await;
    let plan = json!([{ "membership": {} }]);
    world.rule(&group, plan).await;
    let first = world
        .send(&source, "membership.updated", membership("m-ann", "ann"))
        .await;
    world.settled().await;
    let broken = json!({ "type": "membership.updated", "timestamp": "yesterday", "data": {} });
    let broken = world.post(&source, &broken).await.delivery();
    let beginning = world.now();
    wait(world, 8).await;

    // After the time for bodies, they are gone where nobody needs them.
    assert!(prune(world).await > 0);
    let said = delivery(world, &first).await;
    assert_eq!(
        (&said["body"], &said["bodyRemoved"]),
        (&Value::Null, &json!("EXPIRED"))
    );
    let failed = delivery(world, &broken).await;
    assert!(failed["body"].as_str().unwrap().contains("yesterday"));
    assert_eq!(failed["bodyRemoved"], Value::Null);
    let argument = ("delivery", "ID!", json!(first));
    let again = world.api.refusals("replayDelivery", &[argument]).await;
    assert_eq!(again, ["NOT_RETAINED"]);
    // The sender's repeat is still recognised.
    let body = crate::support::event::event(
        "membership.updated",
        world.now(),
        &membership("m-ann", "ann"),
    );
    let repeat = world.signed(&source, "msg_000001", body.to_string().into_bytes());
    assert_eq!(
        world.api.deliver(&source, repeat).await.word(),
        (200, "duplicate")
    );
    assert_eq!(delivery(world, &first).await["attempts"], 2);

    // Versions and history of the time that is kept stay.
    let before = explanation(world, &group, Some(beginning)).await;
    assert_eq!(before["data"]["explain"]["decision"]["allowed"], true);
    let over = with(membership("m-ann", "ann"), json!({ "status": "ended" }));
    world.send(&source, "membership.updated", over).await;
    world.settled().await;
    assert_eq!(explanation(world, &group, Some(beginning)).await, before);
    let newest = history(world, None).await;
    let cursor = newest["pageInfo"]["endCursor"].as_str().unwrap();
    let entries = newest["totalCount"].as_u64().unwrap();
    wait(world, 29).await;
    prune(world).await;
    let kept = history(world, Some(cursor)).await;
    assert!(kept["totalCount"].as_u64().unwrap() < entries, "{kept}");
    assert_eq!(
        delivery(world, &first).await,
        Value::Null,
        "its row is gone"
    );
    assert_eq!(explanation(world, &group, Some(beginning)).await, before);

    // After the time for versions, the superseded one is gone, and an earlier state is refused.
    wait(world, 4).await;
    assert!(prune(world).await > 0);
    let refused = explanation(world, &group, Some(beginning)).await;
    let error = &refused["errors"][0]["extensions"];
    assert_eq!(error["code"], "NOT_RETAINED", "{refused}");
    let since = world
        .api
        .query("{ club { knownSince } }", Value::Null)
        .await;
    assert_eq!(since["club"]["knownSince"], error["knownSince"]);
    let since: jiff::Timestamp = error["knownSince"].as_str().unwrap().parse().unwrap();
    let then = explanation(world, &group, Some(since)).await;
    assert_eq!(
        then["data"]["explain"]["decision"]["allowed"], false,
        "{then}"
    );
    let now = explanation(world, &group, None).await;
    assert_eq!(now["data"]["explain"]["decision"]["allowed"], false);
    assert_eq!(
        history(world, Some(cursor)).await["nodes"],
        json!([]),
        "a cursor of an entry that is gone"
    );
    assert_eq!(prune(world).await, 0, "nothing is left to prune");
    // An event after it is applied to the version that stayed.
    world
        .send(&source, "membership.updated", membership("m-ann", "ann"))
        .await;
    world.settled().await;
    let now = explanation(world, &group, None).await;
    assert_eq!(now["data"]["explain"]["decision"]["allowed"], true);
}
