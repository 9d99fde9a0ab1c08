//! A whole service for one test: database, Kisi sandbox, server, reconcile loop, manual clock, one club with an admin token.
//! A test fails at its end if members are still due or if Kisi is not in step.

use latchkey::transaction;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use access::Instant;
use actix_web::dev::ServerHandle;
use jiff::Timestamp;
use latchkey::{
    app::App,
    clock::{Clock, new_id},
    config::Config,
    erasure,
    graphql::schema,
    http,
    ingest::readers,
    outbound, reconcile, running,
    secret::{hash_token, new_token},
    start_error::StartError,
    store::{
        ClubScope, clubs,
        row::{self, Role, UnlockVisibility},
        tokens,
    },
};
use latchkey_sandbox::{Sandbox, Switches};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{
    api::{Api, Signed, Source, WebhookResponse, eventually},
    event, kisi_checks,
    platform::FakePlatform,
    postgres::{self, FreshDatabase},
};

/// A test key: 32 bytes in base64.
pub const ENCRYPTION_KEY: &str = "bGF0Y2hrZXktdGVzdHMtbGF0Y2hrZXktdGVzdHMtMzI=";
/// The default start of a world's clock: a Monday, nine o'clock in Berlin.
pub const BEGINNING: &str = "2026-01-05T08:00:00Z";

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// The options of a world.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The start of the manual clock.
    pub beginning: Timestamp,
    /// Overrides of the test settings, by name without `LATCHKEY_`.
    pub settings: Vec<(&'static str, &'static str)>,
    /// The rate limit of the sandbox.
    pub rate: Option<u32>,
    /// The club's time zone.
    pub time_zone: String,
    /// Kisi's organization holds only its owner, instead of the example data.
    pub bare: bool,
    /// Runs the service on its own runtime, so that `crash` can end it.
    pub may_crash: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            beginning: BEGINNING.parse().unwrap(),
            settings: Vec::new(),
            rate: None,
            time_zone: "Europe/Berlin".to_owned(),
            bare: false,
            may_crash: false,
        }
    }
}

enum Storage {
    Sqlite(TempDir),
    Postgres(FreshDatabase),
}

struct Running {
    /// The service's own runtime, if `Setup::may_crash`.
    runtime: Option<tokio::runtime::Runtime>,
    app: Arc<App>,
    worker: running::BackgroundLoop,
    readers: running::BackgroundLoop,
    erasing: running::BackgroundLoop,
    sending: running::BackgroundLoop,
    server: ServerHandle,
    served: JoinHandle<std::io::Result<()>>,
}

pub struct World {
    pub api: Api,
    pub clock: Clock,
    pub sandbox: Sandbox,
    /// The platforms' APIs.
    pub platform: FakePlatform,
    /// The club's Kisi account, once it is connected.
    pub account: Option<String>,
    /// The e-mail addresses of all people in the events and shares so far.
    pub emails: BTreeSet<String>,
    setup: Setup,
    /// The Kisi URL that the service uses from its next start.
    pub kisi_url: String,
    storage: Option<Storage>,
    running: Option<Running>,
    kisi: ServerHandle,
    sent: u64,
}

/// A second process of [`World::beside`].
pub struct SecondServer {
    app: Arc<App>,
    handle: ServerHandle,
    pub base: String,
}

impl SecondServer {
    pub async fn stop(self) {
        self.app.feed.end();
        self.handle.stop(true).await;
        self.app.db.clone().close().await;
    }
}

type Test = for<'a> fn(&'a mut World) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

impl World {
    /// Runs a test in a new world, and then checks the state that it leaves.
    pub async fn run(database: Database, setup: Setup, test: Test) {
        let Some(mut world) = Box::pin(Self::start(database, setup)).await else {
            return;
        };
        test(&mut world).await;
        Box::pin(world.finish()).await;
    }

