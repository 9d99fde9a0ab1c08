//! Subscriptions over a WebSocket: who may connect, what is sent and when, and how the connection ends. On both databases.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    event,
    socket::{PROTOCOL, ServerMessage, Socket},
    world::{Database, Setup, World},
};

const DELIVERIES: &str =
    "subscription { deliveries { externalId status settledAt source { name } } }";
const EVENTS: &str = "subscription { accessEvents { kind cause member { email } } }";

on_both!(
    deliveries_are_sent_when_they_arrive_and_settle,
    access_changes_are_sent_to_subscribers,
    queries_and_mutations_run_over_the_socket,
    errors_have_a_code_and_end_only_their_operation,
    a_socket_without_a_valid_token_is_closed,
    a_revoked_token_ends_its_socket,
    a_club_receives_no_events_of_another,
    ids_of_another_club_subscribe_to_nothing,
    the_service_closes_its_sockets_when_it_stops,
);

async fn deliveries_are_sent_when_they_arrive_and_settle(world: &mut World) {
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    let source = world.api.source("desk").await;
    world
        .send(
            &source,
            "membership.updated",
            event::membership("before", "bo"),
        )
        .await;
    world.settled().await;
    let mut socket = Socket::open(&world.api).await;
    socket.subscribe("all", DELIVERIES).await;
    world
        .send(
            &source,
            "membership.updated",
            event::membership("m1", "ann"),
        )
        .await;
    let mut statuses = Vec::new();
    while statuses.last() != Some(&json!("SETTLED")) {
        let event = socket.event("all").await["deliveries"].take();
        assert_eq!(event["externalId"], "msg_000002");
        assert_eq!(event["source"]["name"], "desk");
        assert_eq!(event["settledAt"].is_null(), event["status"] != "SETTLED");
        statuses.push(event["status"].clone());
    }
    // The delivery may have settled before its first state was read.
    let both = [json!("ACCEPTED"), json!("SETTLED")];
    assert!(statuses == both || statuses == both[1..], "{statuses:?}");
    // A failed delivery waits for no member: it is sent once, in its final state.
    let failed = world.post(&source, &json!({ "type": "nonsense" })).await;
    assert_eq!(failed.status, 422);
    assert_eq!(socket.event("all").await["deliveries"]["status"], "FAILED");
}

async fn access_changes_are_sent_to_subscribers(world: &mut World) {
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    let source = world.api.source("desk").await;
    let mut socket = Socket::open(&world.api).await;
    socket.subscribe("all", EVENTS).await;
    let narrowed = "subscription { accessEvents(filter: {kinds: [REVOKED]}) { kind } }";
    socket.subscribe("revoked", narrowed).await;
    world
        .send(
            &source,
            "membership.updated",
            event::membership("m1", "ann"),
        )
        .await;
    let granted = socket.event("all").await["accessEvents"].take();
    assert_eq!(granted["kind"], "GRANTED", "{granted}");
    assert_eq!(granted["member"]["email"], "ann@example.com");
    socket
        .send(&json!({ "id": "all", "type": "complete" }))
        .await;
    world
        .send(&source, "membership.deleted", json!({ "id": "m1" }))
        .await;
    let revoked = socket.event("revoked").await;
    assert_eq!(revoked, json!({ "accessEvents": { "kind": "REVOKED" } }));
    // The id can be used again.
    socket.subscribe("all", EVENTS).await;
}

async fn queries_and_mutations_run_over_the_socket(world: &mut World) {
    let mut socket = Socket::open(&world.api).await;
    socket.ask("q", "{ club { name } }").await;
    assert_eq!(socket.event("q").await["club"]["name"], "Example Club");
    assert_eq!(
        socket.text().await,
        json!({ "id": "q", "type": "complete" })
    );
    let mutation = "mutation { createSource(input: {name: \"desk\", platform: CANONICAL}) { source { name } userErrors { code } } }";
    socket.ask("q", mutation).await;
    let payload = socket.event("q").await["createSource"].take();
    assert_eq!(payload["source"]["name"], "desk", "{payload}");
    assert_eq!(
        socket.text().await,
        json!({ "id": "q", "type": "complete" })
    );
}

