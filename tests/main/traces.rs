//! Traces: one delivery is one trace, from its request to Kisi's confirmation, and nothing personal is in it. A collector that does
//! not answer disturbs nothing.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use latchkey::id::{Kind, decode};
use serde_json::{Value, json};

use crate::support::{event::membership, postgres, service_process::ServiceProcess};

/// What a collector received: the header `authorization` and the body of each request.
type Received = Arc<Mutex<Vec<(String, Value)>>>;

async fn collect(
    received: web::Data<Received>,
    request: HttpRequest,
    body: web::Json<Value>,
) -> HttpResponse {
    let header = request.headers().get("authorization");
    let header = header.map_or("", |value| value.to_str().unwrap());
    let exported = (header.to_owned(), body.into_inner());
    received.lock().unwrap().push(exported);
    HttpResponse::Ok().json(json!({}))
}

/// Starts a collector of OTLP; returns its address.
fn collector(received: &Received) -> String {
    let data = web::Data::new(received.clone());
    let app = move || {
        let traces = web::post().to(collect);
        App::new()
            .app_data(data.clone())
            .route("/v1/traces", traces)
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = HttpServer::new(app).workers(1).disable_signals();
    tokio::spawn(server.listen(listener).unwrap().run());
    url
}

/// The spans of all requests.
fn spans(received: &Received) -> Vec<Value> {
    let bodies = received.lock().unwrap().clone();
    let lists = bodies.into_iter().map(|(_, body)| {
        let spans = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
        spans.as_array().unwrap().clone()
    });
    lists.flatten().collect()
}

fn nanos(span: &Value, key: &str) -> i64 {
    span[key].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_one_trace_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    Box::pin(trace_a_delivery(&url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_one_trace_on_postgres() {
    let Some(database) = postgres::fresh().await else {
        return;
    };
    Box::pin(trace_a_delivery(database.url())).await;
    database.remove().await;
}

async fn trace_a_delivery(database: &str) {
    let mut service = ServiceProcess::start(database, json!({ "enabled": false })).await;
    assert!(service.process.take().unwrap().terminate().await.success());
    let received = Received::default();
    let url = collector(&received);
    service.serve(&[
        ("OTLP_ENDPOINT", &url),
        ("OTLP_HEADERS", "authorization=Bearer secret"),
    ]);
    let event = service.event("membership.updated", &membership("m-nora", "nora"));
    let answer = service.api.deliver(&service.source, event.clone()).await;
    let delivery = decode(&answer.delivery()).unwrap();
    assert_eq!((answer.status, delivery.0), (202, Kind::Delivery));
    service.settled().await;
    assert!(service.has_access("nora"));
    let repeat = service.api.deliver(&service.source, event).await;
    assert_eq!(repeat.status, 200);
    // The end of the process sends what waits.
    assert!(service.process.take().unwrap().terminate().await.success());
    let trace = delivery.1.simple().to_string();
    let mut chain = spans(&received);
    chain.retain(|span| span["traceId"] == trace.as_str());
    chain.sort_by_key(|span| nanos(span, "startTimeUnixNano"));
    assert_chain(&chain);
    let text = format!("{:?}", received.lock().unwrap());
    for secret in ["nora", "example.com", "Front desk"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let all = received.lock().unwrap().clone();
    assert!(all.iter().all(|(header, _)| header == "Bearer secret"));
}

fn assert_chain(chain: &[Value]) {
    let names: Vec<&str> = chain
        .iter()
        .map(|span| span["name"].as_str().unwrap())
        .collect();
    let root = "POST /webhooks/{key}";
    let steps = [
        root,
        "store delivery",
        "evaluate member",
        "kisi POST /users",
        "kisi POST /role_assignments",
        "confirm delivery",
    ];
    let positions = steps.map(|step| {
        let position = names.iter().position(|name| *name == step);
        position.unwrap_or_else(|| panic!("{step} is missing: {names:?}"))
    });
    assert!(positions.is_sorted(), "{names:?}");
    let roots: Vec<&Value> = chain
        .iter()
        .filter(|span| span["parentSpanId"].is_null())
        .collect();
    assert_eq!(roots.len(), 1, "{names:?}");
    assert_eq!(roots[0]["name"], root);
    for span in chain {
        let (start, end) = ("startTimeUnixNano", "endTimeUnixNano");
        assert!(nanos(span, start) <= nanos(span, end), "{span}");
        assert_eq!(span["status"]["code"], 0, "{span}");
        let is_child = span["parentSpanId"] == roots[0]["spanId"];
        assert!(is_child || span == roots[0], "{span}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_does_not_answer_disturbs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let mut service = Box::pin(ServiceProcess::start(&url, json!({ "enabled": false }))).await;
    assert!(service.process.take().unwrap().terminate().await.success());
    // It accepts connections, and never reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    service.serve(&[("OTLP_ENDPOINT", &url)]);
    for name in ["ada", "bob", "cid"] {
        service.let_in(name).await;
    }
    assert!(service.process.take().unwrap().terminate().await.success());
}
