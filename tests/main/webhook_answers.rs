//! A webhook's answers, row by row of the table in the documentation; a rejected request stores nothing.

use std::time::Duration;

use jiff::ToSpan;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection};
use secrecy::SecretString;
use serde_json::json;

use crate::support::{
    api::Signed,
    event::{event, membership},
    world::{Database, World},
};

on_both!(
    an_event_is_accepted_once_and_a_duplicate_after,
    a_forged_request_leaves_nothing,
    an_old_request_is_a_replay,
    an_unknown_source_is_not_found,
    platforms_may_probe,
    a_rotated_secret_stays_valid_for_a_while,
    a_delivery_that_cannot_be_stored_is_refused_and_not_lost,
);

fn a_membership(world: &World) -> Vec<u8> {
    event("membership.updated", world.now(), &membership("m1", "ada"))
        .to_string()
        .into_bytes()
}

async fn an_event_is_accepted_once_and_a_duplicate_after(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let signed = world.signed(&source, "msg_1", a_membership(world));
    let first = world.api.deliver(&source, signed.clone()).await;
    assert_eq!(first.word(), (202, "accepted"));
    let again = world.api.deliver(&source, signed).await;
    assert_eq!(
        (again.word(), again.delivery()),
        ((200, "duplicate"), first.delivery())
    );
    let resigned = world.signed(&source, "msg_1", a_membership(world));
    assert_eq!(
        world.api.deliver(&source, resigned).await.word(),
        (200, "duplicate"),
        "recognized by its id"
    );
    let query =
        "query($id: ID!) { node(id: $id) { ... on Delivery { attempts externalId eventType } } }";
    let response = world
        .api
        .query(query, json!({ "id": first.delivery() }))
        .await;
    assert_eq!(
        response["node"],
        json!({ "attempts": 3, "externalId": "msg_1", "eventType": "membership.updated" })
    );
}

async fn a_forged_request_leaves_nothing(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let good = world.signed(&source, "msg_1", a_membership(world));
    let stranger = SecretString::from("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    let spoiled = [
        (
            "another secret",
            Signed::new(&stranger, "msg_1", world.clock.now(), a_membership(world)),
        ),
        (
            "another body",
            Signed {
                body: b"{}".to_vec(),
                ..good.clone()
            },
        ),
        (
            "another id",
            good.clone().header("webhook-id", Some("msg_2")),
        ),
        ("no id", good.clone().header("webhook-id", None)),
        (
            "no timestamp",
            good.clone().header("webhook-timestamp", None),
        ),
        (
            "a timestamp that is no number",
            good.clone().header("webhook-timestamp", Some("soon")),
        ),
        (
            "no signature",
            good.clone().header("webhook-signature", None),
        ),
        (
            "an empty signature",
            good.clone().header("webhook-signature", Some("v1,")),
        ),
        (
            "another version of signature",
            good.clone().header("webhook-signature", Some("v2,AAAA")),
        ),
        (
            "no header at all",
            Signed {
                headers: Vec::new(),
                body: good.body.clone(),
            },
        ),
    ];
    for (name, request) in spoiled {
        let answer = world.api.deliver(&source, request).await;
        assert_eq!(answer.status, 401, "{name}: {answer:?}");
    }
    assert_eq!(world.api.deliveries().await, 0, "nothing was stored");
    assert_eq!(world.api.member("ada@example.com").await, None);
    assert_eq!(
        world.api.deliver(&source, good).await.word(),
        (202, "accepted"),
        "the valid request is still accepted"
    );
}

async fn an_old_request_is_a_replay(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let first = world.signed(&source, "msg_1", a_membership(world));
    assert_eq!(world.api.deliver(&source, first.clone()).await.status, 202);
    let kept_back = world.signed(&source, "msg_2", a_membership(world));
    let from_the_future = Signed::new(
        &source.secret,
        "msg_3",
        world.clock.now().plus(Duration::from_secs(602)),
        a_membership(world),
    );
    world.turn_to(world.now() + 301.seconds());
    for (name, request) in [
        ("replayed", first),
        ("late", kept_back),
        ("early", from_the_future.clone()),
    ] {
        assert_eq!(
            world.api.deliver(&source, request).await.status,
            401,
            "{name}"
        );
    }
    assert_eq!(world.api.deliveries().await, 1);
    world.turn_to(world.now() + 1.seconds());
    assert_eq!(
        world.api.deliver(&source, from_the_future).await.status,
        202,
        "just within the tolerance"
    );
}