/// The error code of an operation that fails.
async fn refusal(socket: &mut Socket, query: &str) -> Value {
    socket.ask("x", query).await;
    let message = socket.text().await;
    assert_eq!(
        (&message["id"], &message["type"]),
        (&json!("x"), &json!("error")),
        "{message}"
    );
    let extensions = &message["payload"][0]["extensions"];
    assert!(extensions["requestId"].is_string(), "{message}");
    extensions["code"].clone()
}

async fn errors_have_a_code_and_end_only_their_operation(world: &mut World) {
    let mut socket = Socket::open(&world.api).await;
    for (query, code) in [
        ("nonsense", "BAD_USER_INPUT"),
        ("subscription { nothing }", "BAD_USER_INPUT"),
        (
            "subscription { deliveries(source: \"x\") { id } }",
            "BAD_USER_INPUT",
        ),
        (
            "subscription { deliveries { id } accessEvents { id } }",
            "BAD_USER_INPUT",
        ),
        (
            "subscription { ...F } fragment F on Subscription { deliveries { id } }",
            "BAD_USER_INPUT",
        ),
    ] {
        assert_eq!(refusal(&mut socket, query).await, code, "{query}");
    }
    for n in 0..64 {
        socket.subscribe(&n.to_string(), DELIVERIES).await;
    }
    assert_eq!(refusal(&mut socket, DELIVERIES).await, "TOO_COMPLEX");
    socket.send(&json!({ "id": "0", "type": "complete" })).await;
    socket.subscribe("x", DELIVERIES).await;
    let over_http = world.api.query_raw(DELIVERIES, json!({})).await;
    assert_eq!(
        over_http["errors"][0]["extensions"]["code"],
        "BAD_USER_INPUT"
    );
}

async fn a_socket_without_a_valid_token_is_closed(world: &mut World) {
    let mut socket = Socket::shake(&world.api, &[PROTOCOL]).await.unwrap();
    socket.greet("nonsense").await;
    assert_eq!(socket.closed().await, 4403);
    let mut socket = Socket::shake(&world.api, &[PROTOCOL]).await.unwrap();
    socket.send(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.closed().await, 4403);
    let mut socket = Socket::shake(&world.api, &[PROTOCOL]).await.unwrap();
    socket.ask("q", "{ club { name } }").await;
    assert_eq!(socket.closed().await, 4401);
    let mut socket = Socket::shake(&world.api, &[PROTOCOL]).await.unwrap();
    assert_eq!(socket.closed().await, 4408);
    let mut socket = Socket::open(&world.api).await;
    socket.greet(&world.api.token).await;
    assert_eq!(socket.closed().await, 4429);
    let mut socket = Socket::open(&world.api).await;
    socket.subscribe("a", DELIVERIES).await;
    socket.ask("a", DELIVERIES).await;
    assert_eq!(socket.closed().await, 4409);
    let mut socket = Socket::open(&world.api).await;
    socket.frame(0x82, b"binary").await;
    assert_eq!(socket.closed().await, 4400);
    let mut socket = Socket::open(&world.api).await;
    socket.frame(0x81, &vec![b' '; 300 * 1024]).await;
    assert_eq!(socket.closed().await, 1009);
    let mut socket = Socket::open(&world.api).await;
    socket.frame(0x88, &1000_u16.to_be_bytes()).await;
    assert_eq!(socket.closed().await, 1000);
    for (headers, status) in [
        (vec![], 400),
        (vec!["Sec-WebSocket-Protocol: graphql-ws"], 400),
        (vec![PROTOCOL, "Origin: https://evil.example.com"], 403),
        (vec![PROTOCOL, "Origin: null"], 403),
    ] {
        assert_eq!(
            Socket::shake(&world.api, &headers).await.err(),
            Some(status)
        );
    }
    let own = format!("Origin: {}", world.api.base);
    assert!(Socket::shake(&world.api, &[PROTOCOL, &own]).await.is_ok());
}

