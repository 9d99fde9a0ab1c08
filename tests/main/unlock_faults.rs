//! Unlocks where something is in the way: Kisi's refusals by name, answers that are lost, logins that vanish, processes that
//! die, other replicas. Whatever happens, no press is sent twice.

use std::{net::TcpListener, time::Duration};

use latchkey::{
    app::App,
    clock::new_id,
    graphql::schema,
    http,
    id::{Kind, decode_as},
    sandbox::{Fault, FaultKind, LockFlags},
    store::{StoreError, presses as stored, row},
};
use serde_json::{Value, json};

use crate::{
    support::{event::email, world::World},
    unlocks::{House, codes, house, logins, presses},
};

on_both!(
    kisis_refusals_have_their_names,
    a_lost_answer_is_not_sent_again,
    what_is_sure_not_to_have_happened_is_said,
    a_login_that_vanished_is_made_anew,
    a_press_of_a_process_that_died_stays_unknown,
    another_replica_carries_it_out,
    nobody_carries_it_out,
    without_an_account_there_is_no_door,
);

fn number(world: &World, name: &str) -> i64 {
    world.sandbox.lock_named(name).unwrap()
}

/// Presses, each in a minute of its own.
async fn press(world: &World, house: &House, key: Value) -> Value {
    world.turn_to(world.now() + Duration::from_secs(61));
    world.api.unlock(&house.front, &house.ann, key).await
}

async fn kisis_refusals_have_their_names(world: &mut World) {
    let house = house(world).await;
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
        refused(&press(world, &house, Value::Null).await, code, words);
    }
    world.sandbox.set_lock_flags(front, good);
    world.sandbox.set_access_enabled(&email("ann"), false);
    refused(
        &press(world, &house, Value::Null).await,
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
            "main device",
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
        refused(&press(world, &house, Value::Null).await, code, words);
        set(!value).await;
    }
    assert_eq!(world.api.told("UNLOCK_DENIED").await.len(), 10);
    assert_eq!(world.api.told("UNLOCKED").await, []);
    assert_eq!(press(world, &house, Value::Null).await["unlocked"], true);
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
    let house = house(world).await;
    press(world, &house, Value::Null).await;
    let before = presses(world);
    world
        .sandbox
        .fault(Fault::new("POST", "/locks", FaultKind::Lost), 1);
    let first = press(world, &house, json!("lost")).await;
    assert_eq!(codes(&first), ["KISI_UNREACHABLE"]);
    let message = first["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("not sent again"), "{message}");
    let second = world
        .api
        .unlock(&house.front, &house.ann, json!("lost"))
        .await;
    assert_eq!(second, first);
    assert_eq!(presses(world), before + 1);
    let told = world.api.told("UNLOCK_DENIED").await;
    assert_eq!(told.len(), 1);
    assert!(told[0].0.contains("is not known"), "{told:?}");
}

