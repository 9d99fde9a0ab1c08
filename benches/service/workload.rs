//! Test events, and the latency measurement with a Kisi sandbox in this process.

use std::{
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant as Stopwatch},
};

use latchkey::{
    cli,
    clock::{Clock, new_id},
    ingest::accept,
};
use latchkey_sandbox::{Sandbox, Switches};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::service::Service;

/// The webhook path and the signing secret of the service's source.
pub fn source(service: &Service) -> (String, SecretString) {
    let source = &service.source;
    let sealed = source.secret.as_ref().expect("a secret");
    let secret = service.app.sealer.open(
        latchkey::secret::SecretKind::SourceSecret,
        source.id,
        sealed,
    );
    (accept::path(source), secret.expect("opened"))
}

/// The webhook body of a membership of a new person.
pub fn event(number: usize) -> Vec<u8> {
    let id = format!("{number}-{}", new_id().simple());
    json!({
        "type": "membership.updated",
        "timestamp": "2026-01-05T09:30:00Z",
        "data": {
            "id": format!("m-{id}"),
            "plan": { "id": "gold", "name": "Gold" },
            "member": { "id": id, "email": format!("{id}@example.com"), "name": "Ada Example" },
            "status": "active",
            "starts_at": "2026-01-01T00:00:00Z",
            "ends_at": "2031-01-01T00:00:00Z",
        },
    })
    .to_string()
    .into_bytes()
}

/// The times from sending a webhook to its assignment in Kisi, one webhook after the other.
pub async fn latencies(count: usize) -> Vec<Duration> {
    let clock = Clock::system();
    let sandbox = Sandbox::new(Arc::new(move || clock.now().timestamp()));
    sandbox.set(Switches {
        rate: None,
        ..Switches::default()
    });
    let place = sandbox.add_place("HQ", "Europe/Berlin");
    let lock = sandbox.add_lock(place, "Front door");
    sandbox.add_group("Members", None, &[lock]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let kisi = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(sandbox.serve(listener).expect("the sandbox"));
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite://{}/latency.db?mode=rwc", folder.path().display());
    let service = Service::start(&database, &kisi).await;
    let group = service.connect(&sandbox.api_key()).await["Members"].clone();
    let rule = "mutation($g: ID!) { createRule(input: { name: \"members\", target: $g, conditions: [{ membership: {} }] }) \
                { userErrors { message } } }";
    service.ask(rule, json!({ "g": group })).await;
    let (path, secret) = source(&service);
    let url = format!("http://{}{path}", service.address);
    let mut times = Vec::new();
    let http = cli::webhook::Sender::new().expect("an HTTP client");
    for number in 0..count {
        let body = event(number);
        let parsed: Value = serde_json::from_slice(&body).expect("JSON");
        let email = parsed["data"]["member"]["email"]
            .as_str()
            .expect("an e-mail")
            .to_owned();
        let began = Stopwatch::now();
        let id = new_id().simple().to_string();
        let answer = http
            .send_signed(&url, &secret, &id, body)
            .await
            .expect("an answer");
        assert_eq!(answer.status, 202, "{}", answer.body);
        while sandbox.assignments_of(&email).is_empty() {
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "no assignment appeared in Kisi"
            );
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        times.push(began.elapsed());
    }
    service.end().await;
    times
}