    /// Starts everything; `None` if the tests on PostgreSQL are skipped.
    pub async fn start(database: Database, setup: Setup) -> Option<Self> {
        let storage = match database {
            Database::Sqlite => Storage::Sqlite(tempfile::tempdir().unwrap()),
            Database::Postgres => Storage::Postgres(postgres::fresh().await?),
        };
        logs();
        let clock = Clock::manual(Instant::from_timestamp(setup.beginning));
        let (sandbox, kisi, kisi_url) = kisi(&clock, setup.rate, setup.bare);
        let api = Api::new(String::new(), String::new());
        let mut world = Self {
            api,
            clock,
            sandbox,
            platform: FakePlatform::start(),
            account: None,
            emails: BTreeSet::new(),
            setup,
            kisi_url,
            storage: Some(storage),
            running: None,
            kisi,
            sent: 0,
        };
        world.start_again().await;
        world.api = world.another_club().await;
        Some(world)
    }

    /// The settings of this world's service.
    pub fn config(&self) -> Config {
        let mut settings = BTreeMap::from([
            ("DATABASE_URL", self.database_url()),
            ("ENCRYPTION_KEY", ENCRYPTION_KEY.to_owned()),
            ("KISI_URL", self.kisi_url.clone()),
            ("SPACEBRING_URL", self.platform.url.clone()),
            ("TEAMUP_URL", self.platform.url.clone()),
            ("CLUBSPOT_URL", self.platform.url.clone()),
            ("KISI_RATE", "1000".to_owned()),
            ("PLAYGROUND", "false".to_owned()),
        ]);
        settings.extend(
            self.setup
                .settings
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let environment = settings
            .into_iter()
            .map(|(name, value)| (format!("LATCHKEY_{name}"), value));
        Config::load(None, environment, &BTreeMap::new()).unwrap()
    }

    /// The value for `LATCHKEY_DATABASE_URL`.
    pub fn database_url(&self) -> String {
        match self.storage() {
            Storage::Sqlite(folder) => format!(
                "sqlite://{}?mode=rwc",
                folder.path().join("latchkey.db").display()
            ),
            Storage::Postgres(database) => database.url().to_owned(),
        }
    }

    pub fn database(&self) -> Database {
        match self.storage() {
            Storage::Sqlite(_) => Database::Sqlite,
            Storage::Postgres(_) => Database::Postgres,
        }
    }

    fn storage(&self) -> &Storage {
        self.storage.as_ref().expect("the test goes on")
    }

    pub fn app(&self) -> &Arc<App> {
        &self.running.as_ref().expect("the service runs").app
    }

    /// Shuts the service down gracefully.
    pub async fn stop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        running.app.feed.end();
        running.server.stop(true).await;
        running.erasing.stop().await;
        running.sending.stop().await;
        running.readers.stop().await;
        running.worker.stop().await;
        running.app.db.clone().close().await;
        let _ = running.served.await;
        if let Some(runtime) = running.runtime {
            runtime.shutdown_background();
        }
    }

