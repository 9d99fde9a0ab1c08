//! Tests of every mutation, each against its own database and the Kisi sandbox: its effects, and each user error that it
//! returns.

mod kisi;
mod rules;
mod settings;
mod shares;
mod sources;

use std::{collections::BTreeMap, net::TcpListener, sync::Arc};

use access::Instant;
use async_graphql::{EmptySubscription, Object, Request, Schema, Variables};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::Mutation;
use crate::{
    app::App,
    auth::Caller,
    clock::{Clock, new_id},
    config::Config,
    graphql::{prepare::limits::Limits, resolve::Root, service::GraphqlService},
    id::{Kind, encode},
    store::{
        ClubScope, StoreError, clubs, due, kisi_accounts,
        listings::{HistoryFilter, history},
        page::{Listed, Window},
        row, setup,
    },
    transaction,
};
use latchkey_sandbox::{Sandbox, Switches, example};

struct Nothing;

#[Object(crate = "crate::graphql::resolve")]
impl Nothing {
    async fn nothing(&self) -> bool {
        true
    }
}

/// A club, its admin, and the sandbox that replaces Kisi.
struct TestClub {
    app: Arc<App>,
    scope: ClubScope,
    role: row::Role,
    service: GraphqlService<Root<Nothing>, Root<Mutation>, EmptySubscription>,
    sandbox: Sandbox,
    _folder: TempDir,
}

const NOON: &str = "2026-03-02T12:00:00Z";

fn instant(text: &str) -> i64 {
    Instant::from_timestamp(text.parse().unwrap()).micros()
}

fn serve(sandbox: &Sandbox) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = sandbox.clone();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async { served.serve(listener).unwrap().await })
    });
    url
}

