//! Kisi's events about its doors, end to end: from the sandbox's signed requests to the history and the reconcile loop, and which
//! requests are rejected.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use latchkey::{
    id::{Kind, decode_as},
    store::{ClubScope, listeners, row::KisiListener},
};
use latchkey_sandbox::{Fault, FaultKind, LockFlags};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    support::{
        api::eventually,
        event::{email, membership},
        world::World,
    },
    unlocks::{TestClub, codes, test_club, unlock_requests},
};

on_both!(
    door_events_are_recorded_once,
    an_event_resolves_a_lost_answer,
    only_signed_events_are_let_in_and_each_once,
    an_assignment_removed_by_others_is_created_again,
    setup_changes_are_read,
    listening_begins_and_ends,
);

pub async fn listen(world: &World) -> Value {
    let arguments = [
        ("account", "ID!", json!(world.account)),
        ("publicUrl", "String!", json!(world.api.base)),
    ];
    let selection = "account { listening problem }";
    world
        .api
        .mutate_unchecked("listenToKisi", &arguments, selection)
        .await
}

/// A test club whose Kisi sends its events to the service.
async fn listening(world: &mut World) -> TestClub {
    let house = test_club(world).await;
    let payload = listen(world).await;
    assert_eq!(
        (&payload["account"]["listening"], &payload["userErrors"]),
        (&json!(true), &json!([])),
        "{payload}"
    );
    house
}

async fn wait_for_entries(world: &World, kind: &str, number: usize) -> Vec<(String, String)> {
    let ask = async || {
        let entries = world.api.history_messages(kind).await;
        (entries.len() >= number).then_some(entries)
    };
    let state = async || format!("{kind}: {:?}", world.api.history_messages(kind).await);
    eventually(ask, state).await
}

/// Opens a door directly at Kisi, with a login of this address.
pub async fn at_kisi(world: &World, email: &str, door: &str) {
    let kisi = world.config().kisi_url;
    let post = async |path: &str, key: &str, body: Value| {
        let request = world.api.http.post(kisi.join(path).unwrap());
        let request = request.header("authorization", format!("KISI-LOGIN {key}"));
        let answer = request.json(&body).send().await.unwrap();
        answer.json::<Value>().await.unwrap_or(Value::Null)
    };
    let login = json!({ "login": { "type": "device", "email": email } });
    let response = post("logins", &world.sandbox.api_key(), login).await;
    let lock = world.sandbox.lock_named(door).unwrap();
    let path = format!("locks/{lock}/unlock");
    post(&path, response["secret"].as_str().unwrap(), json!({})).await;
}

async fn door_events_are_recorded_once(world: &mut World) {
    let house = listening(world).await;
    // Through this service: recorded by the service, and not again by Kisi's event.
    let payload = world
        .api
        .unlock(&house.front, &house.ann, Value::Null)
        .await;
    assert_eq!(payload["unlocked"], true, "{payload}");
    // Directly at Kisi.
    at_kisi(world, &email("ann"), "Front door").await;
    let entries = wait_for_entries(world, "UNLOCKED", 2).await;
    let entry = |actor: &str| ("ann opened Front door".to_owned(), actor.to_owned());
    assert_eq!(entries, [entry("tests"), entry("ann")]);
    at_kisi(world, &email("ann"), "Workshop").await;
    let denied = wait_for_entries(world, "UNLOCK_DENIED", 1).await;
    assert!(
        denied[0].0.starts_with("Workshop did not open for ann: ")
            && denied[0].0.contains("fcd8ef"),
        "{denied:?}"
    );
    // A Kisi user whom the club does not know.
    let staff = world.sandbox.add_user("staff@example.com", "Stefan");
    world
        .sandbox
        .add_role(staff, None, "organization_basic")
        .unwrap();
    at_kisi(world, "staff@example.com", "Range").await;
    let entries = wait_for_entries(world, "UNLOCKED", 3).await;
    assert_eq!(
        entries[2],
        ("Stefan opened Range".to_owned(), "Stefan".to_owned())
    );
}

