//! Suspicious input is reported instead of ignored: a time in the future, a field that is not read, a corrected body, and
//! rejected requests.

use hmac::{Hmac, KeyInit, Mac};
use jiff::ToSpan;
use latchkey::{ingest::signature, store::row::SignatureScheme};
use migration::{Migrator, MigratorTrait};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{
    api::{Signed, Source, WebhookResponse},
    event::{booking, event, membership, with},
    postgres,
    world::World,
};

on_both!(
    an_event_of_the_future_is_refused_and_shuts_nothing_out,
    a_vendors_time_in_the_future_is_shown,
    a_field_that_is_not_read_is_warned_of,
    a_field_that_would_have_narrowed_access_is_refused,
    a_mended_body_is_a_new_attempt,
    a_rejection_names_the_usual_mistake_and_is_counted,
);

async fn a_club(world: &mut World) -> Source {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world.emails.insert("ada@example.com".to_owned());
    source
}

fn in_kisi(world: &World) -> usize {
    world.sandbox.assignments_of("ada@example.com").len()
}

async fn delivery(world: &World, answer: &WebhookResponse) -> Value {
    let query = "query($id: ID!) { node(id: $id) { ... on Delivery { status attempts problem warnings } } }";
    let response = world
        .api
        .query(query, json!({ "id": answer.delivery() }))
        .await;
    response["node"].clone()
}

async fn an_event_of_the_future_is_refused_and_shuts_nothing_out(world: &mut World) {
    let source = a_club(world).await;
    let active = membership("m1", "ada");
    let ahead = event(
        "membership.updated",
        "2030-01-05T08:00:00Z".parse().unwrap(),
        &active,
    );
    let answer = world.post(&source, &ahead).await;
    assert_eq!(answer.word(), (422, "failed"), "{answer:?}");
    assert_eq!(answer.body["field"], "timestamp");
    let error = answer.body["error"].as_str().unwrap();
    assert!(
        error.contains("years") && error.contains("in the future"),
        "{error}"
    );
    assert_eq!(delivery(world, &answer).await["status"], "FAILED");
    let nobody = json!({ "members": [], "memberships": [] });
    let ahead = event("roster.snapshot", world.now() + 301.seconds(), &nobody);
    assert_eq!(world.post(&source, &ahead).await.status, 422);

    // Within the tolerance, a sender's clock may be ahead.
    let early = event("membership.updated", world.now() + 200.seconds(), &active);
    assert_eq!(world.post(&source, &early).await.status, 202);
    world.settled().await;
    assert_eq!(in_kisi(world), 1);
    world.turn_to(world.now() + 10.minutes());
    let ended = with(active, json!({ "status": "ended" }));
    world.send(&source, "membership.updated", ended).await;
    world.settled().await;
    assert_eq!(in_kisi(world), 0, "a later event still applies");
    // When it is replayed, its time is still in the future.
    let again = [("delivery", "ID!", json!(answer.delivery()))];
    world
        .api
        .mutate("replayDelivery", &again, "delivery { status }")
        .await;
    assert_eq!(delivery(world, &answer).await["status"], "FAILED");
}

async fn a_source(world: &World, platform: &str) -> Source {
    let input = json!({ "name": platform, "platform": platform });
    let payload = world
        .api
        .mutate(
            "createSource",
            &[("input", "CreateSourceInput!", input)],
            "source { id webhookPath } secret",
        )
        .await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Source {
        id: text(&payload["source"]["id"]),
        path: text(&payload["source"]["webhookPath"]),
        secret: text(&payload["secret"]).into(),
    }
}

async fn a_vendors_time_in_the_future_is_shown(world: &mut World) {
    let source = a_source(world, "SPACEBRING").await;
    let body = json!({ "type": "booking.deleted", "booking": { "id": "b1", "deleteDate": "2030-01-01T00:00:00Z" } });
    let body = body.to_string().into_bytes();
    let now = world.clock.now();
    let headers =
        signature::sign(SignatureScheme::Svix, &source.secret, "msg_1", now, &body).unwrap();
    let answer = world.api.deliver(&source, Signed { headers, body }).await;
    assert_eq!(answer.word(), (202, "failed"));
    let stored = delivery(world, &answer).await;
    assert!(
        stored["problem"]
            .as_str()
            .unwrap()
            .contains("in the future"),
        "{stored}"
    );
}

