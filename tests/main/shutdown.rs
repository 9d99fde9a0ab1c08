//! SIGTERM while webhooks arrive, Kisi is slow and a subscription is open: what was acknowledged is stored, the calls on their way
//! are finished and recorded, subscriptions are closed with a code, and the process ends in time with exit status 0.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use latchkey::clock::Clock;
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::json;
use tokio::time::Instant;

use crate::support::{
    api::{Signed, eventually},
    event, kisi_checks, postgres,
    service_process::ServiceProcess,
    socket::{ServerMessage, Socket},
};

/// The longest that the process takes to end (docs/operating.md).
const ENDS_WITHIN: Duration = Duration::from_secs(25);
const SENDERS: usize = 4;
const EVENTS: usize = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_loses_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    Box::pin(stop_in_the_middle(&url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_loses_nothing_on_postgres() {
    let Some(database) = postgres::fresh().await else {
        return;
    };
    Box::pin(stop_in_the_middle(database.url())).await;
    database.remove().await;
}

/// Sends events until the service answers no more; adds those that were acknowledged.
async fn send_all(
    http: reqwest::Client,
    url: String,
    events: Vec<(String, Signed)>,
    acknowledged: Arc<Mutex<Vec<(String, Signed)>>>,
) {
    for (name, event) in events {
        let mut request = http.post(&url).body(event.body.clone());
        for (header, value) in &event.headers {
            request = request.header(header, value);
        }
        match request.send().await {
            Ok(answer) if answer.status() == 202 => {
                acknowledged.lock().unwrap().push((name, event));
            }
            Ok(answer) => assert_eq!(answer.status(), 503, "a stop refuses what it cannot store"),
            Err(_) => return,
        }
    }
}

async fn stop_in_the_middle(database: &str) {
    let mut service = ServiceProcess::start(database, json!({ "enabled": false })).await;
    service.let_in("before").await;
    service.latency(Duration::from_millis(400));
    let mut socket = Socket::open(&service.api).await;
    let query = "subscription { deliveries { externalId status } }";
    socket.subscribe("all", query).await;
    let acknowledged: Arc<Mutex<Vec<(String, Signed)>>> = Arc::default();
    let url = format!("{}{}", service.api.base, service.source.path);
    let mut senders = Vec::new();
    for sender in 0..SENDERS {
        let event = |nth| {
            let name = format!("p{sender}-{nth}");
            let data = event::membership(&format!("m-{name}"), &name);
            let event = service.event("membership.updated", &data);
            (name, event)
        };
        let events = (0..EVENTS).map(event).collect();
        let http = latchkey::kisi::http_client(Duration::from_secs(30)).unwrap();
        senders.push(tokio::spawn(send_all(
            http,
            url.clone(),
            events,
            acknowledged.clone(),
        )));
    }
    let in_the_middle = async || {
        let is_open = |call: &latchkey_sandbox::Call| {
            call.method == "POST" && call.path == "/role_assignments" && call.status.is_none()
        };
        let is_calling = service.sandbox.calls().iter().any(is_open);
        (is_calling && acknowledged.lock().unwrap().len() > 20).then_some(())
    };
    eventually(in_the_middle, async || "nothing to stop".to_owned()).await;
    let begun = Instant::now();
    let ended = service.process.take().unwrap().terminate().await;
    let took = begun.elapsed();
    assert!(ended.success(), "{ended:?}");
    assert!(took < ENDS_WITHIN, "{took:?}");
    for sender in senders {
        sender.await.unwrap();
    }
    let code = loop {
        match socket.said().await {
            ServerMessage::Text(_) => {}
            ServerMessage::Closed(code, _) => break code,
            ServerMessage::Gone => panic!("the socket ended without a close frame"),
        }
    };
    assert_eq!(code, 1001);
    let acknowledged = acknowledged.lock().unwrap().clone();
    println!("{} acknowledged, ended after {took:?}", acknowledged.len());
    assert_nothing_is_unknown(database).await;
    let cut_off = service.sandbox.calls();
    let cut_off: Vec<_> = cut_off
        .iter()
        .filter(|call| call.status.is_none())
        .collect();
    assert_eq!(cut_off.len(), 0, "{cut_off:?}");
    check_after_the_next_start(&mut service, &acknowledged).await;
}

/// Every intent of a call was replaced by its outcome.
async fn assert_nothing_is_unknown(database: &str) {
    let connection = Database::connect(database).await.unwrap();
    let sql = "SELECT COUNT(*) AS open FROM kisi_grant WHERE intent <> 'NONE'";
    let count = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(count).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "open").unwrap(), 0);
    connection.close().await.unwrap();
}

async fn check_after_the_next_start(
    service: &mut ServiceProcess,
    acknowledged: &[(String, Signed)],
) {
    service.latency(Duration::ZERO);
    service.serve(&[]);
    for (name, event) in acknowledged {
        let again = service.api.deliver(&service.source, event.clone()).await;
        assert_eq!(again.word(), (200, "duplicate"), "{name} was lost");
    }
    service.settled().await;
    let emails = acknowledged.iter().map(|(name, _)| event::email(name));
    let now = Clock::system().now().timestamp();
    kisi_checks::assert_no_duplicates(&service.sandbox, &emails.collect(), now);
    for (name, _) in acknowledged {
        assert!(service.has_access(name), "{name}");
    }
    let ended = service.process.take().unwrap().terminate().await;
    assert!(ended.success(), "{ended:?}");
}