async fn an_event_resolves_a_lost_answer(world: &mut World) {
    let house = listening(world).await;
    world
        .api
        .unlock(&house.front, &house.ann, json!("first"))
        .await;
    world
        .sandbox
        .fault(Fault::new("POST", "/locks", FaultKind::Lost), 1);
    let payload = world
        .api
        .unlock(&house.front, &house.ann, json!("lost"))
        .await;
    assert_eq!(codes(&payload), ["KISI_UNREACHABLE"]);
    // The lost answer and the event come in either order: the history gets one entry about the request, or the real outcome as
    // well.
    let refused = LockFlags {
        locked_down: true,
        ..LockFlags::default()
    };
    let front = world.sandbox.lock_named("Front door").unwrap();
    world.sandbox.set_lock_flags(front, refused);
    let payload = world
        .api
        .unlock(&house.front, &house.ann, json!("refused"))
        .await;
    assert_eq!(payload["kisiCode"], "fad001");
    assert_eq!(unlock_requests(world), 3);
    let denied = wait_for_entries(world, "UNLOCK_DENIED", 2).await;
    assert_eq!(denied.len(), 2, "{denied:?}");
}

async fn listener(world: &World) -> KisiListener {
    let app = world.app();
    let club = world.api.query("{ club { id } }", json!({})).await;
    let club = decode_as(Kind::Club, club["club"]["id"].as_str().unwrap()).unwrap();
    let account = decode_as(Kind::KisiAccount, world.account.as_ref().unwrap()).unwrap();
    let row = listeners::get(app.db.read(), ClubScope::new(club), account).await;
    row.unwrap().unwrap()
}

async fn only_signed_events_are_let_in_and_each_once(world: &mut World) {
    listening(world).await;
    let listener = listener(world).await;
    let secret = world
        .app()
        .sealer
        .open(
            latchkey::secret::SecretKind::KisiEventSecret,
            listener.account_id,
            &listener.secret,
        )
        .unwrap();
    let sign = |body: &str| {
        let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).unwrap();
        hex::encode(mac.chain_update(body).finalize().into_bytes())
    };
    let send = async |token: &str, body: &str, signature: Option<String>| {
        let url = format!("{}/kisi-events/{token}", world.api.base);
        let mut request = world.api.http.post(url).body(body.to_owned());
        if let Some(signature) = signature {
            request = request.header("x-signature", signature);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let url = format!("{}/kisi-events/{}", world.api.base, listener.path_key);
    let compressed = world.api.http.post(url).header("content-encoding", "gzip");
    let answer = compressed.body("no gzip").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 415);
    let lock = world.sandbox.lock_named("Front door").unwrap();
    let body = json!({
        "uuid": "one", "type": "lock.unlock", "actor_type": "User", "actor_id": 99, "actor_name": "Ann",
        "actor_email": "ANN@example.com", "object_type": "Lock", "object_id": lock, "success": true,
        "created_at": "2026-01-05T08:00:00Z",
    })
    .to_string();
    let good = sign(&body);
    let forged = send(&listener.path_key, &body, Some(sign("another"))).await;
    assert_eq!(forged.0, 401);
    assert_eq!(send(&listener.path_key, &body, None).await, forged);
    assert_eq!(
        send("unknown", &body, Some(good.clone())).await,
        forged,
        "the answer does not reveal whether the path exists"
    );
    assert_eq!(world.api.history_messages("UNLOCKED").await, []);
    for signature in [good.clone(), format!("sha256={good}"), good] {
        let taken = send(&listener.path_key, &body, Some(signature)).await;
        assert_eq!(taken.0, 200);
    }
    assert_eq!(
        world.api.history_messages("UNLOCKED").await,
        [("ann opened Front door".to_owned(), "Ann".to_owned())],
        "recorded once, for the member with this address"
    );
    let nonsense = send(&listener.path_key, "nonsense", Some(sign("nonsense"))).await;
    assert_eq!(nonsense.0, 200, "Kisi would switch the integration off");
    let old = body
        .replace("2026-01-05T08", "2026-01-03T08")
        .replace("\"one\"", "\"two\"");
    assert_ne!(old, body);
    let signature = sign(&old);
    let ignored = send(&listener.path_key, &old, Some(signature)).await;
    assert_eq!(ignored.0, 200, "Kisi would switch the integration off");
    assert_eq!(
        world.api.history_messages("UNLOCKED").await.len(),
        1,
        "an old event is ignored"
    );
    let large = "x".repeat(300_000);
    let signature = sign(&large);
    assert_eq!(
        send(&listener.path_key, &large, Some(signature)).await.0,
        413
    );
}

