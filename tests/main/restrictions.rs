//! What in Kisi's own settings can make Kisi refuse an unlock that the rules allow: said before anybody presses, and met with a
//! location where that is enough.

use std::time::Duration;

use latchkey::{sandbox::LockFlags, unlock::restriction::Restriction};
use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::{
    support::{api::eventually, child, postgres, world::World},
    unlocks::{House, codes, house},
};

on_both!(
    each_restriction_is_said_where_it_counts,
    a_door_with_a_geofence_opens_for_somebody_near,
    check_leaves_a_running_service_its_requests,
);

/// Changes something at Kisi, by its owner.
async fn at_kisi(world: &World, path: &str, body: Value) {
    let url = world.config().kisi_url.join(path).unwrap();
    let key = format!("KISI-LOGIN {}", world.sandbox.api_key());
    let request = world.api.http.patch(url).json(&body);
    let answer = request.header("authorization", key).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 204);
}

/// What is said of a door: at the lock, among a member's doors, and in the explanation.
async fn said(world: &World, ann: &str, lock: &str) -> [Value; 3] {
    let query = "query($ann: ID!, $lock: ID!) {
        lock: node(id: $lock) { ... on Lock { remoteUnlockable unlockRestrictions } }
        member: node(id: $ann) { ... on Member { doors { lock { id } remoteUnlockable unlockRestrictions } } }
        explain(member: $ann, target: $lock) { unlockRestrictions }
    }";
    let variables = json!({ "ann": ann, "lock": lock });
    let mut found = world.api.ask(query, variables).await;
    let doors = found["member"]["doors"].as_array().unwrap();
    let door = doors
        .iter()
        .find(|door| door["lock"]["id"] == lock)
        .unwrap();
    let mut all = [found["lock"].clone(), door.clone(), found["explain"].take()];
    for one in &mut all {
        let restrictions = one["unlockRestrictions"].clone();
        if let Some(remote) = one.get("remoteUnlockable") {
            assert_eq!(*remote, json!(restrictions == json!([])), "{one}");
        }
        *one = restrictions;
    }
    all
}

/// Reads Kisi's setup again, and waits until a door is said to be so.
async fn becomes(world: &World, ann: &str, lock: &str, restrictions: Value) {
    // Later than what made the sweep before due, which may still run: by a clock that stands still they would be one.
    world.turn_to(world.now() + Duration::from_secs(1));
    let account = [("account", "ID!", json!(world.account))];
    world
        .api
        .change("refreshKisi", &account, "account { id }")
        .await;
    let wanted = [restrictions.clone(), restrictions.clone(), restrictions];
    let ask = async || (said(world, ann, lock).await == wanted).then_some(());
    let state = async || format!("{:?}, not {wanted:?}", said(world, ann, lock).await);
    eventually(ask, state).await;
}

async fn each_restriction_is_said_where_it_counts(world: &mut World) {
    let House { ann, front, .. } = house(world).await;
    assert_eq!(
        said(world, &ann, &front).await,
        [json!([]), json!([]), json!([])]
    );
    let members = world.sandbox.group_named("Members").unwrap();
    let path = format!("groups/{members}");
    for (field, on, word, code) in [
        (
            "tap_to_access_restriction_enabled",
            true,
            "TAP_ONLY",
            "bbc93f",
        ),
        ("login_enabled", false, "NO_APP", "f01337"),
        (
            "primary_device_restriction_enabled",
            true,
            "PRIMARY_DEVICE",
            "34bd8f",
        ),
        (
            "managed_device_restriction_enabled",
            true,
            "MANAGED_DEVICE",
            "34bd8f",
        ),
        ("reader_restriction_enabled", true, "READER", "bb4faa"),
        ("geofence_restriction_enabled", true, "GEOFENCE", "bbb99f"),
        ("time_restriction_enabled", true, "SCHEDULE", "34ffaa"),
    ] {
        at_kisi(world, &path, json!({ "group": { field: on } })).await;
        becomes(world, &ann, &front, json!([word])).await;
        let payload = world.api.unlock(&front, &ann, Value::Null).await;
        assert_eq!(payload["kisiCode"], code, "{field}: {payload}");
        at_kisi(world, &path, json!({ "group": { field: !on } })).await;
    }
    becomes(world, &ann, &front, json!([])).await;
    // A group that is not managed gives nobody anything, and is no way out.
    at_kisi(world, &path, json!({ "group": { "login_enabled": false } })).await;
    let lock = world.sandbox.lock_named("Front door").unwrap();
    let flags = LockFlags {
        geofence_restriction: true,
        time_restriction: true,
        ..LockFlags::default()
    };
    world.sandbox.set_lock_flags(lock, flags);
    becomes(
        world,
        &ann,
        &front,
        json!(["GEOFENCE", "SCHEDULE", "NO_APP"]),
    )
    .await;
}