    /// Ends the service abruptly: running work is cut off, and no shutdown code runs. Needs `Setup::may_crash`.
    pub async fn crash(&mut self) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        let runtime = running.runtime.take().expect("a world that may crash");
        running.server.stop(false).await;
        runtime.shutdown_background();
    }

    /// Starts the service on the same database, on another port.
    pub async fn start_again(&mut self) {
        let running = Box::pin(self.try_start()).await.unwrap();
        self.running = Some(running);
    }

    async fn try_start(&mut self) -> Result<Running, StartError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        self.api.base = format!("http://{}", listener.local_addr().unwrap());
        let starting = start_service(self.config(), self.clock.clone(), listener);
        if !self.setup.may_crash {
            return starting.await;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let mut running = runtime.spawn(starting).await.unwrap()?;
        running.runtime = Some(runtime);
        Ok(running)
    }

    /// Starts a second server on the same database, like a second process. It runs no reconcile loop and no readers.
    pub async fn beside(&self) -> SecondServer {
        let app = App::start(self.config(), self.clock.clone()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = http::server(app.clone(), schema::build(), listener, 1).unwrap();
        let handle = server.handle();
        tokio::spawn(server);
        SecondServer { app, handle, base }
    }

    /// Creates another club in the same database and returns a client with an admin token. The club's brake is disabled; tests of
    /// the brake enable it.
    pub async fn another_club(&self) -> Api {
        let (app, now, token) = (self.app(), self.clock.now().micros(), new_token());
        let club = row::Club {
            id: new_id(),
            name: "Example Club".to_owned(),
            time_zone: self.setup.time_zone.clone(),
            revision: 0,
            brake_enabled: false,
            brake_people: 3,
            brake_percent: 5,
            brake_window_s: 3600,
            known_since: None,
            unlock_visibility: UnlockVisibility::Public,
            created_at: now,
        };
        let row = row::Token {
            id: new_id(),
            club_id: ClubScope::new(club.id).club,
            name: "tests".to_owned(),
            role: Role::Admin,
            hash: hash_token(token.expose_secret()),
            subject: None,
            member_id: None,
            created_at: now,
            expires_at: None,
        };
        let stored: Result<(), latchkey::store::StoreError> = transaction!(app.db, |tx| {
            clubs::create(tx, club).await?;
            tokens::create(tx, row).await
        })
        .await;
        stored.unwrap();
        Api::new(self.api.base.clone(), token.expose_secret().to_owned())
    }

    /// Connects the sandbox's organization and waits until the service has read which group opens which door.
    pub async fn connect(&mut self) {
        let account = connect(&self.api, &self.sandbox).await;
        self.account = Some(account);
        self.settled().await;
    }

    /// Makes a group managed and returns its id.
    pub async fn manage(&self, name: &str) -> String {
        let group = self.api.named("groups", name).await;
        let input = json!({ "group": group, "managed": true });
        self.api
            .mutate(
                "manageGroup",
                &[("input", "ManageGroupInput!", input)],
                "group { managed }",
            )
            .await;
        group
    }

    /// Creates a rule and returns its id.
    pub async fn rule(&self, target: &str, conditions: Value) -> String {
        let input = json!({ "name": format!("rule of {target}"), "target": target, "conditions": conditions });
        let payload = self
            .api
            .mutate(
                "createRule",
                &[("input", "RuleInput!", input)],
                "rule { id }",
            )
            .await;
        payload["rule"]["id"].as_str().unwrap().to_owned()
    }

    pub fn turn_to(&self, at: Timestamp) {
        self.clock.advance_to(Instant::from_timestamp(at));
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now().timestamp()
    }

    /// The id of the next delivery. Later ids are greater, so of two events with one timestamp the later one wins.
    pub fn next_id(&mut self) -> String {
        self.sent += 1;
        format!("msg_{:06}", self.sent)
    }

    /// Sends an event with the current time, requires that it is accepted, and returns the id of the delivery.
    pub async fn send(&mut self, source: &Source, kind: &str, data: Value) -> String {
        let body = event::event(kind, self.now(), &data);
        let answer = self.post(source, &body).await;
        assert_eq!(answer.word(), (202, "accepted"), "{body}: {answer:?}");
        answer.delivery()
    }

    /// Sends a body, correctly signed, under a new id, and advances the clock by a second.
    pub async fn post(&mut self, source: &Source, body: &Value) -> WebhookResponse {
        let id = self.next_id();
        self.emails.extend(event::addresses(body));
        let signed = self.signed(source, &id, body.to_string().into_bytes());
        let answer = self.api.deliver(source, signed).await;
        self.turn_to(self.now() + Duration::from_secs(1));
        answer
    }

    /// A request of the source, signed with the current time.
    pub fn signed(&self, source: &Source, id: &str, body: Vec<u8>) -> Signed {
        Signed::new(&source.secret, id, self.clock.now(), body)
    }

    /// Waits until no member is due and every delivery is settled.
    pub async fn settled(&self) {
        self.settled_while(|| ()).await;
    }

    /// The same, while the clock advances a second per poll, about a hundred times real time: for work that waits for a retry.
    pub async fn settled_in_time(&self) {
        self.settled_while(|| {
            self.clock
                .advance_to(self.clock.now().plus(Duration::from_secs(1)))
        })
        .await;
    }

    async fn settled_while(&self, turn: impl Fn()) {
        let ask = async || match self.api.open_work().await {
            None => Some(()),
            Some(_) => {
                turn();
                None
            }
        };
        let state = async || {
            let calls = self.sandbox.calls();
            let calls: Vec<_> = calls
                .iter()
                .rev()
                .take(12)
                .map(|c| (&c.method, &c.path, c.status))
                .collect();
            let open = self.api.open_work().await;
            format!(
                "{open:?}\nthe latest calls, backwards: {calls:?}\n{}",
                kisi_checks::grants(&self.api).await
            )
        };
        eventually(ask, state).await;
    }

    /// Ends the test: waits until the work is settled and checks that Kisi is in step.
    pub async fn finish(mut self) {
        if self.account.is_some() {
            self.settled().await;
            kisi_checks::kisi_is_as_desired(&self).await;
        }
        self.stop().await;
        self.kisi.stop(false).await;
        self.platform.stop().await;
        if let Some(Storage::Postgres(database)) = self.storage.take() {
            database.remove().await;
        }
    }
}