async fn a_field_that_is_not_read_is_warned_of(world: &mut World) {
    let source = a_club(world).await;
    let member = json!({ "id": "ada", "email": "ada@example.com", "name": "Ada" });
    let mut odd = with(
        membership("m1", "ada"),
        json!({ "member": with(member, json!({ "phone": "1", "is_blocked": false })), "nickname": "x" }),
    );
    odd["endsAt"] = Value::Null;
    let mut body = event("membership.updated", world.now(), &odd);
    body["api_version"] = json!(2);
    let answer = world.post(&source, &body).await;
    assert_eq!(answer.word(), (202, "accepted"), "{answer:?}");
    let warnings = json!([
        "api_version is not read",
        "data.endsAt is not read",
        "data.member.is_blocked is not read",
        "data.member.phone is not read",
        "data.nickname is not read",
    ]);
    assert_eq!(answer.body["warnings"], warnings);
    assert_eq!(delivery(world, &answer).await["warnings"], warnings);
    world.settled().await;
    assert_eq!(in_kisi(world), 1);
    // A deletion ends the entitlement whatever its other fields contain.
    let gone = json!({ "id": "m1", "status": "ended", "ends_at": "2026-01-01" });
    let body = event("membership.deleted", world.now(), &gone);
    let answer = world.post(&source, &body).await;
    assert_eq!(answer.word(), (202, "accepted"));
    world.settled().await;
    assert_eq!(in_kisi(world), 0);
    // An event without unread fields has no warning.
    let plain = event("membership.updated", world.now(), &membership("m2", "ada"));
    let answer = world.post(&source, &plain).await;
    assert_eq!(answer.body.get("warnings"), None);
    assert_eq!(delivery(world, &answer).await["warnings"], json!([]));
}

async fn a_field_that_would_have_narrowed_access_is_refused(world: &mut World) {
    let source = a_club(world).await;
    let ada = || membership("m1", "ada");
    let start = world.now() + 1.hour();
    let booked = booking("b1", "ada", start, start + 1.hour(), &[]);
    let nested = |name: &str, field: &str, value: Value| {
        let mut data = ada();
        data[name][field] = value;
        data
    };
    let many = json!({ "members": [], "memberships": [ada(), with(membership("m2", "ada"), json!({ "expiry": "2026-02-01" }))] });
    let (kind, until) = ("membership.updated", "2026-02-01T00:00:00Z");
    for (kind, data, field, right) in [
        (
            kind,
            with(ada(), json!({ "endsAt": until })),
            "data.endsAt",
            "data.ends_at",
        ),
        (
            kind,
            with(ada(), json!({ "expires_at": until })),
            "data.expires_at",
            "data.ends_at",
        ),
        (
            kind,
            with(ada(), json!({ "validUntil": until })),
            "data.validUntil",
            "data.ends_at",
        ),
        (
            kind,
            with(ada(), json!({ "ends_ta": until })),
            "data.ends_ta",
            "data.ends_at",
        ),
        (
            kind,
            with(ada(), json!({ "state": "frozen" })),
            "data.state",
            "data.status",
        ),
        (
            kind,
            with(ada(), json!({ "blocked_at": until })),
            "data.blocked_at",
            "data.blocked",
        ),
        (
            kind,
            with(ada(), json!({ "active": false })),
            "data.active",
            "data.status",
        ),
        (
            kind,
            nested("member", "status", json!("inactive")),
            "data.member.status",
            "of a membership",
        ),
        (
            kind,
            nested("plan", "archived", json!(true)),
            "data.plan.archived",
            "of a membership",
        ),
        (
            "registration.updated",
            with(booked, json!({ "cancelled": true })),
            "data.cancelled",
            "data.status",
        ),
        (
            "roster.snapshot",
            many,
            "data.memberships[1].expiry",
            "data.memberships[1].ends_at",
        ),
    ] {
        let body = event(kind, world.now(), &data);
        let answer = world.post(&source, &body).await;
        assert_eq!(answer.word(), (422, "failed"), "{field}: {answer:?}");
        assert_eq!(answer.body["field"], field);
        let error = answer.body["error"].as_str().unwrap();
        assert!(error.contains(right), "{error}");
    }
    world.settled().await;
    assert_eq!(in_kisi(world), 0);
    let mut address = ada();
    address["location"] = json!({ "id": "pier", "time_zone": "America/New_York", "state": "NY" });
    let body = event(kind, world.now(), &address);
    let answer = world.post(&source, &body).await;
    assert_eq!(
        answer.word(),
        (202, "accepted"),
        "`state` is part of a postal address"
    );
}

