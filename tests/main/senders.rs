//! Senders outside the known platforms: signature rules, shared secrets, forms, bodies with several events, the preview of a
//! mapping, and failed deliveries that are looked at and dismissed.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use latchkey::{
    id::{Kind, decode_as},
    store::ClubScope,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};

use crate::support::{
    api::{Signed, Source, WebhookResponse},
    world::World,
};

on_both!(
    a_custom_signature_is_verified,
    a_signature_rule_is_validated,
    a_shared_secret_proves_who_sends,
    vendor_ids_tell_repeats_apart,
    a_form_opens_a_door,
    a_part_that_fails_leaves_the_others,
    a_mapping_is_previewed,
    failed_deliveries_are_read_and_dismissed,
);

const SECRET: &str = "a secret of the platform";

fn mapping() -> Value {
    json!({ "type": "/event", "events": {
        "joined": { "is": "membership.updated", "data": {
            "id": "/id", "plan": { "id": "/plan" }, "member": { "id": "/who", "email": "/mail" }, "status": { "value": "active" },
        } },
        "batch": { "is": "membership.updated", "each": "/all", "data": {
            "id": "/id", "plan": { "id": "/plan" }, "member": { "id": "/who", "email": "/mail" }, "status": { "value": "active" },
        } },
        "hello": "ignore",
    } })
}

fn joined(who: &str) -> Value {
    json!({ "event": "joined", "id": format!("m-{who}"), "plan": "gold", "who": who, "mail": format!("{who}@example.com") })
}

/// Creates a source whose rule lets everybody with a membership into a group.
async fn a_club(world: &mut World, scheme: &str, rule: Value) -> Source {
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    for who in ["ada", "bob"] {
        world.emails.insert(format!("{who}@example.com"));
    }
    let mut input = json!({ "name": format!("Gym {scheme}"), "platform": "MAPPED", "signature": scheme, "secret": SECRET, "mapping": mapping() });
    if !rule.is_null() {
        input["signatureRule"] = rule;
    }
    let arguments = [("input", "CreateSourceInput!", input)];
    let selection =
        "source { id webhookPath signature signatureRule { header prefix tolerance } } secret";
    let payload = world
        .api
        .mutate("createSource", &arguments, selection)
        .await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Source {
        id: text(&payload["source"]["id"]),
        path: text(&payload["source"]["webhookPath"]),
        secret: SecretString::from(text(&payload["secret"])),
    }
}

async fn send(
    world: &World,
    source: &Source,
    headers: &[(&str, &str)],
    body: &[u8],
) -> WebhookResponse {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let signed = Signed {
        headers: headers.iter().map(own).collect(),
        body: body.to_vec(),
    };
    world.api.deliver(source, signed).await
}

