//! The fixture of the tests inside the crate: a club in a service of its own, on its own database, with the Kisi sandbox in place
//! of Kisi. No loop runs.

use std::{
    net::TcpListener,
    sync::{Arc, atomic::AtomicUsize},
};

use async_graphql::{Request, Response, Variables};
use jiff::Timestamp;
use latchkey_sandbox::{Sandbox, Switches, example};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    app::App,
    auth::Caller,
    clock::Clock,
    graphql::{
        prepare::limits::Limits,
        schema::{build, context_data},
        service::GraphqlService,
    },
    store::{ClubScope, row},
};

#[path = "../service/src/fixture.rs"]
mod base;
pub mod mutations;

pub use base::*;

use mutations::Mutation;

/// The API key that the sandbox accepts.
pub const KISI_KEY: &str = "good-key";

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
        Self::with_clock(at_noon()).await
    }

    pub async fn with_clock(clock: Clock) -> Self {
        let noon: Timestamp = NOON.parse().unwrap();
        let sandbox = example(Arc::new(move || noon), KISI_KEY.to_owned());
        sandbox.set(Switches {
            rate: None,
            ..Switches::default()
        });
        let kisi_url = serve(&sandbox);
        let settings = [
            ("LATCHKEY_KISI_URL", kisi_url.as_str()),
            ("LATCHKEY_KISI_RATE", "1000"),
        ];
        let base = TestApp::start(clock, &settings).await;
        Self {
            app: base.app,
            scope: base.scope,
            reads: base.reads,
            _folder: base._folder,
            role: row::Role::Admin,
            service: GraphqlService::new(build(), Limits::default()).unwrap(),
            sandbox,
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
            expires_at: None,
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
