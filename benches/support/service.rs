//! A running service inside this process, with a club, a source and an admin token, for the benchmarks. Panics on any error.

use latchkey::transaction;
use std::{collections::BTreeMap, net::TcpListener, sync::Arc};

use latchkey::{
    app::App,
    cli,
    clock::{Clock, new_id},
    config::Config,
    graphql::schema,
    http, reconcile,
    running::BackgroundLoop,
    secret::{hash_token, new_signing_secret, new_token},
    store::{ClubScope, StoreError, clubs, row, sources, tokens},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

pub struct Service {
    pub app: Arc<App>,
    pub source: row::Source,
    pub address: String,
    pub token: SecretString,
    server: actix_web::dev::ServerHandle,
    running: BackgroundLoop,
}

/// The settings of the service as environment variables, for this process or a separate one.
pub fn settings(database: &str, kisi: &str) -> [(&'static str, String); 4] {
    [
        ("LATCHKEY_DATABASE_URL", database.to_owned()),
        ("LATCHKEY_KISI_URL", kisi.to_owned()),
        ("LATCHKEY_KISI_RATE", "1000".to_owned()),
        (
            "LATCHKEY_ENCRYPTION_KEY",
            "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".to_owned(),
        ),
    ]
}

impl Service {
    pub async fn start(database: &str, kisi: &str) -> Self {
        let settings = settings(database, kisi).into_iter();
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
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
        let (token, id) = (new_token(), new_id());
        let source = row::Source {
            name: "Bench".to_owned(),
            path_key: new_id().simple().to_string(),
            time_zone: "Europe/Berlin".to_owned(),
            secret: Some(
                app.sealer
                    .seal(
                        latchkey::secret::SecretKind::SourceSecret,
                        id,
                        &new_signing_secret(),
                    )
                    .expect("sealed"),
            ),
            ..sources::blank(ClubScope::new(club.id), id, now)
        };
        let token_row = row::Token {
            id: new_id(),
            club_id: club.id,
            name: "bench".to_owned(),
            role: row::Role::Admin,
            hash: hash_token(token.expose_secret()),
            subject: None,
            member_id: None,
            created_at: now,
            expires_at: None,
        };
        let stored = source.clone();
        let written: Result<(), StoreError> = transaction!(app.db, |tx| {
            clubs::create(tx, club).await?;
            tokens::create(tx, token_row).await?;
            sources::create(tx, stored).await
        })
        .await;
        written.expect("a club");
        Self {
            app,
            source,
            address,
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
        ask(&self.address, &self.token, query, variables).await
    }

    /// Connects Kisi and makes each group managed. Returns the API ids of the groups by name.
    pub async fn connect(&self, key: &str) -> BTreeMap<String, String> {
        let connect = "mutation($key: String!) { connectKisi(input: { name: \"HQ\", inviteByEmail: false, \
                       credentials: { apiKey: $key } }) { userErrors { message } } }";
        self.ask(connect, json!({ "key": key })).await;
        let groups = self
            .ask("{ groups { nodes { id name } } }", json!({}))
            .await;
        let mut named = BTreeMap::new();
        for group in groups["groups"]["nodes"].as_array().expect("groups") {
            let manage = "mutation($g: ID!) { manageGroup(input: { group: $g, managed: true }) { userErrors { message } } }";
            self.ask(manage, json!({ "g": group["id"] })).await;
            let text = |field: &str| group[field].as_str().expect("text").to_owned();
            named.insert(text("name"), text("id"));
        }
        named
    }
}

/// Sends a GraphQL request and returns its data. Panics on errors and on user errors.
pub async fn ask(address: &str, token: &SecretString, query: &str, variables: Value) -> Value {
    let url = format!("http://{address}/graphql");
    let headers = [(
        "authorization".to_owned(),
        format!("Bearer {}", token.expose_secret()),
    )];
    let body = json!({ "query": query, "variables": variables })
        .to_string()
        .into_bytes();
    let http = cli::webhook::Sender::new().expect("an HTTP client");
    let answer = http.post(&url, &headers, body).await.expect("an answer");
    let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert!(answer.get("errors").is_none(), "{answer}");
    let data = answer["data"].clone();
    for field in data.as_object().expect("fields").values() {
        let refused = field["userErrors"].as_array();
        assert!(refused.is_none_or(Vec::is_empty), "{data}");
    }
    data
}
