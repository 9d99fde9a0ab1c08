//! MAPPED sources: a mapping turns a sender's own JSON into events. A delivery that the mapping does not cover is kept with the
//! name of the field, and is understood when it is replayed with a corrected mapping.

use jiff::ToSpan;
use latchkey::{ingest::signature, store::row::SignatureScheme};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{
    api::{Signed, Source},
    world::World,
};

on_both!(
    a_senders_own_json_opens_a_door,
    a_failed_delivery_is_replayed_with_a_corrected_mapping,
    an_invalid_mapping_is_refused_with_its_path,
    a_signed_pushpress_event_is_trusted,
    a_recorded_request_is_not_made_new_by_unsigned_bytes,
    a_time_that_is_not_signed_is_not_believed,
);

fn mapping() -> Value {
    json!({
        "type": "/event",
        "timestamp": { "at": "/created", "as": "seconds" },
        "events": {
            "enrollment.status.changed": { "is": "membership.updated", "data": {
                "id": "/data/id",
                "plan": { "id": "/data/planId", "name": "/data/planName" },
                "member": { "id": "/data/customer/id", "email": "/data/customer/email", "name": "/data/customer/name" },
                "status": { "at": "/data/status", "words": { "active": "active", "paused": "paused", "canceled": "ended" } },
            } },
            "class.canceled": "ignore",
        },
    })
}

fn enrollment(world: &World, status: &str) -> Value {
    let customer = json!({ "id": 7, "email": "ada@example.com", "name": "Ada" });
    let data = json!({ "id": "e1", "planId": "unlimited", "planName": "Unlimited", "status": status, "customer": customer });
    json!({ "event": "enrollment.status.changed", "created": world.now().as_second(), "data": data })
}

async fn a_source(world: &World, signature: &str) -> Source {
    let input = json!({ "name": format!("Gym {signature}"), "platform": "MAPPED", "signature": signature, "mapping": mapping() });
    let payload = world
        .api
        .mutate(
            "createSource",
            &[("input", "CreateSourceInput!", input)],
            "source { id webhookPath mapping } secret",
        )
        .await;
    assert_eq!(payload["source"]["mapping"], mapping());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Source {
        id: text(&payload["source"]["id"]),
        path: text(&payload["source"]["webhookPath"]),
        secret: SecretString::from(text(&payload["secret"])),
    }
}

async fn a_club(world: &mut World, signature: &str) -> Source {
    let source = a_source(world, signature).await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world.emails.insert("ada@example.com".to_owned());
    source
}

async fn a_senders_own_json_opens_a_door(world: &mut World) {
    let source = a_club(world, "STANDARD_WEBHOOKS").await;
    for (status, rows) in [("active", 1), ("paused", 0), ("active", 1), ("canceled", 0)] {
        let body = enrollment(world, status);
        let answer = world.post(&source, &body).await;
        assert_eq!(answer.word(), (202, "accepted"), "{status}");
        world.settled().await;
        assert_eq!(
            world.sandbox.assignments_of("ada@example.com").len(),
            rows,
            "{status}"
        );
    }
    let answer = world
        .post(&source, &json!({ "event": "class.canceled" }))
        .await;
    assert_eq!(answer.word(), (202, "accepted"));
    let query = "query($id: ID!) { node(id: $id) { ... on Delivery { status eventType } } }";
    let response = world
        .api
        .query(query, json!({ "id": answer.delivery() }))
        .await;
    assert_eq!(
        response["node"],
        json!({ "status": "IGNORED", "eventType": "class.canceled" })
    );
}

async fn a_failed_delivery_is_replayed_with_a_corrected_mapping(world: &mut World) {
    let source = a_club(world, "STANDARD_WEBHOOKS").await;
    let body = enrollment(world, "alert");
    let answer = world.post(&source, &body).await;
    assert_eq!(answer.word(), (422, "failed"), "{answer:?}");
    assert_eq!(answer.body["field"], "/data/status");
    let failed = "{ sources { failedDeliveries } deliveries(filter: {status: FAILED}) { nodes { problem eventType } } }";
    let response = world.api.query(failed, json!({})).await;
    assert_eq!(response["sources"], json!([{ "failedDeliveries": 1 }]));
    let problem = response["deliveries"]["nodes"][0]["problem"]
        .as_str()
        .unwrap();
    assert!(problem.contains("/data/status is \"alert\""), "{problem}");
    assert_eq!(
        response["deliveries"]["nodes"][0]["eventType"],
        "enrollment.status.changed"
    );

    let mut mended = mapping();
    *mended
        .pointer_mut("/events/enrollment.status.changed/data/status/words")
        .unwrap() = json!({ "alert": "active", "active": "active" });
    let input = json!({ "source": source.id, "mapping": mended });
    world
        .api
        .mutate(
            "updateSource",
            &[("input", "UpdateSourceInput!", input)],
            "source { id }",
        )
        .await;
    world
        .api
        .mutate(
            "replayDelivery",
            &[("delivery", "ID!", json!(answer.delivery()))],
            "delivery { status }",
        )
        .await;
    world.settled().await;
    assert_eq!(world.sandbox.assignments_of("ada@example.com").len(), 1);
    let response = world.api.query(failed, json!({})).await;
    assert_eq!(response["sources"], json!([{ "failedDeliveries": 0 }]));
}