fn mac(message: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

async fn opened(world: &World, who: &str) -> usize {
    world.settled().await;
    world
        .sandbox
        .assignments_of(&format!("{who}@example.com"))
        .len()
}

async fn a_custom_signature_is_verified(world: &mut World) {
    let rule = json!({
        "header": "X-Gym-Signature", "prefix": "v1=", "encoding": "HEX", "content": "{id}:{timestamp}:{body}",
        "timestamp": { "header": "X-Gym-Time", "unit": "MILLISECONDS" }, "eventId": { "header": "X-Gym-Id" }, "tolerance": "PT1M",
    });
    let source = a_club(world, "CUSTOM", rule).await;
    let body = joined("ada").to_string();
    let at = |ahead_s: i64| (world.now().as_millisecond() + ahead_s * 1_000).to_string();
    let post = async |id: &str, at: &str, signature: &str| {
        let headers = [
            ("x-gym-id", id),
            ("x-gym-time", at),
            ("x-gym-signature", signature),
        ];
        send(world, &source, &headers, body.as_bytes()).await
    };
    let now = at(0);
    let good = mac(&format!("e1:{now}:{body}"));
    let wrong = mac(&format!("e1:{now}:{body} "));
    for (id, at, signature) in [
        ("e1", now.as_str(), format!("v1={wrong}")),
        ("e2", now.as_str(), format!("v1={good}")),
        ("e1", now.as_str(), format!("v2={good}")),
        ("e1", now.as_str(), good.clone()),
        ("e1", now.as_str(), String::new()),
        (
            "",
            now.as_str(),
            format!("v1={}", mac(&format!(":{now}:{body}"))),
        ),
        (
            "e1",
            "soon",
            format!("v1={}", mac(&format!("e1:soon:{body}"))),
        ),
        (
            "e1",
            &at(61),
            format!("v1={}", mac(&format!("e1:{}:{body}", at(61)))),
        ),
        (
            "e1",
            &at(-61),
            format!("v1={}", mac(&format!("e1:{}:{body}", at(-61)))),
        ),
    ] {
        assert_eq!(
            post(id, at, &signature).await.status,
            401,
            "{id} {at} {signature}"
        );
    }
    assert_eq!(opened(world, "ada").await, 0);
    // While the secret changes, a sender signs with both.
    let several = format!("v1={wrong}, v1={good}");
    assert_eq!(post("e1", &now, &several).await.word(), (202, "accepted"));
    assert_eq!(opened(world, "ada").await, 1);
    assert_eq!(
        post("e1", &now, &format!("v1={good}")).await.word(),
        (200, "duplicate")
    );
    let other = mac(&format!("e3:{now}:{body}"));
    assert_eq!(
        post("e3", &now, &format!("v1={other}")).await.word(),
        (202, "accepted")
    );
}

async fn a_signature_rule_is_validated(world: &mut World) {
    let hex = json!({ "header": "x-sig", "encoding": "HEX" });
    let with = |name: &str, value: Value| {
        let mut rule = hex.clone();
        rule[name] = value;
        rule
    };
    for (scheme, rule, field) in [
        ("CUSTOM", Value::Null, "signatureRule"),
        ("SHARED_SECRET", Value::Null, "signatureRule"),
        ("STRIPE", hex.clone(), "signatureRule"),
        (
            "CUSTOM",
            json!({ "header": "x-sig" }),
            "signatureRule.encoding",
        ),
        (
            "CUSTOM",
            with("header", json!("x sig")),
            "signatureRule.header",
        ),
        ("CUSTOM", with("prefix", json!("é")), "signatureRule.prefix"),
        (
            "CUSTOM",
            with("content", json!("{time}.{body}")),
            "signatureRule.content",
        ),
        (
            "CUSTOM",
            with("content", json!("signed")),
            "signatureRule.content",
        ),
        (
            "CUSTOM",
            with("content", json!("{body}{body}")),
            "signatureRule.content",
        ),
        (
            "CUSTOM",
            with("content", json!("{timestamp}.{body}")),
            "signatureRule.timestamp",
        ),
        (
            "CUSTOM",
            with("timestamp", json!({ "header": "x-at" })),
            "signatureRule.timestamp",
        ),
        (
            "CUSTOM",
            with("eventId", json!({ "header": "x-id" })),
            "signatureRule.eventId",
        ),
        (
            "CUSTOM",
            with("eventId", json!({ "path": "id" })),
            "signatureRule.eventId.path",
        ),
        (
            "CUSTOM",
            with("eventId", json!({})),
            "signatureRule.eventId",
        ),
        (
            "CUSTOM",
            with("tolerance", json!("PT5M")),
            "signatureRule.tolerance",
        ),
        ("SHARED_SECRET", hex.clone(), "signatureRule.encoding"),
    ] {
        let mut input = json!({ "name": "Gym", "platform": "MAPPED", "signature": scheme, "mapping": mapping() });
        if !rule.is_null() {
            input["signatureRule"] = rule.clone();
        }
        let arguments = [("input", "CreateSourceInput!", input)];
        let refused = world
            .api
            .mutate_unchecked("createSource", &arguments, "")
            .await;
        let path: Vec<&str> = ["input"].into_iter().chain(field.split('.')).collect();
        assert_eq!(
            refused["userErrors"][0]["field"],
            json!(path),
            "{scheme} {rule}: {refused}"
        );
    }
    let input = json!({ "name": "Gym", "platform": "CANONICAL", "signature": "SHARED_SECRET", "signatureRule": { "header": "x-key" } });
    let arguments = [("input", "CreateSourceInput!", input)];
    let refused = world
        .api
        .mutate_unchecked("createSource", &arguments, "")
        .await;
    assert_eq!(
        refused["userErrors"][0]["field"],
        json!(["input", "signature"])
    );
    // Base64 of another hash, with the key in hexadecimal: what the rule says is what counts.
    let rule = json!({ "header": "x-sig", "encoding": "BASE64", "algorithm": "SHA512", "secretEncoding": "HEX" });
    let input = json!({ "name": "Gym", "platform": "CANONICAL", "signature": "CUSTOM", "signatureRule": rule, "secret": "00ff10" });
    let arguments = [("input", "CreateSourceInput!", input)];
    let made = world
        .api
        .mutate("createSource", &arguments, "source { id webhookPath }")
        .await;
    let source = Source {
        id: made["source"]["id"].as_str().unwrap().to_owned(),
        path: made["source"]["webhookPath"].as_str().unwrap().to_owned(),
        secret: SecretString::from("00ff10"),
    };
    let data = json!({ "id": "ada", "email": "ada@example.com" });
    let body =
        json!({ "type": "member.updated", "timestamp": world.now().to_string(), "data": data })
            .to_string();
    let mut mac = Hmac::<Sha512>::new_from_slice(&[0, 255, 16]).unwrap();
    mac.update(body.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let answer = send(
        world,
        &source,
        &[("x-sig", signature.trim_end_matches('='))],
        body.as_bytes(),
    )
    .await;
    assert_eq!(answer.word(), (202, "accepted"));
}

async fn a_shared_secret_proves_who_sends(world: &mut World) {
    let source = a_club(
        world,
        "SHARED_SECRET",
        json!({ "header": "Authorization", "prefix": "Bearer " }),
    )
    .await;
    let body = joined("ada").to_string();
    for value in [
        None,
        Some("Bearer"),
        Some("Bearer another"),
        Some(SECRET),
        Some("Bearer a secret of the platform!"),
    ] {
        let headers: Vec<(&str, &str)> = value
            .map(|value| ("authorization", value))
            .into_iter()
            .collect();
        let answer = send(world, &source, &headers, body.as_bytes()).await;
        assert_eq!(answer.status, 401, "{value:?}");
        assert!(
            !answer
                .body
                .to_string()
                .contains(source.secret.expose_secret())
        );
    }
    let right = format!("bearer {SECRET}");
    for _ in 0..2 {
        // Without an id, two equal requests may both be meant.
        let answer = send(
            world,
            &source,
            &[("authorization", &right)],
            body.as_bytes(),
        )
        .await;
        assert_eq!(answer.word(), (202, "accepted"));
    }
    assert_eq!(opened(world, "ada").await, 1);
    let rule = json!({ "header": "x-key", "eventId": { "path": "/id" } });
    let input = json!({ "source": source.id, "signatureRule": rule });
    let arguments = [("input", "UpdateSourceInput!", input)];
    let updated = world
        .api
        .mutate(
            "updateSource",
            &arguments,
            "source { signatureRule { header eventId { path } } }",
        )
        .await;
    assert_eq!(
        updated["source"]["signatureRule"],
        json!({ "header": "x-key", "eventId": { "path": "/id" } })
    );
    let headers = [("x-key", SECRET)];
    assert_eq!(
        send(world, &source, &headers, body.as_bytes()).await.word(),
        (202, "accepted")
    );
    assert_eq!(
        send(world, &source, &headers, body.as_bytes()).await.word(),
        (200, "duplicate")
    );
}

async fn vendor_ids_tell_repeats_apart(world: &mut World) {
    let source = a_club(world, "STRIPE", Value::Null).await;
    let event = |id: &str, who: &str| {
        let mut body = joined(who);
        body["id"] = json!(id);
        body.to_string()
    };
    let post = async |body: String| {
        let at = world.now().as_second().to_string();
        let signature = format!("t={at},v1={},v0=00", mac(&format!("{at}.{body}")));
        send(
            world,
            &source,
            &[("stripe-signature", &signature)],
            body.as_bytes(),
        )
        .await
    };
    assert_eq!(post(event("evt_1", "ada")).await.word(), (202, "accepted"));
    let again = post(event("evt_1", "bob")).await;
    assert_eq!(
        again.word(),
        (200, "duplicate"),
        "the same event, however it is written now"
    );
    assert_eq!(post(event("evt_2", "bob")).await.word(), (202, "accepted"));
    let query = "{ deliveries { nodes { externalId attempts } } }";
    let stored = world.api.query(query, json!({})).await;
    let expected =
        json!([{ "externalId": "evt_2", "attempts": 1 }, { "externalId": "evt_1", "attempts": 2 }]);
    assert_eq!(stored["deliveries"]["nodes"], expected);
}

async fn a_form_opens_a_door(world: &mut World) {
    let source = a_club(world, "SHARED_SECRET", json!({ "header": "x-key" })).await;
    let body = b"event=joined&id=m1&plan=gold&who=ada&mail=ada%40example.com";
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let answer = send(
        world,
        &source,
        &[("x-key", SECRET), ("content-type", form)],
        body,
    )
    .await;
    assert_eq!(answer.word(), (202, "accepted"), "{answer:?}");
    assert_eq!(opened(world, "ada").await, 1);
    let answer = send(world, &source, &[("x-key", SECRET)], body).await;
    assert_eq!(answer.word(), (422, "failed"), "it is not sent as a form");
    // A replay knows how it was sent.
    let delivery = world
        .api
        .query("{ deliveries { nodes { id status } } }", json!({}))
        .await;
    let first = &delivery["deliveries"]["nodes"][1];
    assert_eq!(first["status"], "SETTLED");
    let arguments = [("delivery", "ID!", first["id"].clone())];
    let replayed = world
        .api
        .mutate("replayDelivery", &arguments, "delivery { status }")
        .await;
    assert_eq!(replayed["delivery"]["status"], "SETTLED");
}

async fn a_part_that_fails_leaves_the_others(world: &mut World) {
    let source = a_club(world, "SHARED_SECRET", json!({ "header": "x-key" })).await;
    let mut nameless = joined("bob");
    nameless.as_object_mut().unwrap().remove("id");
    let body = json!({ "event": "batch", "all": [nameless, joined("ada")] }).to_string();
    let answer = send(world, &source, &[("x-key", SECRET)], body.as_bytes()).await;
    assert_eq!(answer.word(), (202, "accepted"));
    assert!(
        answer.body["warnings"][0]
            .as_str()
            .unwrap()
            .contains("/all/0/id"),
        "{answer:?}"
    );
    assert_eq!(
        (opened(world, "ada").await, opened(world, "bob").await),
        (1, 0)
    );
    let club = world.api.query("{ club { id } }", json!({})).await;
    let club = decode_as(Kind::Club, club["club"]["id"].as_str().unwrap()).unwrap();
    let id = decode_as(Kind::Source, &source.id).unwrap();
    let app = world.app().clone();
    let hours = app.arrivals.of(&app.db, ClubScope::new(club), &[id]).await;
    let hours: Vec<(i64, i64)> = hours.unwrap()[&id]
        .iter()
        .map(|hour| (hour.requests, hour.failed))
        .collect();
    assert_eq!(
        hours,
        [(1, 1)],
        "it counts as failed for the source's problems"
    );
    let state = async || {
        let query = "{ sources { failedDeliveries } deliveries { nodes { status problem } } }";
        world.api.query(query, json!({})).await
    };
    let failed = state().await;
    assert_eq!(failed["sources"], json!([{ "failedDeliveries": 1 }]));
    assert_eq!(failed["deliveries"]["nodes"][0]["status"], "FAILED");
    let mut mended = mapping();
    mended["events"]["batch"]["data"]["id"] =
        json!({ "first": ["/id", { "join": [{ "value": "of" }, "/who"], "with": "-" }] });
    let input = json!({ "source": source.id, "mapping": mended });
    let arguments = [("input", "UpdateSourceInput!", input)];
    world
        .api
        .mutate("updateSource", &arguments, "source { id }")
        .await;
    let arguments = [("delivery", "ID!", json!(answer.delivery()))];
    world
        .api
        .mutate("replayDelivery", &arguments, "delivery { id }")
        .await;
    assert_eq!(
        (opened(world, "ada").await, opened(world, "bob").await),
        (1, 1)
    );
    let settled = state().await;
    assert_eq!(
        settled["deliveries"]["nodes"][0],
        json!({ "status": "SETTLED", "problem": null })
    );
}

async fn a_mapping_is_previewed(world: &mut World) {
    let source = a_club(world, "SHARED_SECRET", json!({ "header": "x-key" })).await;
    let query = "query($mapping: JSON!, $body: JSON, $delivery: ID) { previewMapping(mapping: $mapping, body: $body, delivery: $delivery) {
        eventType events problems { message mappingPath field } note } }";
    let preview = async |mapping: Value, body: Value, delivery: Value| {
        let variables = json!({ "mapping": mapping, "body": body, "delivery": delivery });
        world.api.query(query, variables).await["previewMapping"].take()
    };
    let mut nameless = joined("bob");
    nameless.as_object_mut().unwrap().remove("id");
    let body = json!({ "event": "batch", "all": [nameless, joined("ada")] });
    let shown = preview(mapping(), body.clone(), Value::Null).await;
    assert_eq!(shown["eventType"], "batch");
    let event = &shown["events"][0];
    assert_eq!(
        (
            event["type"].as_str(),
            event["data"]["member"]["email"].as_str()
        ),
        (Some("membership.updated"), Some("ada@example.com"))
    );
    assert_eq!(shown["problems"][0]["field"], "/all/0/id");
    let form = preview(
        mapping(),
        json!("event=joined&id=1&plan=2&who=3"),
        Value::Null,
    )
    .await;
    assert_eq!(form["events"][0]["data"]["member"]["id"], "3", "{form}");
    let ignored = preview(mapping(), json!({ "event": "hello" }), Value::Null).await;
    assert_eq!(
        (&ignored["events"], ignored["note"].is_string()),
        (&json!([]), true)
    );
    let mut wrong = mapping();
    wrong["events"]["joined"]["when"] = json!({ "at": "/a" });
    let refused = preview(wrong, body, Value::Null).await;
    assert_eq!(
        refused["problems"][0]["mappingPath"],
        json!(["events", "joined", "when"])
    );
    let answer = send(
        world,
        &source,
        &[("x-key", SECRET)],
        b"{\"event\":\"unheard\"}",
    )
    .await;
    let mut more = mapping();
    more["others"] = json!("ignore");
    let stored = preview(more, Value::Null, json!(answer.delivery())).await;
    assert_eq!(
        (stored["eventType"].as_str(), &stored["problems"]),
        (Some("unheard"), &json!([]))
    );
    let both = json!({ "mapping": mapping() });
    let refused = world.api.query_raw(query, both).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

async fn failed_deliveries_are_read_and_dismissed(world: &mut World) {
    let source = a_club(
        world,
        "SHARED_SECRET",
        json!({ "header": "x-key", "eventId": { "path": "/id" } }),
    )
    .await;
    let body = r#"{"event": "unheard", "id": "1"}"#;
    let answer = send(world, &source, &[("x-key", SECRET)], body.as_bytes()).await;
    assert_eq!(answer.status, 422);
    let id = answer.delivery();
    let good = send(
        world,
        &source,
        &[("x-key", SECRET)],
        joined("ada").to_string().as_bytes(),
    )
    .await;
    world.settled().await;
    let query = "query($id: ID!) { node(id: $id) { ... on Delivery { body } } }";
    let read = world.api.query(query, json!({ "id": id })).await;
    assert_eq!(read["node"]["body"], body);
    let reader = world.api.token("READER").await;
    let refused = reader.query_raw(query, json!({ "id": id })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");

    let dismiss = async |ids: Value, reason: &str| {
        let arguments = [("ids", "[ID!]!", ids), ("reason", "String!", json!(reason))];
        let selection = "deliveries { id dismissedAt dismissedBy dismissedReason }";
        world
            .api
            .mutate_unchecked("dismissDeliveries", &arguments, selection)
            .await
    };
    for (ids, reason, field) in [
        (json!([id]), " ", "reason"),
        (json!([]), "a test", "ids"),
        (json!([good.delivery()]), "a test", "ids"),
        (json!([id, "nonsense"]), "a test", "ids"),
    ] {
        let refused = dismiss(ids, reason).await;
        assert_eq!(refused["userErrors"][0]["field"], json!([field]));
    }
    let dismissed = dismiss(json!([id]), "a test of the vendor").await;
    let row = &dismissed["deliveries"][0];
    assert_eq!(
        (row["dismissedBy"].as_str(), row["dismissedReason"].as_str()),
        (Some("tests"), Some("a test of the vendor"))
    );
    let counts = "{ sources { failedDeliveries } open: deliveries(filter: {status: FAILED, dismissed: false}) { totalCount }
        all: deliveries(filter: {status: FAILED}) { totalCount } }";
    let left = world.api.query(counts, json!({})).await;
    assert_eq!(
        left,
        json!({ "sources": [{ "failedDeliveries": 0 }], "open": { "totalCount": 0 }, "all": { "totalCount": 1 } })
    );
    // The sender tries again, and fails again.
    let other = r#"{"event": "unheard", "id": "1", "more": 1}"#;
    assert_eq!(
        send(world, &source, &[("x-key", SECRET)], other.as_bytes())
            .await
            .status,
        422
    );
    let left = world.api.query(counts, json!({})).await;
    assert_eq!(
        (
            &left["sources"][0]["failedDeliveries"],
            &left["open"]["totalCount"]
        ),
        (&json!(1), &json!(1))
    );
}