async fn what_is_sure_not_to_have_happened_is_said(world: &mut World) {
    let house = house(world).await;
    // No login, no press: the door was never asked.
    world
        .sandbox
        .fault(Fault::new("POST", "/logins", FaultKind::Lost), 1);
    let payload = press(world, &house, Value::Null).await;
    assert_eq!(codes(&payload), ["KISI_UNREACHABLE"]);
    let message = payload["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("was not asked to open"), "{message}");
    assert_eq!(presses(world), 0);
    world.sandbox.set_key_good(false);
    let payload = press(world, &house, Value::Null).await;
    assert_eq!(codes(&payload), ["KISI_UNAUTHORIZED"], "{payload}");
    world.sandbox.set_key_good(true);
    assert_eq!(press(world, &house, Value::Null).await["unlocked"], true);
}

async fn a_login_that_vanished_is_made_anew(world: &mut World) {
    let house = house(world).await;
    assert_eq!(press(world, &house, Value::Null).await["unlocked"], true);
    assert_eq!(world.sandbox.forget_logins(&email("ann")), 1);
    assert_eq!(press(world, &house, Value::Null).await["unlocked"], true);
    assert_eq!((logins(world), presses(world)), (2, 3));
    assert_eq!(
        world.sandbox.events().len(),
        2,
        "the old login opened nothing"
    );
    assert_eq!(press(world, &house, Value::Null).await["unlocked"], true);
    assert_eq!(logins(world), 2, "the new one is kept");
}

/// A press that somebody took.
async fn taken(world: &World, house: &House, key: &str, until: i64) {
    let uuid = |kind, id: &str| decode_as(kind, id).unwrap();
    let club = world.api.ask("{ club { id } }", json!({})).await;
    let row = row::Press {
        id: new_id(),
        club_id: uuid(Kind::Club, club["club"]["id"].as_str().unwrap()),
        account_id: uuid(Kind::KisiAccount, world.account.as_ref().unwrap()),
        lock_id: uuid(Kind::Lock, &house.front),
        member_id: uuid(Kind::Member, &house.ann),
        press_key: Some(key.to_owned()),
        actor: "desk".to_owned(),
        kisi_user_id: None,
        state: row::PressState::Taken,
        kisi_code: None,
        message: None,
        asked_at: world.clock.now().micros(),
        taken_until: Some(until),
        event_key: None,
        latitude_e7: None,
        longitude_e7: None,
    };
    let put: Result<(), StoreError> = world
        .app()
        .db
        .write(move |tx| Box::pin(async move { stored::create(tx, row).await }))
        .await;
    put.unwrap();
}

async fn a_press_of_a_process_that_died_stays_unknown(world: &mut World) {
    let house = house(world).await;
    taken(world, &house, "dead", 0).await;
    for _ in 0..2 {
        let payload = world
            .api
            .unlock(&house.front, &house.ann, json!("dead"))
            .await;
        assert_eq!(codes(&payload), ["KISI_UNREACHABLE"]);
        let message = payload["userErrors"][0]["message"].as_str().unwrap();
        assert!(message.contains("not sent again"), "{message}");
    }
    assert_eq!(presses(world), 0);
    assert_eq!(world.api.told("UNLOCK_DENIED").await.len(), 1);
    // One whose taker may live still is waited for, and not for ever.
    taken(world, &house, "slow", i64::MAX).await;
    let payload = world
        .api
        .unlock(&house.front, &house.ann, json!("slow"))
        .await;
    assert_eq!(codes(&payload), ["KISI_UNREACHABLE"]);
    assert_eq!(presses(world), 0);
    assert_eq!(world.api.told("UNLOCK_DENIED").await.len(), 1);
}

/// A replica that serves the API and does no account's work.
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
    let house = house(world).await;
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
    assert_eq!(presses(world), 1);
    let alone = there.unlock(&house.front, &house.ann, Value::Null).await;
    assert_eq!(alone["unlocked"], true, "{alone}");
    assert_eq!((presses(world), logins(world)), (2, 1));
    assert_eq!(world.api.told("UNLOCKED").await.len(), 2);
    server.stop(false).await;
}

async fn nobody_carries_it_out(world: &mut World) {
    let house = house(world).await;
    let (base, server) = replica(world).await;
    let there = world.api.at(base);
    world.stop().await;
    let payload = there.unlock(&house.front, &house.ann, json!("alone")).await;
    let again = there.unlock(&house.front, &house.ann, json!("alone")).await;
    assert_eq!(again, payload);
    if world.database() == crate::support::world::Database::Sqlite {
        assert_eq!(payload["unlocked"], true, "there is one machine: {payload}");
    } else {
        assert_eq!(codes(&payload), ["KISI_UNREACHABLE"]);
        assert_eq!(presses(world), 0);
    }
    server.stop(false).await;
    world.start_again().await;
}

async fn without_an_account_there_is_no_door(world: &mut World) {
    let house = house(world).await;
    let workshop = world.api.named("locks", "Workshop").await;
    world.rule(&workshop, json!([{ "membership": {} }])).await;
    let account = world.account.take().unwrap();
    let arguments = [
        ("account", "ID!", json!(account)),
        ("access", "DisconnectPolicy!", json!("KEEP")),
    ];
    world
        .api
        .change("disconnectKisi", &arguments, "account { status }")
        .await;
    let payload = world.api.unlock(&workshop, &house.ann, Value::Null).await;
    assert_eq!(codes(&payload), ["INVALID"]);
    let message = payload["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("disconnected"), "{message}");
    assert_eq!(presses(world), 0);
}