impl TestClub {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let noon: Timestamp = NOON.parse().unwrap();
        let sandbox = example(Arc::new(move || noon), "good-key".to_owned());
        sandbox.set(Switches {
            rate: None,
            ..Switches::default()
        });
        let database = format!("sqlite://{}/club.db?mode=rwc", folder.path().display());
        let settings = [
            ("LATCHKEY_DATABASE_URL", database),
            ("LATCHKEY_KISI_URL", serve(&sandbox)),
            ("LATCHKEY_KISI_RATE", "1000".to_owned()),
        ];
        let settings = settings
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        let config = Config::load(None, settings, &BTreeMap::new()).unwrap();
        let app = App::start(config, Clock::manual(Instant::from_timestamp(noon)))
            .await
            .unwrap();
        let scope = club(&app, "Example Club").await;
        let schema = Schema::new(Root(Nothing), Root::default(), EmptySubscription);
        let service = GraphqlService::new(schema, Limits::default()).unwrap();
        Self {
            app,
            scope,
            role: row::Role::Admin,
            service,
            sandbox,
            _folder: folder,
        }
    }

    /// The same service, called by an admin of another club.
    async fn neighbour(&self) -> TestClub {
        Self {
            app: self.app.clone(),
            scope: club(&self.app, "Neighbours").await,
            role: row::Role::Admin,
            service: self.service.clone(),
            sandbox: self.sandbox.clone(),
            _folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Runs one mutation, with its arguments as (name, type, value), and returns the payload.
    async fn run(&self, field: &str, selection: &str, arguments: &[(&str, &str, Value)]) -> Value {
        let response = self.answer(field, selection, arguments).await;
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        let data = response.data.into_json().unwrap();
        data[field].clone()
    }

    async fn answer(
        &self,
        field: &str,
        selection: &str,
        arguments: &[(&str, &str, Value)],
    ) -> async_graphql::Response {
        let each = |text: &dyn Fn(&(&str, &str, Value)) -> String| {
            arguments.iter().map(text).collect::<Vec<_>>().join(", ")
        };
        let head = each(&|(name, kind, _)| format!("${name}: {kind}"));
        let passed = each(&|(name, _, _)| format!("{name}: ${name}"));
        let text = format!(
            "mutation({head}) {{ {field}({passed}) {{ {selection} userErrors {{ code message field }} }} }}"
        );
        let variables: serde_json::Map<String, Value> = arguments
            .iter()
            .map(|(name, _, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let caller = Caller {
            scope: self.scope,
            role: self.role,
            token_name: Some("the office".to_owned()),
            member: None,
        };
        let request = Request::new(text)
            .variables(Variables::from_json(Value::Object(variables)))
            .data(self.app.clone())
            .data(caller);
        self.service.run(request).await
    }

    /// Runs a mutation that must succeed.
    async fn good(&self, field: &str, selection: &str, arguments: &[(&str, &str, Value)]) -> Value {
        let payload = self.run(field, selection, arguments).await;
        assert_eq!(payload["userErrors"], json!([]), "{field}");
        payload
    }

    /// Runs a mutation that must be refused. Returns the error code, and the path of the field joined by dots.
    async fn refused(&self, field: &str, arguments: &[(&str, &str, Value)]) -> (String, String) {
        let payload = self.run(field, "", arguments).await;
        let errors = payload["userErrors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{field} with {arguments:?}");
        assert!(!errors[0]["message"].as_str().unwrap().is_empty());
        let path: Vec<&str> = errors[0]["field"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        (
            errors[0]["code"].as_str().unwrap().to_owned(),
            path.join("."),
        )
    }

    /// Connects the sandbox and returns its account.
    async fn connected(&self) -> row::KisiAccount {
        let input = json!({"name": "House", "credentials": {"apiKey": "good-key"}});
        self.good(
            "connectKisi",
            "account { id }",
            &[("input", "ConnectKisiInput!", input)],
        )
        .await;
        kisi_accounts::all(self.app.db.read(), self.scope)
            .await
            .unwrap()
            .pop()
            .unwrap()
    }

    async fn group(&self, name: &str) -> row::Group {
        let all = setup::all_groups(self.app.db.read(), self.scope)
            .await
            .unwrap();
        all.into_iter().find(|group| group.name == name).unwrap()
    }

    async fn lock(&self, name: &str) -> row::Lock {
        let all = setup::all_locks(self.app.db.read(), self.scope)
            .await
            .unwrap();
        all.into_iter().find(|lock| lock.name == name).unwrap()
    }

    /// Manages a group and returns its API id.
    async fn managed(&self, name: &str) -> String {
        let group = id(Kind::Group, self.group(name).await.id);
        let input = json!({"group": group, "managed": true});
        self.good(
            "manageGroup",
            "group { id }",
            &[("input", "ManageGroupInput!", input)],
        )
        .await;
        group
    }

    /// Creates a canonical source and returns its API id.
    async fn source(&self, name: &str) -> String {
        let input = json!({"name": name, "platform": "CANONICAL"});
        let made = self
            .good(
                "createSource",
                "source { id }",
                &[("input", "CreateSourceInput!", input)],
            )
            .await;
        made["source"]["id"].as_str().unwrap().to_owned()
    }

    /// Saves an offering and returns its API id.
    async fn offering(&self, source: &str, kind: &str, name: &str) -> String {
        let input = json!({"source": source, "externalId": name, "kind": kind, "name": name});
        let made = self
            .good(
                "saveOffering",
                "offering { id }",
                &[("input", "SaveOfferingInput!", input)],
            )
            .await;
        made["offering"]["id"].as_str().unwrap().to_owned()
    }

    /// The number of members with open work in an account.
    async fn backlog(&self, account: Uuid) -> u64 {
        due::backlog(self.app.db.read(), account, instant(NOON))
            .await
            .unwrap()
    }

    /// Marks all open work of an account as done, as the reconcile loop would.
    async fn settle(&self, account: Uuid) {
        let rows = due::without_lane(self.app.db.read(), account, i64::MAX, 1_000)
            .await
            .unwrap();
        let work = transaction!(self.app.db, |tx| {
            let settled: Vec<_> = rows.iter().map(|row| (row, None)).collect();
            due::settle_all(tx, &settled).await.map(drop)
        });
        work.await.unwrap();
        assert_eq!(self.backlog(account).await, 0);
    }

    async fn history(&self, kind: row::HistoryKind) -> Vec<row::HistoryEntry> {
        let filter = HistoryFilter {
            kinds: Some(vec![kind]),
            ..HistoryFilter::default()
        };
        let window = Window {
            most: 100,
            ..Window::default()
        };
        history(self.scope, filter)
            .rows(&self.app.db, &window)
            .await
            .unwrap()
    }
}

fn id(kind: Kind, id: Uuid) -> String {
    encode(kind, id)
}

async fn club(app: &App, name: &str) -> ClubScope {
    let row = row::Club {
        id: new_id(),
        name: name.to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        revision: 0,
        brake_enabled: true,
        brake_people: 3,
        brake_percent: 5,
        brake_window_s: 3_600,
        unlock_visibility: row::UnlockVisibility::Members,
        created_at: 0,
    };
    let scope = ClubScope::new(row.id);
    let made: Result<(), StoreError> =
        transaction!(app.db, |tx| clubs::create(tx, row).await).await;
    made.unwrap();
    scope
}

/// An expected refusal.
fn refusal(code: &str, path: &str) -> (String, String) {
    (code.to_owned(), path.to_owned())
}
