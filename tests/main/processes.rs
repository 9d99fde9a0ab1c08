//! Several processes share the Kisi accounts: each account belongs to one of them, idle accounts cost nothing, and the accounts of
//! a process that ends or hangs are taken over within seconds.

use std::{process::Command, time::Duration};

use latchkey::{
    clock::{Clock, new_id},
    store::{Db, account_owners, processes},
};
use latchkey_sandbox::Sandbox;
use serde_json::json;
use tokio::time::Instant;

use crate::support::{
    api::{Api, Signed, Source, eventually},
    child::{self, ServerProcess},
    event::membership,
    postgres,
    world::{self, Database, World},
};

/// The bound of the time from the end of a process to the first work of another one on its accounts. A row lasts six seconds and
/// is looked at every two, which makes eight; the rest is for a slow machine.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(15);

/// Two processes on one database, and a club whose account belongs to the first or the second.
struct Pair {
    settings: [(&'static str, String); 2],
    sandbox: Sandbox,
    source: Source,
    token: String,
    sent: u32,
}

impl Pair {
    /// Starts a club, whose rule lets everybody with a membership in.
    async fn start(database: &str) -> (Self, ServerProcess) {
        let (sandbox, _, kisi) = world::kisi(&Clock::system(), None, false);
        let settings = [("DATABASE_URL", database.to_owned()), ("KISI_URL", kisi)];
        let arguments = [
            "club",
            "create",
            "--name",
            "Club",
            "--time-zone",
            "UTC",
            "--json",
        ];
        let club = child::json(&arguments, &borrowed(&settings));
        let token = club["token"].as_str().unwrap().to_owned();
        let first = child::serve(&borrowed(&settings));
        let api = Api::new(first.base.clone(), token.clone());
        world::connect(&api, &sandbox).await;
        let group = api.named("groups", "Members").await;
        let managed = json!({ "group": group, "managed": true });
        let input = [("input", "ManageGroupInput!", managed)];
        api.mutate("manageGroup", &input, "group { id }").await;
        let rule =
            json!({ "name": "members", "target": group, "conditions": [{ "membership": {} }] });
        let input = [("input", "RuleInput!", rule)];
        api.mutate("createRule", &input, "rule { id }").await;
        let source = api.source("Front desk").await;
        let pair = Self {
            settings,
            sandbox,
            source,
            token,
            sent: 0,
        };
        (pair, first)
    }

    fn serve(&self) -> ServerProcess {
        child::serve(&borrowed(&self.settings))
    }

    async fn db(&self) -> Db {
        Db::connect(&self.settings[0].1).await.unwrap()
    }

    /// The name of the process that owns the account.
    async fn owner(&self, db: &Db) -> Option<String> {
        for holder in processes::all(db.read()).await.unwrap() {
            let owned = account_owners::owned_by(db.read(), &holder).await.unwrap();
            if !owned.is_empty() {
                return Some(holder);
            }
        }
        None
    }

    /// Waits until both processes live and one of them owns the account. Returns the owner, then the other.
    async fn settled(&self, db: &Db, both: [ServerProcess; 2]) -> [ServerProcess; 2] {
        let settled = async || {
            let living = processes::all(db.read()).await.unwrap();
            (living.len() == 2).then_some(())?;
            self.owner(db).await
        };
        eventually(settled, async || "nobody owns the account".to_owned()).await;
        // A process that has just been found may still be given the account.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let owner = self.owner(db).await.unwrap();
        let [first, second] = both;
        if owner.contains(&format!(":{}:", first.id())) {
            [first, second]
        } else {
            [second, first]
        }
    }

    /// Sends the membership of a new person to one process, and waits until Kisi holds it.
    async fn let_in(&mut self, base: &str) -> Duration {
        self.sent += 1;
        let (membership_id, person) = (format!("m{}", self.sent), format!("person{}", self.sent));
        let body = json!({ "type": "membership.updated", "timestamp": Clock::system().now().timestamp().to_string(),
            "data": membership(&membership_id, &person) });
        let body = body.to_string().into_bytes();
        let id = new_id().to_string();
        let signed = Signed::new(&self.source.secret, &id, Clock::system().now(), body);
        let api = Api::new(base.to_owned(), self.token.clone());
        let begun = Instant::now();
        assert_eq!(api.deliver(&self.source, signed).await.status, 202);
        let email = format!("{person}@example.com");
        let held = async || (self.sandbox.assignments_of(&email).len() == 1).then_some(());
        eventually(held, async || {
            api.query("{ kisiAccounts { status problem backlog } }", json!({}))
                .await
                .to_string()
        })
        .await;
        begun.elapsed()
    }
}

fn borrowed<'a>(settings: &'a [(&'static str, String); 2]) -> [(&'a str, &'a str); 2] {
    settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()))
}

fn signal(process: &ServerProcess, name: &str) {
    let sent = Command::new("kill")
        .args([name, &process.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_accounts_of_a_killed_process_are_taken_over() {
    let Some(database) = postgres::fresh().await else {
        return;
    };
    let (mut pair, first) = Pair::start(database.url()).await;
    let second = pair.serve();
    let db = pair.db().await;
    let [owner, other] = pair.settled(&db, [first, second]).await;
    // An event that the other process receives wakes the owner.
    let woken = pair.let_in(&other.base).await;
    println!("through the other process: {woken:?}");
    owner.kill();
    let taken = pair.let_in(&other.base).await;
    println!("taken over after {taken:?}");
    assert!(taken < TAKEN_OVER_WITHIN, "{taken:?}");
    // A new process takes its share, and the end of one by SIGTERM gives its accounts away at once.
    let third = pair.serve();
    let [owner, other] = pair.settled(&db, [other, third]).await;
    owner.terminate().await;
    pair.let_in(&other.base).await;
    drop(other);
    db.close().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_hung_does_not_work_on_accounts_that_were_taken() {
    let Some(database) = postgres::fresh().await else {
        return;
    };
    let (mut pair, first) = Pair::start(database.url()).await;
    let second = pair.serve();
    let db = pair.db().await;
    let [owner, other] = pair.settled(&db, [first, second]).await;
    let before = pair.owner(&db).await;
    signal(&owner, "-STOP");
    let taken = pair.let_in(&other.base).await;
    assert!(taken < TAKEN_OVER_WITHIN, "{taken:?}");
    signal(&owner, "-CONT");
    for _ in 0..5 {
        pair.let_in(&other.base).await;
    }
    // It continues under another name, and takes its share again.
    let living = async || {
        let living = processes::all(db.read()).await.unwrap();
        (living.len() == 2 && !living.contains(before.as_ref().unwrap())).then_some(())
    };
    eventually(living, async || "it does not continue".to_owned()).await;
    other.kill();
    let taken = pair.let_in(&owner.base).await;
    assert!(taken < TAKEN_OVER_WITHIN, "{taken:?}");
    drop(owner);
    db.close().await;
    database.remove().await;
}

/// The number of statements of an idle service does not grow with its clubs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_clubs_cost_no_statements() {
    for database in [Database::Sqlite, Database::Postgres] {
        let Some(mut world) = World::start(database, Default::default()).await else {
            return;
        };
        world.connect().await;
        world.settled().await;
        let statements = world.app().db.record();
        // The least of three periods: the end of earlier work may fall into one of them.
        let counted = async || {
            let mut least = usize::MAX;
            for _ in 0..3 {
                statements.lock().unwrap().clear();
                tokio::time::sleep(Duration::from_secs(4)).await;
                least = least.min(statements.lock().unwrap().len());
            }
            least
        };
        let one = counted().await;
        for _ in 0..10 {
            let club = world.another_club().await;
            world::connect(&club, &world.sandbox).await;
        }
        let eleven = counted().await;
        println!("{one} statements with one club, {eleven} with eleven");
        assert!(one < 60, "{one}");
        // A query or a renewal more may fall into one of the two periods.
        assert!(eleven <= one + 12, "{one} and {eleven}");
        world.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_migrate_one_new_database() {
    let folder = tempfile::tempdir().unwrap();
    for nth in 0..10 {
        let file = format!("sqlite://{}/{nth}.db?mode=rwc", folder.path().display());
        Box::pin(migrate_at_once(&file)).await;
    }
    if let Some(database) = postgres::fresh().await {
        Box::pin(migrate_at_once(database.url())).await;
        database.remove().await;
    }
}

async fn migrate_at_once(url: &str) {
    let migrate = async || {
        let db = Db::connect(url).await.unwrap();
        let migrated = db.migrate().await;
        let is_ready = db.ready().await;
        db.close().await;
        (migrated, is_ready)
    };
    let all = tokio::join!(migrate(), migrate(), migrate(), migrate());
    for (migrated, is_ready) in <[_; 4]>::from(all) {
        migrated.unwrap();
        assert!(is_ready.unwrap());
    }
}
