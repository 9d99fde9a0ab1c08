//! Events reach a receiver outside: the whole way from a platform's event over Kisi to a signed message.

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::support::{
    api::eventually,
    event::{email, membership},
    world::{Setup, World},
};

on_both!(
    with Setup {
        settings: vec![("WEBHOOK_PRIVATE_ADDRESSES", "true")],
        ..Setup::default()
    };
    a_change_in_kisi_and_an_unlocked_door_are_told
);

type Received = Arc<Mutex<Vec<(HttpHeaders, Value)>>>;
type HttpHeaders = Vec<(String, String)>;

/// Starts a receiver; its URL.
fn receiver(received: &Received) -> String {
    let data = web::Data::new(received.clone());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .default_service(web::post().to(receive))
    });
    let server = server.workers(1).bind("127.0.0.1:0").unwrap();
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    format!("http://{address}/events")
}

async fn receive(
    request: HttpRequest,
    body: web::Bytes,
    received: web::Data<Received>,
) -> HttpResponse {
    let headers = request.headers().iter().map(|(name, value)| {
        let value = value.to_str().unwrap_or_default();
        (name.as_str().to_owned(), value.to_owned())
    });
    let body = serde_json::from_slice(&body).unwrap_or_default();
    received.lock().unwrap().push((headers.collect(), body));
    HttpResponse::NoContent().finish()
}

async fn a_change_in_kisi_and_an_unlocked_door_are_told(world: &mut World) {
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    let received = Received::default();
    let input = json!({
        "name": "Bookkeeping",
        "url": receiver(&received),
        "events": ["ACCESS_CHANGED", "DOOR_UNLOCKED", "DOOR_DENIED"],
    });
    let made = world
        .api
        .mutate(
            "createWebhookEndpoint",
            &[("input", "CreateWebhookEndpointInput!", input)],
            "secret endpoint { id }",
        )
        .await;
    let source = world.api.source("Books").await;
    world
        .send(&source, "membership.updated", membership("m-eva", "eva"))
        .await;
    world.settled().await;
    let eva = world.api.member(&email("eva")).await.unwrap();
    let door = world.api.named("locks", "Front door").await;
    world.api.unlock(&door, &eva, json!("once")).await;
    let types = || {
        let all = received.lock().unwrap();
        let types = all.iter().map(|(_, body)| body["type"].to_string());
        types.collect::<Vec<_>>()
    };
    eventually(
        async || {
            let types = types();
            let has = |kind: &str| types.iter().any(|it| it.contains(kind));
            (has("access.changed") && has("door.")).then_some(())
        },
        async || format!("{:?}", types()),
    )
    .await;
    let secret = made["secret"].as_str().unwrap();
    let all = received.lock().unwrap().clone();
    for (headers, body) in &all {
        assert_eq!(body["data"]["member"], json!(eva), "{body}");
        let header = |name: &str| {
            let header = headers.iter().find(|(key, _)| key == name);
            header.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let timestamp = header("webhook-timestamp").parse().unwrap();
        let signature = Webhook::new(secret).unwrap().sign(
            header("webhook-id"),
            timestamp,
            body.to_string().as_bytes(),
        );
        // The body is JSON with sorted keys, so that it is the same when it is written again.
        assert_eq!(signature.unwrap(), header("webhook-signature"));
    }
    let node = "query($id: ID!) { node(id: $id) { ... on AccessEvent { kind member { id } } } }";
    let event = all[0].1["data"]["accessEvent"].clone();
    let node = world.api.query(node, json!({ "id": event })).await;
    assert_eq!(node["node"]["member"]["id"], json!(eva));
}
