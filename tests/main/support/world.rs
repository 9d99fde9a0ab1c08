//! A whole service for one test: database, Kisi sandbox, server, loop, clock, one club with an admin's token. Fails a test
//! that leaves work behind, or leaves Kisi other than it should be.

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
    app::{App, StartError},
    clock::{Clock, new_id},
    config::Config,
    graphql::schema,
    http,
    ingest::readers,
    reconcile, running,
    sandbox::{Sandbox, Switches},
    secret::{hash_token, new_token},
    store::{
        Scope, clubs,
        row::{self, Role, UnlockVisibility},
        tokens,
    },
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{
    api::{Answer, Api, Signed, Source, eventually},
    event, judge,
    platform::Platform,
    postgres::{self, FreshDatabase},
};

/// 32 bytes, for tests alone.
pub const ENCRYPTION_KEY: &str = "bGF0Y2hrZXktdGVzdHMtbGF0Y2hrZXktdGVzdHMtMzI=";
/// When a world's clock begins, where nothing else is asked for: a Monday, nine o'clock in Berlin.
pub const BEGINNING: &str = "2026-01-05T08:00:00Z";

/// Where everything is kept.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// How a world differs from the usual one.
#[derive(Clone, Debug)]
pub struct Setup {
    /// When the clock, which the test turns, begins.
    pub beginning: Timestamp,
    /// Over the settings that tests have: names without `LATCHKEY_`.
    pub settings: Vec<(&'static str, &'static str)>,
    /// The limit of the sandbox.
    pub rate: Option<u32>,
    /// The club's time zone.
    pub time_zone: String,
    /// Nothing but its owner is in Kisi's organization, instead of the example.
    pub bare: bool,
    /// The service has a runtime of its own, with which `crash` ends it.
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
    /// Where it crashes, if it may.
    runtime: Option<tokio::runtime::Runtime>,
    app: Arc<App>,
    worker: running::Running,
    readers: running::Running,
    server: ServerHandle,
    served: JoinHandle<std::io::Result<()>>,
}

/// See the module.
pub struct World {
    pub api: Api,
    pub clock: Clock,
    pub sandbox: Sandbox,
    /// The platforms' APIs.
    pub platform: Platform,
    /// The club's Kisi account, once it is connected.
    pub account: Option<String>,
    /// Every address that was ever spoken of.
    pub people: BTreeSet<String>,
    setup: Setup,
    /// Where the service finds Kisi, when it starts next.
    pub kisi_url: String,
    storage: Option<Storage>,
    running: Option<Running>,
    kisi: ServerHandle,
    sent: u64,
}

/// See `World::beside`.
pub struct Beside {
    app: Arc<App>,
    handle: ServerHandle,
    pub base: String,
}

impl Beside {
    pub async fn stop(self) {
        self.app.feed.end();
        self.handle.stop(true).await;
        self.app.db.clone().close().await;
    }
}

type Test = for<'a> fn(&'a mut World) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

impl World {
    /// Runs a test in a world of its own, and judges what it leaves behind.
    pub async fn run(database: Database, setup: Setup, test: Test) {
        let Some(mut world) = Box::pin(Self::start(database, setup)).await else {
            return;
        };
        test(&mut world).await;
        Box::pin(world.finish()).await;
    }

    /// Starts everything; `None` where there is no PostgreSQL and its tests are to be skipped.
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
            platform: Platform::start(),
            account: None,
            people: BTreeSet::new(),
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

    /// As `LATCHKEY_DATABASE_URL` takes it.
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

