//! Unlock requests that fail: Kisi's refusals by their codes, lost answers, deleted logins, processes that die, other replicas.
//! No unlock request is ever sent twice.

use latchkey::transaction;
use std::{net::TcpListener, time::Duration};

use latchkey::{
    app::App,
    clock::new_id,
    graphql::schema,
    http,
    id::{Kind, decode_as},
    store::{StoreError, row, unlock_requests as stored},
};
use latchkey_sandbox::{Fault, FaultKind, LockFlags};
use serde_json::{Value, json};

use crate::{
    support::{api::eventually, event::email, world::World},
    unlocks::{TestClub, codes, logins, test_club, unlock_requests},
};

on_both!(
    kisis_refusals_are_explained,
    a_lost_answer_is_not_sent_again,
    a_request_that_was_never_sent_is_reported,
    a_deleted_login_is_created_again,
    a_request_of_a_dead_process_stays_unknown,
    another_replica_carries_it_out,
    no_process_carries_it_out,
    an_old_request_opens_no_door,
    a_disconnected_account_opens_no_door,
);

fn number(world: &World, name: &str) -> i64 {
    world.sandbox.lock_named(name).unwrap()
}

/// Sends an unlock request more than a minute after the previous one, within the rate limit.
async fn unlock_request(world: &World, house: &TestClub, key: Value) -> Value {
    world.turn_to(world.now() + Duration::from_secs(61));
    world.api.unlock(&house.front, &house.ann, key).await
}

async fn kisis_refusals_are_explained(world: &mut World) {
    let house = test_club(world).await;
    let front = number(world, "Front door");
    let good = LockFlags::default();
    let cases = [
        (
            LockFlags {
                reader_restriction: true,
                ..good
            },
            "bb4faa",
            "reader restriction",
        ),
        (
            LockFlags {
                geofence_restriction: true,
                ..good
            },
            "bbb99f",
            "geofence",
        ),
        (
            LockFlags {
                time_restriction: true,
                ..good
            },
            "34ffaa",
            "certain times",
        ),
        (
            LockFlags {
                locked_down: true,
                ..good
            },
            "fad001",
            "lockdown",
        ),
        (
            LockFlags {
                online: false,
                ..good
            },
            "fac001",
            "offline",
        ),
        (
            LockFlags {
                configured: false,
                ..good
            },
            "ff420a",
            "no controller",
        ),
    ];
    for (flags, code, words) in cases {
        world.sandbox.set_lock_flags(front, flags);
        refused(
            &unlock_request(world, &house, Value::Null).await,
            code,
            words,
        );
    }
    world.sandbox.set_lock_flags(front, good);
    world.sandbox.set_access_enabled(&email("ann"), false);
    refused(
        &unlock_request(world, &house, Value::Null).await,
        "fcd8ff",
        "switched off",
    );
    world.sandbox.set_access_enabled(&email("ann"), true);
    let group = world.sandbox.group_named("Members").unwrap();
    let url = world
        .config()
        .kisi_url
        .join(&format!("groups/{group}"))
        .unwrap();
    let cases = [
        ("login_enabled", false, "f01337", "app access"),
        (
            "tap_to_access_restriction_enabled",
            true,
            "bbc93f",
            "tapping",
        ),
        (
            "primary_device_restriction_enabled",
            true,
            "34bd8f",
            "primary device",
        ),
    ];
    for (field, value, code, words) in cases {
        let set = async |value: bool| {
            let answer = world
                .api
                .http
                .patch(url.clone())
                .header(
                    "authorization",
                    format!("KISI-LOGIN {}", world.sandbox.api_key()),
                )
                .json(&json!({ "group": { field: value } }))
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status().as_u16(), 204);
        };
        set(value).await;
        refused(
            &unlock_request(world, &house, Value::Null).await,
            code,
            words,
        );
        set(!value).await;
    }
    assert_eq!(world.api.history_messages("UNLOCK_DENIED").await.len(), 10);
    assert_eq!(world.api.history_messages("UNLOCKED").await, []);
    assert_eq!(
        unlock_request(world, &house, Value::Null).await["unlocked"],
        true
    );
}