async fn start_service(
    config: Config,
    clock: Clock,
    listener: TcpListener,
) -> Result<Running, StartError> {
    let app = App::start(config, clock).await?;
    let server = http::server(app.clone(), schema::build(), listener, 1).unwrap();
    let handle = server.handle();
    let served = tokio::spawn(server);
    let worker = reconcile::start(app.clone());
    let readers = readers::start(app.clone()).unwrap();
    let erasing = erasure::start(app.clone());
    let sending = outbound::start(app.clone())?;
    Ok(Running {
        runtime: None,
        app,
        worker,
        readers,
        erasing,
        sending,
        server: handle,
        served,
    })
}

/// Stops the service of a failed test, so that it does not disturb other tests of the process.
impl Drop for World {
    fn drop(&mut self) {
        let (mut running, runtime) = (self.running.take(), tokio::runtime::Handle::try_current());
        if let Some(own) = running.as_mut().and_then(|running| running.runtime.take()) {
            own.shutdown_background();
            return;
        }
        if let (Some(running), Ok(runtime)) = (running, runtime) {
            runtime.spawn(async move {
                running.readers.stop().await;
                running.worker.stop().await;
                running.server.stop(false).await;
            });
        }
    }
}

/// Sends the service's logs to the output of its test, from `warn` up; `LATCHKEY_TEST_LOG=debug` shows more.
fn logs() {
    let level = std::env::var("LATCHKEY_TEST_LOG").unwrap_or_else(|_| "warn".to_owned());
    let _ = tracing_subscriber::fmt()
        .with_test_writer()
        .with_env_filter(level)
        .try_init();
}

/// Connects the sandbox to a club and returns the id of the Kisi account.
pub async fn connect(api: &Api, sandbox: &Sandbox) -> String {
    connect_to(api, sandbox, None).await
}

/// The same, restricted to one place if `place` is given.
pub async fn connect_to(api: &Api, sandbox: &Sandbox, place: Option<i64>) -> String {
    let input = json!({ "name": "Kisi", "credentials": { "apiKey": sandbox.api_key() }, "inviteByEmail": false,
        "place": place.map(|place| place.to_string()) });
    let payload = api
        .mutate(
            "connectKisi",
            &[("input", "ConnectKisiInput!", input)],
            "account { id status }",
        )
        .await;
    assert_eq!(payload["account"]["status"], "CONNECTED");
    let ask = async || {
        let data = api
            .query("{ groups { nodes { locks { id } } } }", json!({}))
            .await;
        let groups = data["groups"]["nodes"].as_array().unwrap();
        groups
            .iter()
            .all(|group| group["locks"] != json!([]))
            .then_some(())
    };
    let state = async || "the loop has not read which group opens which door".to_owned();
    eventually(ask, state).await;
    payload["account"]["id"].as_str().unwrap().to_owned()
}

/// Serves a sandbox with the example data, or an empty one if `bare`. It uses `clock` for times, and real time for its rate
/// limit.
pub fn kisi(clock: &Clock, rate: Option<u32>, bare: bool) -> (Sandbox, ServerHandle, String) {
    let (clock, start) = (clock.clone(), tokio::time::Instant::now());
    let sandbox_clock: latchkey_sandbox::Clock = Arc::new(move || clock.now().timestamp());
    let key = "key".to_owned();
    let sandbox = if bare {
        Sandbox::new(sandbox_clock).with_key(key)
    } else {
        latchkey_sandbox::example(sandbox_clock, key)
    };
    let sandbox = sandbox.with_stopwatch(Arc::new(move || start.elapsed()));
    sandbox.set(Switches {
        rate,
        ..Switches::default()
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = sandbox.serve(listener).unwrap();
    let handle = server.handle();
    tokio::spawn(server);
    (sandbox, handle, url)
}