    /// Stops the service in good order.
    pub async fn stop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        running.app.feed.end();
        running.server.stop(true).await;
        running.readers.stop().await;
        running.worker.stop().await;
        running.app.db.clone().close().await;
        let _ = running.served.await;
        if let Some(runtime) = running.runtime {
            runtime.shutdown_background();
        }
    }

    /// Ends the service where it stands: whatever is under way is broken off, and nothing is put in order.
    pub async fn crash(&mut self) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        let runtime = running.runtime.take().expect("a world that may crash");
        running.server.stop(false).await;
        runtime.shutdown_background();
    }

    /// Starts the service on the same database, at another port.
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

    /// A second process on the same database, as far as anybody can tell; it has no part in the work.
    pub async fn beside(&self) -> Beside {
        let app = App::start(self.config(), self.clock.clone()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = http::server(app.clone(), schema::build(), listener, 1).unwrap();
        let handle = server.handle();
        tokio::spawn(server);
        Beside { app, handle, base }
    }

    /// One more club in the same database, by an admin's token. Its brake is off: that is another matter than the rest.
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
            unlock_visibility: UnlockVisibility::Public,
            created_at: now,
        };
        let row = row::Token {
            id: new_id(),
            club_id: Scope::new(club.id).club,
            name: "tests".to_owned(),
            role: Role::Admin,
            hash: hash_token(token.expose_secret()),
            member_id: None,
            created_at: now,
            expires_at: None,
        };
        let made: Result<(), latchkey::store::StoreError> = app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    clubs::create(tx, club).await?;
                    tokens::create(tx, row).await
                })
            })
            .await;
        made.unwrap();
        Api::new(self.api.base.clone(), token.expose_secret().to_owned())
    }

    /// Connects the sandbox's organization and waits until it is known which group opens which door.
    pub async fn connect(&mut self) {
        let account = connect(&self.api, &self.sandbox).await;
        self.account = Some(account);
        self.settled().await;
    }

    /// Manages a group; its id.
    pub async fn manage(&self, name: &str) -> String {
        let group = self.api.named("groups", name).await;
        let input = json!({ "group": group, "managed": true });
        self.api
            .change(
                "manageGroup",
                &[("input", "ManageGroupInput!", input)],
                "group { managed }",
            )
            .await;
        group
    }

    /// Makes a rule; its id.
    pub async fn rule(&self, target: &str, conditions: Value) -> String {
        let input = json!({ "name": format!("rule of {target}"), "target": target, "conditions": conditions });
        let made = self
            .api
            .change(
                "createRule",
                &[("input", "RuleInput!", input)],
                "rule { id }",
            )
            .await;
        made["rule"]["id"].as_str().unwrap().to_owned()
    }

    /// Turns the clock.
    pub fn turn_to(&self, at: Timestamp) {
        self.clock.turn_to(Instant::from_timestamp(at));
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now().timestamp()
    }

    /// The id of the next delivery: later ones are greater, so that of two with one timestamp the later stands.
    pub fn next_id(&mut self) -> String {
        self.sent += 1;
        format!("msg_{:06}", self.sent)
    }

    /// Sends an event that happens now; it must be let in. The delivery's id.
    pub async fn send(&mut self, source: &Source, kind: &str, data: Value) -> String {
        let body = event::event(kind, self.now(), &data);
        let answer = self.post(source, &body).await;
        assert_eq!(answer.word(), (202, "accepted"), "{body}: {answer:?}");
        answer.delivery()
    }

    /// Sends a body, well signed, under an id of its own; a second passes.
    pub async fn post(&mut self, source: &Source, body: &Value) -> Answer {
        let id = self.next_id();
        self.people.extend(event::addresses(body));
        let signed = self.signed(source, &id, body.to_string().into_bytes());
        let answer = self.api.deliver(source, signed).await;
        self.turn_to(self.now() + Duration::from_secs(1));
        answer
    }

    /// A request as the source sends it now.
    pub fn signed(&self, source: &Source, id: &str, body: Vec<u8>) -> Signed {
        Signed::new(&source.secret, id, self.clock.now(), body)
    }

    /// Waits until nothing is due and every delivery is done with.
    pub async fn settled(&self) {
        self.settled_while(|| ()).await;
    }

    /// The same, with the clock running a hundred times as fast as a clock does: for what waits before it tries again.
    pub async fn settled_in_time(&self) {
        self.settled_while(|| {
            self.clock
                .turn_to(self.clock.now().plus(Duration::from_secs(1)))
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
                judge::grants(&self.api).await
            )
        };
        eventually(ask, state).await;
    }

    /// Ends the test: settled, and Kisi as it should be.
    pub async fn finish(mut self) {
        if self.account.is_some() {
            self.settled().await;
            judge::kisi_is_as_desired(&self).await;
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
    Ok(Running {
        runtime: None,
        app,
        worker,
        readers,
        server: handle,
        served,
    })
}

/// A test that failed leaves nobody working behind it, for other tests of the process to suffer from.
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

/// What the service complains of is told where its test fails; `LATCHKEY_TEST_LOG=debug` tells more.
fn logs() {
    let level = std::env::var("LATCHKEY_TEST_LOG").unwrap_or_else(|_| "warn".to_owned());
    let _ = tracing_subscriber::fmt()
        .with_test_writer()
        .with_env_filter(level)
        .try_init();
}

/// Connects the sandbox to a club; the account's id.
pub async fn connect(api: &Api, sandbox: &Sandbox) -> String {
    connect_to(api, sandbox, None).await
}

/// The same, of one place alone where one is given.
pub async fn connect_to(api: &Api, sandbox: &Sandbox, place: Option<i64>) -> String {
    let input = json!({ "name": "Kisi", "credentials": { "apiKey": sandbox.api_key() }, "inviteByEmail": false,
        "place": place.map(|place| place.to_string()) });
    let made = api
        .change(
            "connectKisi",
            &[("input", "ConnectKisiInput!", input)],
            "account { id status }",
        )
        .await;
    assert_eq!(made["account"]["status"], "CONNECTED");
    let ask = async || {
        let found = api
            .ask("{ groups { nodes { locks { id } } } }", json!({}))
            .await;
        let groups = found["groups"]["nodes"].as_array().unwrap();
        groups
            .iter()
            .all(|group| group["locks"] != json!([]))
            .then_some(())
    };
    let state = async || "the loop has not read which group opens which door".to_owned();
    eventually(ask, state).await;
    made["account"]["id"].as_str().unwrap().to_owned()
}

/// Serves a sandbox that shows the same time, and counts its limit in real time: the example, or
/// one with nothing in it.
pub fn kisi(clock: &Clock, rate: Option<u32>, bare: bool) -> (Sandbox, ServerHandle, String) {
    let (hands, begun) = (clock.clone(), tokio::time::Instant::now());
    let shows: latchkey::sandbox::Clock = Arc::new(move || hands.now().timestamp());
    let key = "key".to_owned();
    let sandbox = if bare {
        Sandbox::new(shows).with_key(key)
    } else {
        latchkey::sandbox::example(shows, key)
    };
    let sandbox = sandbox.with_stopwatch(Arc::new(move || begun.elapsed()));
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