async fn an_assignment_removed_by_others_is_created_again(world: &mut World) {
    let house = listening(world).await;
    let rows = world.sandbox.assignments_of(&email("ann"));
    assert!(world.sandbox.remove_assignment(rows[0].id));
    let ask = async || (world.sandbox.assignments_of(&email("ann")).len() == 1).then_some(());
    let state = async || format!("{:?}", world.sandbox.assignments_of(&email("ann")));
    eventually(ask, state).await;
    world.settled().await;
    assert_eq!(wait_for_entries(world, "DRIFT_FOUND", 1).await.len(), 1);
    let payload = world
        .api
        .unlock(&house.front, &house.ann, Value::Null)
        .await;
    assert_eq!(payload["unlocked"], true, "{payload}");
    // The service's own changes are no reason to read again.
    world
        .send(
            &house.source,
            "membership.updated",
            membership("m-bob", "bob"),
        )
        .await;
    world.settled().await;
    let reads = world.sandbox.calls();
    let reads = reads.iter().filter(|call| {
        call.method == "GET" && call.path == "/role_assignments" && call.query.contains("user_id")
    });
    assert!(reads.count() <= 3, "{:?}", world.sandbox.calls());
    assert_eq!(world.api.history_messages("DRIFT_FOUND").await.len(), 1);
}

