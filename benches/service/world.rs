//! The service in this process, with and without a Kisi.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant as Stopwatch},
};

use latchkey::{
    app::App,
    cli,
    clock::{Clock, new_id},
    config::Config,
    graphql::schema,
    http, reconcile,
    sandbox::{Sandbox, Switches},
    secret::{hash_token, new_signing_secret, new_token},
    store::{StoreError, clubs, row, sources, tokens},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// The service with a club, a token and a source, and no Kisi.
pub struct Bare {
    pub app: Arc<App>,
    pub address: String,
    pub path: String,
    pub secret: SecretString,
    pub token: SecretString,
    server: actix_web::dev::ServerHandle,
    running: reconcile::Running,
}

impl Bare {
    pub async fn start(database: &str) -> Self {
        Self::with_kisi(database, "http://127.0.0.1:9").await
    }

    pub async fn with_kisi(database: &str, kisi: &str) -> Self {
        let settings = [
            ("LATCHKEY_DATABASE_URL", database),
            ("LATCHKEY_KISI_URL", kisi),
            ("LATCHKEY_KISI_RATE", "1000"),
            (
                "LATCHKEY_ENCRYPTION_KEY",
                "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
            ),
        ];
        let settings = settings
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        let config = Config::load(None, settings, &BTreeMap::new()).expect("settings");
        let app = App::start(config, Clock::system()).await.expect("the app");
        let running = reconcile::start(app.clone());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = http::server(app.clone(), schema::build(), listener, 2).expect("a server");
        let handle = server.handle();
        tokio::spawn(server);
        let now = app.clock.now().micros();
        let club = cli::club::new("Bench".to_owned(), "Europe/Berlin".to_owned(), now);
        let (secret, token, id) = (new_signing_secret(), new_token(), new_id());
        let source = row::Source {
            id,
            club_id: club.id,
            name: "Bench".to_owned(),
            platform: row::Platform::Canonical,
            signature: row::SignatureScheme::StandardWebhooks,
            path_key: new_id().simple().to_string(),
            time_zone: "Europe/Berlin".to_owned(),
            secret: Some(app.sealer.seal(id, &secret).expect("sealed")),
            old_secret: None,
            old_secret_until: None,
            read_every_s: None,
            mapping: None,
            problem: None,
            created_at: now,
            removed_at: None,
        };
        let known = row::Token {
            id: new_id(),
            club_id: club.id,
            name: "bench".to_owned(),
            role: row::Role::Admin,
            hash: hash_token(token.expose_secret()),
            member_id: None,
            created_at: now,
            expires_at: None,
        };
        let path = latchkey::ingest::accept::path(&source);
        let written: Result<(), StoreError> = app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    clubs::create(tx, club).await?;
                    tokens::create(tx, known).await?;
                    sources::create(tx, source).await
                })
            })
            .await;
        written.expect("a club");
        Self {
            app,
            address,
            path,
            secret,
            token,
            server: handle,
            running,
        }
    }

    pub async fn end(self) {
        self.server.stop(false).await;
        self.running.stop().await;
        self.app.db.clone().close().await;
    }

    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        let url = format!("http://{}/graphql", self.address);
        let headers = [(
            "authorization",
            format!("Bearer {}", self.token.expose_secret()),
        )];
        let body = json!({ "query": query, "variables": variables })
            .to_string()
            .into_bytes();
        let answer = cli::webhook::post(&url, &headers, body)
            .await
            .expect("an answer");
        let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }
}

/// A membership of somebody new.
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

/// From sending a webhook to the assignment in Kisi, one after the other.
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
    let service = Bare::with_kisi(&database, &kisi).await;
    let connect = "mutation($key: String!) { connectKisi(input: { name: \"HQ\", inviteByEmail: false, \
                   credentials: { apiKey: $key } }) { userErrors { message } } }";
    service
        .ask(connect, json!({ "key": sandbox.api_key() }))
        .await;
    let group =
        service.ask("{ groups { nodes { id } } }", json!({})).await["groups"]["nodes"][0]["id"]
            .clone();
    let manage = "mutation($g: ID!) { manageGroup(input: { group: $g, managed: true }) { userErrors { message } } }";
    service.ask(manage, json!({ "g": group })).await;
    let rule = "mutation($g: ID!) { createRule(input: { name: \"members\", target: $g, conditions: [{ membership: {} }] }) \
                { userErrors { message } } }";
    service.ask(rule, json!({ "g": group })).await;
    let url = format!("http://{}{}", service.address, service.path);
    let mut times = Vec::new();
    for number in 0..count {
        let body = event(number);
        let parsed: Value = serde_json::from_slice(&body).expect("JSON");
        let email = parsed["data"]["member"]["email"]
            .as_str()
            .expect("an e-mail")
            .to_owned();
        let began = Stopwatch::now();
        let id = new_id().simple().to_string();
        let answer = cli::webhook::send_signed(&url, &service.secret, &id, body)
            .await
            .expect("an answer");
        assert_eq!(answer.status, 202, "{}", answer.body);
        while sandbox.assignments_of(&email).is_empty() {
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "nobody was let in"
            );
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        times.push(began.elapsed());
    }
    service.end().await;
    times
}