async fn a_mended_body_is_a_new_attempt(world: &mut World) {
    let source = a_club(world).await;
    let good = event("membership.updated", world.now(), &membership("m1", "ada"));
    let mut wrong = good.clone();
    wrong["data"]["status"] = json!("fine");
    let mut worse = good.clone();
    worse["data"]["status"] = json!("splendid");
    let post = async |world: &World, body: &Value| {
        let signed = world.signed(&source, "msg_1", body.to_string().into_bytes());
        world.api.deliver(&source, signed).await
    };
    let first = post(world, &wrong).await;
    assert_eq!(first.word(), (422, "failed"));
    assert_eq!(
        post(world, &wrong).await.word(),
        (200, "duplicate"),
        "the same body again"
    );
    let second = post(world, &worse).await;
    assert_eq!(second.word(), (422, "failed"));
    assert_eq!(second.delivery(), first.delivery());
    let stored = delivery(world, &first).await;
    assert!(
        stored["problem"].as_str().unwrap().contains("splendid"),
        "{stored}"
    );
    let third = post(world, &good).await;
    assert_eq!(
        (third.word(), third.delivery()),
        ((202, "accepted"), first.delivery())
    );
    world.settled().await;
    assert_eq!(in_kisi(world), 1);
    let stored = delivery(world, &first).await;
    assert_eq!(
        (&stored["status"], &stored["attempts"], &stored["problem"]),
        (&json!("SETTLED"), &json!(4), &Value::Null)
    );
    for body in [&good, &wrong] {
        assert_eq!(post(world, body).await.word(), (200, "duplicate"));
    }
    assert_eq!(world.api.deliveries().await, 1);
    world.settled().await;
    assert_eq!(in_kisi(world), 1, "a processed delivery is not replaced");
}

/// Signs with the text of the secret in place of its decoded bytes.
fn signed_with_secret_text(source: &Source, good: &Signed) -> Signed {
    let header = |name: &str| {
        let pair = good.headers.iter().find(|(of, _)| *of == name);
        pair.unwrap().1.clone()
    };
    let text = source.secret.expose_secret();
    let mut mac = Hmac::<Sha256>::new_from_slice(text.as_bytes()).unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&good.body);
    let digest = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        mac.finalize().into_bytes(),
    );
    let signature = format!("v1,{digest}");
    good.clone().header("webhook-signature", Some(&signature))
}

async fn rejections(world: &World) -> Value {
    let query = "{ sources { lastRejection { at code reason } rejectionsLastDay } }";
    let response = world.api.query(query, json!({})).await;
    response["sources"][0].clone()
}

