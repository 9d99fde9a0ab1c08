//! Bodies that a webhook refuses: too large, incomplete, or not understood; and what the sender is told.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{
    event::{event, membership, with},
    world::{Setup, World},
};

on_both!(
    an_incomplete_body_is_not_stored,
    an_invalid_event_is_stored_and_reported,
);
on_both!(with Setup { settings: vec![("WEBHOOK_MAX_BYTES", "2048")], ..Setup::default() }; a_large_body_is_refused);

fn a_membership(world: &World) -> Vec<u8> {
    event("membership.updated", world.now(), &membership("m1", "ada"))
        .to_string()
        .into_bytes()
}

async fn a_large_body_is_refused(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let long = with(membership("m1", "ada"), json!({ "note": "x".repeat(3000) }));
    let body = event("membership.updated", world.now(), &long)
        .to_string()
        .into_bytes();
    let signed = world.signed(&source, "msg_1", body);
    assert_eq!(world.api.deliver(&source, signed.clone()).await.status, 413);
    // A body without an announced length is measured while it is read.
    let chunks = futures_util::stream::iter(
        signed
            .body
            .chunks(512)
            .map(|c| Ok::<_, std::io::Error>(c.to_vec()))
            .collect::<Vec<_>>(),
    );
    let mut head = format!(
        "POST {} HTTP/1.1\r\nhost: latchkey\r\ntransfer-encoding: chunked\r\nconnection: close\r\n",
        source.path
    );
    for (name, value) in &signed.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut bytes = format!("{head}\r\n").into_bytes();
    let all: Vec<_> = futures_util::StreamExt::collect::<Vec<_>>(chunks).await;
    for chunk in all.into_iter().map(Result::unwrap) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    let answer = raw(world, bytes).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer:?}");
    assert_eq!(world.api.deliveries().await, 0);
    let fitting = world.signed(&source, "msg_1", a_membership(world));
    assert_eq!(world.api.deliver(&source, fitting).await.status, 202);
}

async fn an_incomplete_body_is_not_stored(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let signed = world.signed(&source, "msg_1", a_membership(world));
    let mut head = format!(
        "POST {} HTTP/1.1\r\nhost: latchkey\r\nconnection: close\r\ncontent-length: {}\r\n",
        source.path,
        signed.body.len() + 100
    );
    for (name, value) in &signed.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let answer = raw(
        world,
        [format!("{head}\r\n").as_bytes(), &signed.body].concat(),
    )
    .await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer:?}");
    assert_eq!(world.api.deliveries().await, 0);
    assert_eq!(
        world.api.deliver(&source, signed).await.status,
        202,
        "the complete request is not a duplicate"
    );
}

/// Sends bytes, closes the sending side, and returns the answer.
async fn raw(world: &World, bytes: Vec<u8>) -> String {
    let address = world.api.base.strip_prefix("http://").unwrap().to_owned();
    let exchange = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream
            .write_all(&bytes)
            .and_then(|()| stream.shutdown(Shutdown::Write));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    exchange.await.unwrap()
}

async fn an_invalid_event_is_stored_and_reported(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let good = membership("m1", "ada");
    let booking = json!({ "id": "b1", "kind": "room", "item": { "id": "oak" }, "member": { "id": "ada" }, "status": "confirmed",
        "starts_at": "2026-01-06T10:00:00Z", "ends_at": "2026-01-06T11:00:00Z" });
    let of = |kind: &str, data: Value| event(kind, world.now(), &data);
    let wrong = [
        ("type", of("weather.updated", json!({}))),
        (
            "data.id",
            of(
                "membership.updated",
                with(good.clone(), json!({ "id": null })),
            ),
        ),
        (
            "data.status",
            of(
                "membership.updated",
                with(good.clone(), json!({ "status": "great" })),
            ),
        ),
        (
            "data.plan.id",
            of(
                "membership.updated",
                with(good.clone(), json!({ "plan": {} })),
            ),
        ),
        (
            "data.plan",
            of(
                "membership.updated",
                with(good.clone(), json!({ "plan": "unlimited" })),
            ),
        ),
        (
            "data.ends_at",
            of(
                "membership.updated",
                with(good.clone(), json!({ "ends_at": "next week" })),
            ),
        ),
        (
            "data.ends_at",
            of(
                "membership.updated",
                with(
                    good.clone(),
                    json!({ "starts_at": "2026-02-02", "ends_at": "2026-02-01" }),
                ),
            ),
        ),
        (
            "data.ends_at",
            of(
                "registration.updated",
                with(booking.clone(), json!({ "ends_at": null })),
            ),
        ),
        (
            "data.ends_at",
            of(
                "registration.updated",
                with(
                    booking.clone(),
                    json!({ "ends_at": "2026-01-06T09:00:00Z" }),
                ),
            ),
        ),
        (
            "data.kind",
            of(
                "registration.updated",
                with(booking, json!({ "kind": "castle" })),
            ),
        ),
        (
            "data.member.email",
            of(
                "membership.updated",
                with(
                    good.clone(),
                    json!({ "member": { "id": "ada", "email": "nowhere" } }),
                ),
            ),
        ),
        (
            "data.member",
            of(
                "membership.updated",
                with(good.clone(), json!({ "member": null })),
            ),
        ),
        (
            "data.tags",
            of("member.updated", json!({ "id": "ada", "tags": "range" })),
        ),
        (
            "data.location.time_zone",
            of(
                "membership.updated",
                with(
                    good.clone(),
                    json!({ "location": { "id": "hq", "time_zone": "Mars/Base" } }),
                ),
            ),
        ),
        (
            "data.memberships[0].status",
            of(
                "roster.snapshot",
                json!({ "memberships": [with(good.clone(), json!({ "status": 7 }))] }),
            ),
        ),
        (
            "timestamp",
            json!({ "type": "membership.updated", "timestamp": "yesterday", "data": good }),
        ),
        (
            "data",
            json!({ "type": "member.deleted", "timestamp": "2026-01-05T08:00:00Z" }),
        ),
    ];
    let most = wrong.len() as u64 + 2;
    for (field, body) in wrong {
        let answer = world.post(&source, &body).await;
        assert_eq!(
            (answer.word(), answer.body["field"].as_str()),
            ((422, "failed"), Some(field)),
            "{body}: {answer:?}"
        );
    }
    for body in [&b"{not json"[..], b"\xff\xfe"] {
        let id = world.next_id();
        let answer = world
            .api
            .deliver(&source, world.signed(&source, &id, body.to_vec()))
            .await;
        assert_eq!(answer.status, 422, "{answer:?}");
    }
    let query = "{ deliveries(filter: {status: FAILED}) { totalCount nodes { problem } } sources { failedDeliveries } }";
    let failed = world.api.query(query, json!({})).await;
    assert_eq!(failed["deliveries"]["totalCount"], most);
    assert_eq!(failed["sources"], json!([{ "failedDeliveries": most }]));
    let nodes = failed["deliveries"]["nodes"].as_array().unwrap();
    assert!(
        nodes.iter().all(|node| node["problem"].is_string()),
        "{failed}"
    );
    assert_eq!(
        world.api.member("ada@example.com").await,
        None,
        "no member was created"
    );
}