async fn a_door_with_a_geofence_opens_for_somebody_near(world: &mut World) {
    let House { ann, front, .. } = house(world).await;
    let lock = world.sandbox.lock_named("Front door").unwrap();
    let flags = LockFlags {
        geofence_restriction: true,
        ..LockFlags::default()
    };
    world.sandbox.set_lock_flags(lock, flags);
    let unlock = async |location: Value| {
        let arguments = [
            ("lock", "ID!", json!(front)),
            ("member", "ID", json!(ann)),
            ("location", "UnlockLocationInput", location),
        ];
        world
            .api
            .attempt("unlock", &arguments, "unlocked kisiCode")
            .await
    };
    let at =
        |latitude: f64, longitude: f64| json!({ "latitude": latitude, "longitude": longitude });
    assert_eq!(unlock(Value::Null).await["kisiCode"], "bbb99f");
    assert_eq!(unlock(at(52.53, 13.405)).await["kisiCode"], "a3995f");
    let near = unlock(at(52.520_001, 13.405_001)).await;
    assert_eq!(near["unlocked"], true, "{near}");
    for nowhere in [at(90.1, 0.0), at(0.0, -180.5)] {
        assert_eq!(codes(&unlock(nowhere).await), ["INVALID"]);
    }
    let calls = world.sandbox.calls();
    let sent: Vec<_> = calls
        .iter()
        .filter(|call| call.path.ends_with("/unlock"))
        .map(|call| call.body.clone().unwrap())
        .collect();
    let body = |location: Value| json!({ "context": { "location": location } });
    let near = body(at(52.520_001, 13.405_001));
    assert_eq!(sent, [json!({}), body(at(52.53, 13.405)), near]);
}

async fn check_leaves_a_running_service_its_requests(world: &mut World) {
    let House { ann, front, .. } = house(world).await;
    let members = world.sandbox.group_named("Members").unwrap();
    let tap = json!({ "group": { "tap_to_access_restriction_enabled": true } });
    at_kisi(world, &format!("groups/{members}"), tap).await;
    becomes(world, &ann, &front, json!(["TAP_ONLY"])).await;
    world.settled().await;
    let (database, kisi) = (world.database_url(), world.kisi_url.clone());
    let check = async || {
        let settings = [
            ("DATABASE_URL", database.clone()),
            ("KISI_URL", kisi.clone()),
        ];
        let ran = tokio::task::spawn_blocking(move || {
            let settings = settings
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            child::run(&["check"], &settings)
        });
        let output = ran.await.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let asked = |world: &World| {
        let calls = world.sandbox.calls();
        calls.iter().filter(|call| call.path == "/user").count()
    };
    let before = asked(world);
    let told = check().await;
    assert!(
        told.contains("answers the service that is running"),
        "{told}"
    );
    assert!(
        told.contains("door “Front door”: Kisi may refuse")
            && told.contains("have to tap its reader"),
        "{told}"
    );
    assert_eq!(
        asked(world),
        before,
        "the service has the requests to itself"
    );
    world.stop().await;
    let told = check().await;
    assert!(told.contains("Kisi account “Kisi” answers\n"), "{told}");
    assert_eq!(asked(world), before + 1);
    world.start_again().await;
}

const BEFORE: &str = "m20261127_000030_unlocking";

/// A database as the version before left it, with a door at whose reader one must stand, and one without.
async fn keeps_what_was_known(url: &str, id: impl Fn(u8) -> String) {
    let connection = sea_orm::Database::connect(url).await.unwrap();
    let earlier = Migrator::migrations()
        .iter()
        .position(|one| one.name() == BEFORE)
        .unwrap();
    Migrator::up(&connection, u32::try_from(earlier).ok())
        .await
        .unwrap();
    for (number, restricted) in [(1, "TRUE"), (2, "FALSE")] {
        let statement = format!(
            "INSERT INTO \"lock\" (id, club_id, account_id, kisi_id, name, restricted)
             VALUES ({}, {}, {}, {number}, 'Door', {restricted})",
            id(number),
            id(8),
            id(9),
        );
        connection.execute_unprepared(&statement).await.unwrap();
    }
    Migrator::up(&connection, None).await.unwrap();
    let select = "SELECT restrictions FROM \"lock\" ORDER BY kisi_id";
    let select = Statement::from_string(connection.get_database_backend(), select);
    let rows = connection.query_all_raw(select).await.unwrap();
    let kept: Vec<i32> = rows
        .iter()
        .map(|row| row.try_get("", "restrictions").unwrap())
        .collect();
    assert_eq!(kept, [Restriction::Reader as i32, 0]);
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doors_of_an_earlier_version_keep_their_restriction() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    keeps_what_was_known(&url, |number| format!("X'{number:032x}'")).await;
    if let Some(database) = postgres::fresh().await {
        let id = |number| format!("'{}'::uuid", uuid::Uuid::from_u128(u128::from(number)));
        keeps_what_was_known(database.url(), id).await;
        database.remove().await;
    }
}
