//! Kisi's own settings that can make it refuse an unlock that the rules allow: they are shown before anybody tries, and a
//! location is sent where that is enough.

use std::time::Duration;

use latchkey::unlock::restriction::Restriction;
use latchkey_sandbox::LockFlags;
use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::{
    support::{api::eventually, child, postgres, world::World},
    unlocks::{TestClub, codes, test_club},
};

on_both!(
    each_restriction_is_shown_at_each_place,
    a_door_with_a_geofence_opens_for_somebody_near,
    check_makes_no_calls_beside_a_running_service,
);

/// Changes an object at Kisi with the owner's key.
async fn at_kisi(world: &World, path: &str, body: Value) {
    let url = world.config().kisi_url.join(path).unwrap();
    let key = format!("KISI-LOGIN {}", world.sandbox.api_key());
    let request = world.api.http.patch(url).json(&body);
    let answer = request.header("authorization", key).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 204);
}

/// The restrictions of a door as shown at the lock, among a member's doors, and in the explanation.
async fn shown_restrictions(world: &World, ann: &str, lock: &str) -> [Value; 3] {
    let query = "query($ann: ID!, $lock: ID!) {
        lock: node(id: $lock) { ... on Lock { remoteUnlockable unlockRestrictions } }
        member: node(id: $ann) { ... on Member { doors { lock { id } remoteUnlockable unlockRestrictions } } }
        explain(member: $ann, target: $lock) { unlockRestrictions }
    }";
    let variables = json!({ "ann": ann, "lock": lock });
    let mut response = world.api.query(query, variables).await;
    let doors = response["member"]["doors"].as_array().unwrap();
    let door = doors
        .iter()
        .find(|door| door["lock"]["id"] == lock)
        .unwrap();
    let mut all = [
        response["lock"].clone(),
        door.clone(),
        response["explain"].take(),
    ];
    for one in &mut all {
        let restrictions = one["unlockRestrictions"].clone();
        if let Some(remote) = one.get("remoteUnlockable") {
            assert_eq!(*remote, json!(restrictions == json!([])), "{one}");
        }
        *one = restrictions;
    }
    all
}

/// Reads Kisi's setup again, and waits until the door has these restrictions.
async fn wait_for_restrictions(world: &World, ann: &str, lock: &str, restrictions: Value) {
    // The clock is stopped: at the same instant, this sweep would merge with the previous one, which may still run.
    world.turn_to(world.now() + Duration::from_secs(1));
    let account = [("account", "ID!", json!(world.account))];
    world
        .api
        .mutate("refreshKisi", &account, "account { id }")
        .await;
    let wanted = [restrictions.clone(), restrictions.clone(), restrictions];
    let ask = async || (shown_restrictions(world, ann, lock).await == wanted).then_some(());
    let state = async || {
        format!(
            "{:?}, not {wanted:?}",
            shown_restrictions(world, ann, lock).await
        )
    };
    eventually(ask, state).await;
}

async fn each_restriction_is_shown_at_each_place(world: &mut World) {
    let TestClub { ann, front, .. } = test_club(world).await;
    assert_eq!(
        shown_restrictions(world, &ann, &front).await,
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
        wait_for_restrictions(world, &ann, &front, json!([word])).await;
        let payload = world.api.unlock(&front, &ann, Value::Null).await;
        assert_eq!(payload["kisiCode"], code, "{field}: {payload}");
        at_kisi(world, &path, json!({ "group": { field: !on } })).await;
    }
    wait_for_restrictions(world, &ann, &front, json!([])).await;
    // A group that is not managed gives no access, and so no way around the restrictions.
    at_kisi(world, &path, json!({ "group": { "login_enabled": false } })).await;
    let lock = world.sandbox.lock_named("Front door").unwrap();
    let flags = LockFlags {
        geofence_restriction: true,
        time_restriction: true,
        ..LockFlags::default()
    };
    world.sandbox.set_lock_flags(lock, flags);
    wait_for_restrictions(
        world,
        &ann,
        &front,
        json!(["GEOFENCE", "SCHEDULE", "NO_APP"]),
    )
    .await;
}

async fn a_door_with_a_geofence_opens_for_somebody_near(world: &mut World) {
    let TestClub { ann, front, .. } = test_club(world).await;
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
            .mutate_unchecked("unlock", &arguments, "unlocked kisiCode")
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

async fn check_makes_no_calls_beside_a_running_service(world: &mut World) {
    let TestClub { ann, front, .. } = test_club(world).await;
    let members = world.sandbox.group_named("Members").unwrap();
    let tap = json!({ "group": { "tap_to_access_restriction_enabled": true } });
    at_kisi(world, &format!("groups/{members}"), tap).await;
    wait_for_restrictions(world, &ann, &front, json!(["TAP_ONLY"])).await;
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
    let user_calls = |world: &World| {
        let calls = world.sandbox.calls();
        calls.iter().filter(|call| call.path == "/user").count()
    };
    let before = user_calls(world);
    let report = check().await;
    assert!(report.contains("answers the running service"), "{report}");
    assert!(
        report.contains("door “Front door”: Kisi may refuse")
            && report.contains("must tap its reader"),
        "{report}"
    );
    assert_eq!(
        user_calls(world),
        before,
        "`check` makes no calls while the service runs"
    );
    world.stop().await;
    let report = check().await;
    assert!(report.contains("Kisi account “Kisi” answers\n"), "{report}");
    assert_eq!(user_calls(world), before + 1);
    world.start_again().await;
}

const BEFORE: &str = "m20261127_000030_unlocking";

/// A database of the previous version with one door that requires presence at its reader and one that does not: both keep this.
async fn migration_keeps_restrictions(url: &str, id: impl Fn(u8) -> String) {
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
    let values: Vec<i32> = rows
        .iter()
        .map(|row| row.try_get("", "restrictions").unwrap())
        .collect();
    assert_eq!(values, [Restriction::Reader as i32, 0]);
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doors_of_an_earlier_version_keep_their_restriction() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    migration_keeps_restrictions(&url, |number| format!("X'{number:032x}'")).await;
    if let Some(database) = postgres::fresh().await {
        let id = |number| format!("'{}'::uuid", uuid::Uuid::from_u128(u128::from(number)));
        migration_keeps_restrictions(database.url(), id).await;
        database.remove().await;
    }
}