async fn a_rejection_names_the_usual_mistake_and_is_counted(world: &mut World) {
    let source = world.api.source("Front desk").await;
    assert_eq!(
        rejections(world).await,
        json!({ "lastRejection": null, "rejectionsLastDay": 0 })
    );
    let body = event("membership.updated", world.now(), &membership("m1", "ada"));
    let body = body.to_string().into_bytes();
    let good = world.signed(&source, "msg_1", body.clone());
    let millis = world.now().as_millisecond().to_string();
    let late = Signed::new(
        &source.secret,
        "msg_1",
        world.clock.now().minus(std::time::Duration::from_secs(400)),
        body.clone(),
    );
    let stranger = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".to_owned().into();
    let other = Signed {
        headers: vec![("svix-signature".to_owned(), "v1,AAAA".to_owned())],
        body: body.clone(),
    };
    let cases = [
        (
            "SECRET_ENCODING",
            signed_with_secret_text(&source, &good),
            "base64 after whsec_",
        ),
        (
            "MILLISECONDS",
            good.clone().header("webhook-timestamp", Some(&millis)),
            "milliseconds",
        ),
        ("TIMESTAMP", late, "400 s behind"),
        ("OTHER_SCHEME", other, "svix-signature"),
        (
            "HEADER",
            good.clone().header("webhook-signature", None),
            "webhook-signature is missing",
        ),
        (
            "SIGNATURE",
            Signed::new(&stranger, "msg_1", world.clock.now(), body),
            "does not fit",
        ),
    ];
    let mut count = 0;
    for (code, request, words) in cases {
        let answer = world.api.deliver(&source, request).await;
        assert_eq!(answer.status, 401, "{code}");
        let error = answer.body["error"].as_str().unwrap();
        assert!(error.contains(words), "{code}: {error}");
        count += 1;
        let rejection_state = rejections(world).await;
        assert_eq!(rejection_state["lastRejection"]["code"], code);
        assert!(
            !rejection_state["lastRejection"]["reason"]
                .as_str()
                .unwrap()
                .is_empty()
        );
        assert_eq!(rejection_state["rejectionsLastDay"], count);
    }
    let before = rejections(world).await;
    for _ in 0..2 {
        world.app().rejections.write(&world.app().db).await.unwrap();
        assert_eq!(
            rejections(world).await,
            before,
            "the same before and after writing to the database"
        );
    }
    let unsigned = || Signed {
        headers: Vec::new(),
        body: Vec::new(),
    };
    let unknown = Source {
        path: "/webhooks/00000000000000000000000000000000".to_owned(),
        ..source.clone()
    };
    assert_eq!(world.api.deliver(&unknown, unsigned()).await.status, 404);
    let metrics = world.api.http.get(format!("{}/metrics", world.api.base));
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    for line in [
        "latchkey_webhook_rejections_total{reason=\"secret_encoding\"} 1",
        "latchkey_webhook_rejections_total{reason=\"signature\"} 1",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    // A day later, one more rejection is the only one of that day, and one row remains for each hour that counts.
    world.turn_to(world.now() + 25.hours());
    assert_eq!(world.api.deliver(&source, unsigned()).await.status, 401);
    world.app().rejections.write(&world.app().db).await.unwrap();
    let rejection_state = rejections(world).await;
    assert_eq!(
        (
            &rejection_state["rejectionsLastDay"],
            &rejection_state["lastRejection"]["code"]
        ),
        (&json!(1), &json!("HEADER"))
    );
    assert_eq!(world.api.deliveries().await, 0);
    assert_eq!(
        world
            .api
            .deliver(&source, world.signed(&source, "msg_2", good.body))
            .await
            .status,
        202
    );
}

/// Every migration can be reverted and applied again.
async fn migrate_up_and_down(url: &str) {
    let connection = sea_orm::Database::connect(url).await.unwrap();
    for _ in 0..2 {
        Migrator::up(&connection, None).await.unwrap();
        let pending = Migrator::get_pending_migrations(&connection).await.unwrap();
        assert!(pending.is_empty());
        Migrator::down(&connection, Some(1)).await.unwrap();
        Migrator::up(&connection, None).await.unwrap();
        Migrator::down(&connection, None).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_are_reverted_and_applied_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    migrate_up_and_down(&format!("sqlite://{}?mode=rwc", file.display())).await;
    if let Some(database) = postgres::fresh().await {
        migrate_up_and_down(database.url()).await;
        database.remove().await;
    }
}