fn refused(payload: &Value, code: &str, words: &str) {
    assert_eq!(
        (&payload["unlocked"], payload["kisiCode"].as_str()),
        (&json!(false), Some(code)),
        "{payload}"
    );
    assert_eq!(codes(payload), ["KISI_REFUSED"]);
    let message = payload["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains(words), "{code}: {message}");
}

async fn a_lost_answer_is_not_sent_again(world: &mut World) {
    let house = test_club(world).await;
    unlock_request(world, &house, Value::Null).await;
    let before = unlock_requests(world);
    world
        .sandbox
        .fault(Fault::new("POST", "/locks", FaultKind::Lost), 1);
    let first = unlock_request(world, &house, json!("lost")).await;
    assert_eq!(codes(&first), ["KISI_UNREACHABLE"]);
    let message = first["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("not repeated"), "{message}");
    let second = world
        .api
        .unlock(&house.front, &house.ann, json!("lost"))
        .await;
    assert_eq!(second, first);
    assert_eq!(unlock_requests(world), before + 1);
    let entries = world.api.history_messages("UNLOCK_DENIED").await;
    assert_eq!(entries.len(), 1);
    assert!(entries[0].0.contains("unknown whether"), "{entries:?}");
}

async fn a_request_that_was_never_sent_is_reported(world: &mut World) {
    let house = test_club(world).await;
    // Without a login, the door was never asked to open.
    world
        .sandbox
        .fault(Fault::new("POST", "/logins", FaultKind::Lost), 1);
    let payload = unlock_request(world, &house, Value::Null).await;
    assert_eq!(codes(&payload), ["KISI_UNREACHABLE"]);
    let message = payload["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("was not asked to open"), "{message}");
    assert_eq!(unlock_requests(world), 0);
    world.sandbox.set_key_good(false);
    let payload = unlock_request(world, &house, Value::Null).await;
    assert_eq!(codes(&payload), ["KISI_UNAUTHORIZED"], "{payload}");
    world.sandbox.set_key_good(true);
    assert_eq!(
        unlock_request(world, &house, Value::Null).await["unlocked"],
        true
    );
}

async fn a_deleted_login_is_created_again(world: &mut World) {
    let house = test_club(world).await;
    assert_eq!(
        unlock_request(world, &house, Value::Null).await["unlocked"],
        true
    );
    assert_eq!(world.sandbox.forget_logins(&email("ann")), 1);
    assert_eq!(
        unlock_request(world, &house, Value::Null).await["unlocked"],
        true
    );
    assert_eq!((logins(world), unlock_requests(world)), (2, 3));
    assert_eq!(
        world.sandbox.events().len(),
        2,
        "the deleted login opened nothing"
    );
    assert_eq!(
        unlock_request(world, &house, Value::Null).await["unlocked"],
        true
    );
    assert_eq!(logins(world), 2, "the new login is kept");
}

/// Stores an unlock request that a process has taken until `until` (in microseconds).
async fn store_taken_request(world: &World, house: &TestClub, key: &str, until: i64) {
    let asked_at = world.clock.now().micros();
    store_request(world, house, key, asked_at, Some(until)).await;
}

/// Stores an unlock request; one that no process has taken if `until` is `None`.
async fn store_request(
    world: &World,
    house: &TestClub,
    key: &str,
    asked_at: i64,
    until: Option<i64>,
) {
    let uuid = |kind, id: &str| decode_as(kind, id).unwrap();
    let club = world.api.query("{ club { id } }", json!({})).await;
    let row = row::UnlockRequest {
        id: new_id(),
        club_id: uuid(Kind::Club, club["club"]["id"].as_str().unwrap()),
        account_id: uuid(Kind::KisiAccount, world.account.as_ref().unwrap()),
        lock_id: uuid(Kind::Lock, &house.front),
        member_id: uuid(Kind::Member, &house.ann),
        idempotency_key: Some(key.to_owned()),
        actor: "desk".to_owned(),
        kisi_user_id: None,
        state: match until {
            Some(_) => row::UnlockState::Taken,
            None => row::UnlockState::Asked,
        },
        kisi_code: None,
        message: None,
        asked_at,
        taken_until: until,
        event_key: None,
        latitude_e7: None,
        longitude_e7: None,
    };
    let put: Result<(), StoreError> =
        transaction!(world.app().db, |tx| stored::create(tx, row).await).await;
    put.unwrap();
}

async fn a_request_of_a_dead_process_stays_unknown(world: &mut World) {
    let house = test_club(world).await;
    store_taken_request(world, &house, "dead", 0).await;
    for _ in 0..2 {
        let payload = world
            .api
            .unlock(&house.front, &house.ann, json!("dead"))
            .await;
        assert_eq!(codes(&payload), ["KISI_UNREACHABLE"]);
        let message = payload["userErrors"][0]["message"].as_str().unwrap();
        assert!(message.contains("not repeated"), "{message}");
    }
    assert_eq!(unlock_requests(world), 0);
    assert_eq!(world.api.history_messages("UNLOCK_DENIED").await.len(), 1);
    // A request whose process may still be alive is waited for, but only for a limited time.
    store_taken_request(world, &house, "slow", i64::MAX).await;
    let payload = world
        .api
        .unlock(&house.front, &house.ann, json!("slow"))
        .await;
    assert_eq!(codes(&payload), ["KISI_UNREACHABLE"]);
    assert_eq!(unlock_requests(world), 0);
    assert_eq!(world.api.history_messages("UNLOCK_DENIED").await.len(), 1);
}

/// A process stored a request and died before another one took it: the door does not open for somebody who has left.
async fn an_old_request_opens_no_door(world: &mut World) {
    let house = test_club(world).await;
    if world.database() == crate::support::world::Database::Sqlite {
        return;
    }
    let asked_at = world.clock.now().micros() - 60_000_000;
    store_request(world, &house, "left", asked_at, None).await;
    let given_up = async || {
        let denied = world.api.history_messages("UNLOCK_DENIED").await;
        (denied.len() == 1).then_some(())
    };
    eventually(given_up, async || "the request is still open".to_owned()).await;
    assert_eq!(unlock_requests(world), 0);
}

/// A replica that serves the API and works on no account.
async fn replica(world: &World) -> (String, actix_web::dev::ServerHandle) {
    let app = App::start(world.config(), world.clock.clone())
        .await
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = http::server(app, schema::build(), listener, 1).unwrap();
    let handle = server.handle();
    tokio::spawn(server);
    (base, handle)
}

async fn another_replica_carries_it_out(world: &mut World) {
    let house = test_club(world).await;
    let (base, server) = replica(world).await;
    let (here, there) = (world.api.clone(), world.api.at(base));
    let key = json!("both");
    let (one, other) = futures_util::future::join(
        here.unlock(&house.front, &house.ann, key.clone()),
        there.unlock(&house.front, &house.ann, key),
    )
    .await;
    assert_eq!(
        (&one["unlocked"], &other["unlocked"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(unlock_requests(world), 1);
    let alone = there.unlock(&house.front, &house.ann, Value::Null).await;
    assert_eq!(alone["unlocked"], true, "{alone}");
    assert_eq!((unlock_requests(world), logins(world)), (2, 1));
    assert_eq!(world.api.history_messages("UNLOCKED").await.len(), 2);
    server.stop(false).await;
}

async fn no_process_carries_it_out(world: &mut World) {
    let house = test_club(world).await;
    let (base, server) = replica(world).await;
    let there = world.api.at(base);
    world.stop().await;
    let payload = there.unlock(&house.front, &house.ann, json!("alone")).await;
    let again = there.unlock(&house.front, &house.ann, json!("alone")).await;
    assert_eq!(again, payload);
    if world.database() == crate::support::world::Database::Sqlite {
        assert_eq!(
            payload["unlocked"], true,
            "SQLite means one machine, so the replica carries it out: {payload}"
        );
    } else {
        assert_eq!(codes(&payload), ["KISI_UNREACHABLE"]);
        assert_eq!(unlock_requests(world), 0);
    }
    server.stop(false).await;
    world.start_again().await;
}

async fn a_disconnected_account_opens_no_door(world: &mut World) {
    let house = test_club(world).await;
    let workshop = world.api.named("locks", "Workshop").await;
    world.rule(&workshop, json!([{ "membership": {} }])).await;
    let account = world.account.take().unwrap();
    let arguments = [
        ("account", "ID!", json!(account)),
        ("access", "DisconnectPolicy!", json!("KEEP")),
    ];
    world
        .api
        .mutate("disconnectKisi", &arguments, "account { status }")
        .await;
    let payload = world.api.unlock(&workshop, &house.ann, Value::Null).await;
    assert_eq!(codes(&payload), ["INVALID"]);
    let message = payload["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("disconnected"), "{message}");
    assert_eq!(unlock_requests(world), 0);
}