async fn an_invalid_mapping_is_refused_with_its_path(world: &mut World) {
    let source = a_source(world, "STANDARD_WEBHOOKS").await;
    let mut wrong = mapping();
    *wrong
        .pointer_mut("/events/enrollment.status.changed/data/status/words/paused")
        .unwrap() = json!("asleep");
    let input = json!({ "source": source.id, "mapping": wrong });
    let refused = world
        .api
        .mutate_unchecked(
            "updateSource",
            &[("input", "UpdateSourceInput!", input)],
            "",
        )
        .await;
    let error = &refused["userErrors"][0];
    let path = [
        "input",
        "mapping",
        "events",
        "enrollment.status.changed",
        "data",
        "status",
        "words",
        "paused",
    ];
    assert_eq!(error["field"], json!(path));
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("active, scheduled, paused"),
        "{error}"
    );
    for (name, input) in [
        (
            "none for MAPPED",
            json!({ "name": "a", "platform": "MAPPED" }),
        ),
        (
            "one for CANONICAL",
            json!({ "name": "b", "platform": "CANONICAL", "mapping": mapping() }),
        ),
    ] {
        let refused = world
            .api
            .mutate_unchecked(
                "createSource",
                &[("input", "CreateSourceInput!", input)],
                "",
            )
            .await;
        assert_eq!(
            refused["userErrors"][0]["field"],
            json!(["input", "mapping"]),
            "{name}"
        );
    }
}

async fn a_signed_pushpress_event_is_trusted(world: &mut World) {
    let source = a_club(world, "PUSHPRESS").await;
    let body = enrollment(world, "active").to_string().into_bytes();
    let now = world.clock.now();
    let headers =
        signature::sign(SignatureScheme::Pushpress, &source.secret, "", now, &body).unwrap();
    let good = Signed { headers, body };
    let forged = Signed {
        body: enrollment(world, "paused").to_string().into_bytes(),
        ..good.clone()
    };
    assert_eq!(world.api.deliver(&source, forged).await.status, 401);
    assert_eq!(
        world.api.deliver(&source, good.clone()).await.word(),
        (202, "accepted")
    );
    assert_eq!(
        world.api.deliver(&source, good).await.word(),
        (200, "duplicate")
    );
    world.settled().await;
    assert_eq!(world.sandbox.assignments_of("ada@example.com").len(), 1);
}

fn sign(world: &World, scheme: SignatureScheme, source: &Source, body: &Value) -> Signed {
    let body = body.to_string().into_bytes();
    let now = world.clock.now();
    let headers = signature::sign(scheme, &source.secret, "", now, &body).unwrap();
    Signed { headers, body }
}

async fn a_recorded_request_is_not_made_new_by_unsigned_bytes(world: &mut World) {
    let source = a_club(world, "PUSHPRESS").await;
    let scheme = SignatureScheme::Pushpress;
    let recorded = enrollment(world, "active");
    let signed = sign(world, scheme, &source, &recorded);
    assert_eq!(world.api.deliver(&source, signed.clone()).await.status, 202);
    world.turn_to(world.now() + 1.minute());
    let canceled = sign(world, scheme, &source, &enrollment(world, "canceled"));
    assert_eq!(world.api.deliver(&source, canceled).await.status, 202);
    world.settled().await;
    assert_eq!(world.sandbox.assignments_of("ada@example.com").len(), 0);
    world.turn_to(world.now() + 1.minute());
    let mut later = recorded.clone();
    later["created"] = json!(world.now().as_second());
    let mut longer = recorded;
    longer["event_id"] = json!("another");
    for body in [later, longer] {
        let replayed = Signed {
            body: body.to_string().into_bytes(),
            ..signed.clone()
        };
        let answer = world.api.deliver(&source, replayed).await;
        assert_eq!(answer.word(), (200, "duplicate"), "{body}");
    }

    // Nexudus signs each character beyond ASCII as a question mark.
    let named = |name: &str| {
        let mut body = enrollment(world, "active");
        body["created"] = json!(1_767_600_000);
        body["data"]["customer"]["name"] = json!(name);
        body
    };
    let (recorded, changed) = (named("Adä"), named("Adé"));
    let nexudus = a_source(world, "NEXUDUS").await;
    let signed = sign(world, SignatureScheme::Nexudus, &nexudus, &recorded);
    assert_eq!(
        world.api.deliver(&nexudus, signed.clone()).await.word(),
        (202, "accepted")
    );
    let replayed = Signed {
        body: changed.to_string().into_bytes(),
        ..signed
    };
    assert_eq!(
        world.api.deliver(&nexudus, replayed).await.word(),
        (200, "duplicate")
    );
}

async fn a_time_that_is_not_signed_is_not_believed(world: &mut World) {
    let source = a_club(world, "PUSHPRESS").await;
    let mut early = enrollment(world, "active");
    early["created"] = json!(1_000_000_000);
    let signed = sign(world, SignatureScheme::Pushpress, &source, &early);
    let mut ahead = early;
    ahead["created"] = json!(1_900_000_000);
    let forged = Signed {
        body: ahead.to_string().into_bytes(),
        ..signed
    };
    let answer = world.api.deliver(&source, forged).await;
    assert_eq!(answer.word(), (202, "accepted"));
    let query =
        "query($id: ID!) { node(id: $id) { ... on Delivery { occurredAt receivedAt problem } } }";
    let response = world
        .api
        .query(query, json!({ "id": answer.delivery() }))
        .await;
    assert_eq!(
        response["node"]["occurredAt"],
        response["node"]["receivedAt"]
    );
    let problem = response["node"]["problem"].as_str().unwrap();
    assert!(problem.contains("not signed"), "{problem}");
}