async fn setup_changes_are_read(world: &mut World) {
    let house = listening(world).await;
    let workshop = world.sandbox.lock_named("Workshop").unwrap();
    let group = world.sandbox.group_named("Members").unwrap();
    let url = world.config().kisi_url.join("group_locks").unwrap();
    let request = world
        .api
        .http
        .post(url)
        .json(&json!({ "group_lock": { "group_id": group, "lock_id": workshop } }));
    let key = format!("KISI-LOGIN {}", world.sandbox.api_key());
    let answer = request.header("authorization", key).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let group = world.api.named("groups", "Members").await;
    let query = "query($id: ID!) { node(id: $id) { ... on Group { locks { name } } } }";
    let ask = async || {
        let response = world.api.query(query, json!({ "id": group })).await;
        (response["node"]["locks"].as_array().unwrap().len() == 3).then_some(())
    };
    eventually(ask, async || "the setup was not read again".to_owned()).await;
    let lock = world.api.named("locks", "Workshop").await;
    let payload = world.api.unlock(&lock, &house.ann, Value::Null).await;
    assert_eq!(payload["unlocked"], true, "{payload}");
    // Kisi's list leaves out the URLs: a sweep recognizes the integration by its id.
    let query = "{ kisiAccounts { listening problem } }";
    let response = world.api.query(query, json!({})).await;
    assert_eq!(
        response["kisiAccounts"][0],
        json!({ "listening": true, "problem": null })
    );
    // An integration that Kisi has switched off is reported, and repaired by listening again.
    let integration = listener(world).await.kisi_id.unwrap();
    let url = world
        .config()
        .kisi_url
        .join(&format!("integrations/{integration}"))
        .unwrap();
    let key = format!("KISI-LOGIN {}", world.sandbox.api_key());
    let request = world
        .api
        .http
        .patch(url.clone())
        .json(&json!({ "integration": { "enabled": false } }));
    request.header("authorization", key).send().await.unwrap();
    let account = [("account", "ID!", json!(world.account))];
    world
        .api
        .mutate("refreshKisi", &account, "account { id }")
        .await;
    let ask = async || {
        let response = world.api.query(query, json!({})).await;
        (response["kisiAccounts"][0]["problem"] != Value::Null).then(|| response.to_string())
    };
    let problem = eventually(ask, async || "the account shows no problem".to_owned()).await;
    assert!(problem.contains("switched off in Kisi"), "{problem}");
    let response = world.api.query(query, json!({})).await;
    assert_eq!(response["kisiAccounts"][0]["listening"], false);
    let payload = listen(world).await;
    assert_eq!(
        payload["account"],
        json!({ "listening": true, "problem": null })
    );
    // The same for an integration whose URL was changed: its id still identifies it.
    let elsewhere = json!({ "integration": { "url": "https://elsewhere.example.com/" } });
    let request = world.api.http.patch(url).json(&elsewhere);
    let key = format!("KISI-LOGIN {}", world.sandbox.api_key());
    request.header("authorization", key).send().await.unwrap();
    // The clock is stopped: at the same instant, this sweep would merge with the previous one, which may still run.
    world.turn_to(world.now() + Duration::from_secs(1));
    world
        .api
        .mutate("refreshKisi", &account, "account { id }")
        .await;
    let ask = async || {
        let response = world.api.query(query, json!({})).await.to_string();
        response.contains("another URL in Kisi").then_some(())
    };
    eventually(ask, async || {
        "the account shows no problem with the URL".to_owned()
    })
    .await;
    let payload = listen(world).await;
    assert_eq!(
        payload["account"],
        json!({ "listening": true, "problem": null })
    );
    let creations = world.sandbox.calls();
    let creations = creations
        .iter()
        .filter(|call| call.method == "POST" && call.path == "/integrations");
    assert_eq!(creations.count(), 1, "only one integration is created");
}

async fn listening_begins_and_ends(world: &mut World) {
    test_club(world).await;
    for wrong in ["http://example.com", "nonsense", "https://a:b@example.com"] {
        let arguments = [
            ("account", "ID!", json!(world.account)),
            ("publicUrl", "String!", json!(wrong)),
        ];
        assert_eq!(
            world.api.refusals("listenToKisi", &arguments).await,
            ["INVALID"]
        );
    }
    world.sandbox.set_key_good(false);
    assert_eq!(codes(&listen(world).await), ["KISI_UNAUTHORIZED"]);
    world.sandbox.set_key_good(true);
    let creations = |world: &World| {
        let calls = world.sandbox.calls();
        let is_made =
            |call: &&latchkey_sandbox::Call| call.method == "POST" && call.path == "/integrations";
        calls.iter().filter(is_made).count()
    };
    // A lost answer leaves an integration behind, which the next attempt finds.
    world
        .sandbox
        .fault(Fault::new("POST", "/integrations", FaultKind::Lost), 1);
    assert_eq!(codes(&listen(world).await), ["KISI_UNREACHABLE"]);
    for _ in 0..2 {
        assert_eq!(listen(world).await["account"]["listening"], true);
    }
    assert_eq!(creations(world), 1);
    let account = world.account.take().unwrap();
    let arguments = [
        ("account", "ID!", json!(account)),
        ("access", "DisconnectPolicy!", json!("KEEP")),
    ];
    world
        .api
        .mutate("disconnectKisi", &arguments, "account { status }")
        .await;
    let calls = world.sandbox.calls();
    let deletion = calls.iter().find(|call| call.method == "DELETE");
    assert_eq!(deletion.map(|call| call.status), Some(Some(204)));
    assert!(deletion.unwrap().path.starts_with("/integrations/"));
    let response = world
        .api
        .query("{ kisiAccounts { listening } }", json!({}))
        .await;
    assert_eq!(response["kisiAccounts"][0]["listening"], false);
}