async fn a_revoked_token_ends_its_socket(world: &mut World) {
    let input = json!({ "name": "screen", "role": "READER" });
    let payload = world
        .api
        .mutate(
            "createToken",
            &[("input", "CreateTokenInput!", input)],
            "token",
        )
        .await;
    let mut screen = world.api.clone();
    screen.token = payload["token"].as_str().unwrap().to_owned();
    let mut socket = Socket::open(&screen).await;
    socket.subscribe("a", DELIVERIES).await;
    let mut admin = Socket::open(&world.api).await;
    world
        .api
        .mutate(
            "revokeToken",
            &[("name", "String!", json!("screen"))],
            "revoked",
        )
        .await;
    assert_eq!(socket.closed().await, 4403);
    admin.subscribe("a", DELIVERIES).await;
}

async fn a_club_receives_no_events_of_another(world: &mut World) {
    let theirs = world.another_club().await;
    let mut socket = Socket::open(&theirs).await;
    socket.subscribe("a", DELIVERIES).await;
    let ours = world.api.source("ours").await;
    world.post(&ours, &json!({ "type": "nonsense" })).await;
    let source = theirs.source("theirs").await;
    let signed = world.signed(&source, "theirs", b"{}".to_vec());
    theirs.deliver(&source, signed).await;
    let message = socket.event("a").await;
    assert_eq!(message["deliveries"]["externalId"], "theirs", "{message}");
}

async fn ids_of_another_club_subscribe_to_nothing(world: &mut World) {
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    let source = world.api.source("ours").await;
    let joins = event::membership("m1", "ann");
    world.send(&source, "membership.updated", joins).await;
    world.settled().await;
    let ann = world.api.member("ann@example.com").await.unwrap();
    let theirs = world.another_club().await;
    let mut socket = Socket::open(&theirs).await;
    for (id, listened) in [
        (
            "source",
            format!("deliveries(source: \"{}\") {{ id }}", source.id),
        ),
        (
            "member",
            format!("accessEvents(filter: {{ member: \"{ann}\" }}) {{ id }}"),
        ),
        (
            "target",
            format!("accessEvents(filter: {{ target: \"{group}\" }}) {{ id }}"),
        ),
    ] {
        let document = format!("subscription {{ {listened} }}");
        socket.subscribe(id, &document).await;
    }
    socket.subscribe("own", DELIVERIES).await;
    let leaves = json!({ "id": "m1" });
    world.send(&source, "membership.deleted", leaves).await;
    world.settled().await;
    let own = theirs.source("theirs").await;
    let signed = world.signed(&own, "theirs", b"{}".to_vec());
    theirs.deliver(&own, signed).await;
    // Any event about the first club would arrive earlier.
    let message = socket.text().await;
    let delivery = &message["payload"]["data"]["deliveries"];
    assert_eq!(delivery["externalId"], "theirs", "{message}");
}

async fn the_service_closes_its_sockets_when_it_stops(world: &mut World) {
    let mut socket = Socket::open(&world.api).await;
    socket.subscribe("a", DELIVERIES).await;
    let ended = async {
        match socket.said().await {
            ServerMessage::Text(message) => {
                assert_eq!(message, json!({ "id": "a", "type": "complete" }));
                socket.closed().await
            }
            ServerMessage::Closed(code, _) => code,
            ServerMessage::Gone => panic!("the connection ended without a close frame"),
        }
    };
    let (code, ()) = tokio::join!(ended, world.stop());
    assert_eq!(code, 1001);
    world.start_again().await;
}

/// A delivery that one process receives is sent to the subscribers of another process on the same database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_of_another_process_receives_events() {
    for database in [Database::Sqlite, Database::Postgres] {
        let Some(mut world) = World::start(database, Setup::default()).await else {
            continue;
        };
        let other = world.beside().await;
        let mut socket = Socket::open(&world.api.at(other.base.clone())).await;
        socket.subscribe("a", DELIVERIES).await;
        let source = world.api.source("desk").await;
        world.post(&source, &json!({ "type": "nonsense" })).await;
        let message = tokio::time::timeout(Duration::from_secs(30), socket.event("a")).await;
        assert_eq!(message.unwrap()["deliveries"]["externalId"], "msg_000001");
        other.stop().await;
        world.finish().await;
    }
}
