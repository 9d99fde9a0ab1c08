//! The fixture of the tests inside the crate: a club in a service of its own, on its own database, with the Kisi sandbox in place
//! of Kisi. No loop runs.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{Arc, atomic::AtomicUsize},
};

use access::Instant;
use async_graphql::{Request, Response, Variables};
use jiff::Timestamp;
use latchkey_sandbox::{Sandbox, Switches, example};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    app::App,
    auth::Caller,
    clock::{Clock, new_id},
    config::Config,
    graphql::{
        prepare::limits::Limits,
        schema::{build, context_data},
        service::GraphqlService,
    },
    store::{ClubScope, StoreError, clubs, row, sources},
    transaction,
};

pub mod mutations;

use mutations::Mutation;

/// A Monday, 13:00 in Berlin. The clock of the fixture stands still there.
pub const NOON: &str = "2026-03-02T12:00:00Z";

/// The API key that the sandbox accepts.
pub const KISI_KEY: &str = "good-key";

/// In microseconds.
pub fn instant(text: &str) -> i64 {
    Instant::from_timestamp(text.parse().unwrap()).micros()
}

/// A club, and who calls the API.
pub struct TestClub {
    pub app: Arc<App>,
    pub scope: ClubScope,
    pub role: row::Role,
    pub service: GraphqlService,
    pub sandbox: Sandbox,
    /// The number of statements that read.
    pub reads: Arc<AtomicUsize>,
    _folder: Arc<TempDir>,
}

impl TestClub {
    pub async fn new() -> Self {
        Self::with_clock(Clock::manual(Instant::from_micros(instant(NOON)))).await
    }

    pub async fn with_clock(clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let noon: Timestamp = NOON.parse().unwrap();
        let sandbox = example(Arc::new(move || noon), KISI_KEY.to_owned());
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
        let settings = settings.map(|(key, value)| (key.to_owned(), value));
        let config = Config::load(None, settings.into_iter(), &BTreeMap::new()).unwrap();
        let mut app = App::start(config, clock).await.unwrap();
        let reads = Arc::get_mut(&mut app).unwrap().db.count_reads();
        Self {
            scope: create_club(&app, "Example Club").await,
            app,
            role: row::Role::Admin,
            service: GraphqlService::new(build(), Limits::default()).unwrap(),
            sandbox,
            reads,
            _folder: Arc::new(folder),
        }
    }

    /// Another club in the same service.
    pub async fn neighbour(&self) -> Self {
        Self {
            app: self.app.clone(),
            scope: create_club(&self.app, "Neighbours").await,
            role: row::Role::Admin,
            service: self.service.clone(),
            sandbox: self.sandbox.clone(),
            reads: self.reads.clone(),
            _folder: self._folder.clone(),
        }
    }

    /// A caller with this role.
    pub fn caller(&self, role: row::Role, member: Option<Uuid>) -> Caller {
        Caller {
            scope: self.scope,
            role,
            token_name: Some("the office".to_owned()),
            member,
        }
    }

    /// The response to a caller.
    pub async fn send(&self, caller: Caller, document: &str, variables: Value) -> Response {
        let mut request = Request::new(document).variables(Variables::from_json(variables));
        context_data(self.app.clone(), caller, &mut request.data);
        self.service.run(request).await
    }

    /// The response to a mutation.
    pub async fn answer(&self, mutation: &Mutation) -> Response {
        let caller = self.caller(self.role, None);
        self.send(caller, &mutation.document(), mutation.variables())
            .await
    }

    /// The payload of a mutation.
    pub async fn run(&self, mutation: &Mutation) -> Value {
        let response = self.answer(mutation).await;
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        response.data.into_json().unwrap()[mutation.field].take()
    }

    /// The payload of a mutation that must succeed.
    pub async fn good(&self, mutation: Mutation) -> Value {
        let payload = self.run(&mutation).await;
        assert_eq!(payload["userErrors"], json!([]), "{mutation:?}");
        payload
    }

    /// The error code of a mutation that must be refused, and the path of the field joined by dots.
    pub async fn refused(&self, mutation: Mutation) -> (String, String) {
        let payload = self.run(&mutation).await;
        let errors = payload["userErrors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{mutation:?}");
        assert!(!errors[0]["message"].as_str().unwrap().is_empty());
        let path = errors[0]["field"].as_array().unwrap();
        let path: Vec<&str> = path.iter().filter_map(Value::as_str).collect();
        (
            errors[0]["code"].as_str().unwrap().to_owned(),
            path.join("."),
        )
    }
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

async fn create_club(app: &App, name: &str) -> ClubScope {
    let row = club_row(new_id(), name);
    let scope = ClubScope::new(row.id);
    let made: Result<(), StoreError> =
        transaction!(app.db, |tx| clubs::create(tx, row).await).await;
    made.unwrap();
    scope
}

/// A club in Berlin whose brake holds more than three people in an hour.
pub fn club_row(id: Uuid, name: &str) -> row::Club {
    row::Club {
        id,
        name: name.to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        revision: 0,
        brake_enabled: true,
        brake_people: 3,
        brake_percent: 5,
        brake_window_s: 3_600,
        unlock_visibility: row::UnlockVisibility::Members,
        created_at: 0,
    }
}

/// A connected account about which nothing has been learned.
pub fn account_row(scope: ClubScope, id: Uuid) -> row::KisiAccount {
    row::KisiAccount {
        id,
        club_id: scope.club,
        name: "Kisi".to_owned(),
        organization_id: Some(9_007_199_254_740_993),
        kisi_user_id: Some(1),
        credentials: Vec::new(),
        place_kisi_id: None,
        invite_by_email: true,
        status: row::KisiStatus::Connected,
        problem: None,
        last_read_at: None,
        read_due_at: 0,
        stopped_until: None,
        change_window: row::Ability::Unknown,
        duplicate_assignments: row::Ability::Unknown,
        granularity_s: 1,
        place_role: None,
        organization_role: None,
        roles_judged_at: Some(0),
        created_at: 0,
    }
}

/// A canonical source.
pub fn source_row(scope: ClubScope, id: Uuid) -> row::Source {
    row::Source {
        name: "Books".to_owned(),
        path_key: "key".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        ..sources::blank(scope, id, 0)
    }
}