async fn an_unknown_source_is_not_found(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let signed = world.signed(&source, "msg_1", a_membership(world));
    for path in [
        "/webhooks/00000000000000000000000000000000",
        "/webhooks/a%20b",
        "/webhooks/x'y",
    ] {
        let external = crate::support::api::Source {
            path: path.to_owned(),
            ..source.clone()
        };
        assert_eq!(
            world.api.deliver(&external, signed.clone()).await.status,
            404,
            "{path}"
        );
    }
    world
        .api
        .mutate(
            "removeSource",
            &[("source", "ID!", json!(source.id))],
            "removedId",
        )
        .await;
    assert_eq!(
        world.api.deliver(&source, signed).await.status,
        404,
        "a source that was removed"
    );
    assert_eq!(world.api.deliveries().await, 0);
}

async fn platforms_may_probe(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let url = |path: &str| format!("{}{path}", world.api.base);
    for path in [&source.path, "/healthz", "/readyz", "/metrics"] {
        assert_eq!(
            world.api.http.get(url(path)).send().await.unwrap().status(),
            200,
            "{path}"
        );
    }
    assert_eq!(
        world
            .api
            .http
            .head(url(&source.path))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        world
            .api
            .http
            .get(url("/webhooks/0000"))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
    assert_eq!(world.api.deliveries().await, 0);
}

async fn a_rotated_secret_stays_valid_for_a_while(world: &mut World) {
    let old = world.api.source("Front desk").await;
    let arguments = [
        ("source", "ID!", json!(old.id)),
        ("keepOldFor", "Duration!", json!("PT1H")),
    ];
    let rotated = world
        .api
        .mutate("rotateSourceSecret", &arguments, "secret")
        .await;
    let secret = SecretString::from(rotated["secret"].as_str().unwrap().to_owned());
    let new = crate::support::api::Source {
        secret,
        ..old.clone()
    };
    for (source, minutes, status) in [
        (&new, 0, 202),
        (&old, 59, 202),
        (&old, 1, 401),
        (&new, 0, 202),
    ] {
        world.turn_to(world.now() + minutes.minutes());
        let body = event("membership.updated", world.now(), &membership("m1", "ada"));
        assert_eq!(
            world.post(source, &body).await.status,
            status,
            "{minutes} minutes later"
        );
    }
}

/// Every write is blocked until the blocking transaction or renaming is undone.
async fn a_delivery_that_cannot_be_stored_is_refused_and_not_lost(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world.settled().await;
    let stranger = connection(&world.database_url()).await;
    let (block, free) = match world.database() {
        Database::Sqlite => ("BEGIN IMMEDIATE", "ROLLBACK"),
        Database::Postgres => (
            "ALTER TABLE delivery RENAME TO delivery_away",
            "ALTER TABLE delivery_away RENAME TO delivery",
        ),
    };
    world.emails.insert("ada@example.com".to_owned());
    let signed = world.signed(&source, "msg_1", a_membership(world));
    stranger.execute_unprepared(block).await.unwrap();
    let refused = world.api.deliver(&source, signed.clone()).await;
    assert_eq!(
        (refused.status, refused.retry_after.as_deref()),
        (503, Some("5")),
        "{refused:?}"
    );
    stranger.execute_unprepared(free).await.unwrap();
    stranger.close().await.unwrap();
    let answer = world.api.deliver(&source, signed).await;
    // The first request may have been stored just after its sender was told that it took too long.
    let is_stored = [(202, "accepted"), (200, "duplicate")].contains(&answer.word());
    assert!(is_stored, "{answer:?}");
    // The reconcile loop may have been blocked as well, and then waits for a while.
    world.settled_in_time().await;
    assert_eq!(world.api.deliveries().await, 1);
    assert_eq!(world.sandbox.assignments_of("ada@example.com").len(), 1);
}

async fn connection(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap()
}
