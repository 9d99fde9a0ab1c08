//! Backup and restore as docs/operating.md describes them: a backup is made while the service runs, more happens, the database is
//! lost and the backup restored. Nobody loses access, the senders' repeats bring back what happened since, and nothing is sent to
//! people or doors twice.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use latchkey::clock::Clock;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    api::{Signed, eventually},
    child, event,
    postgres::{self, FreshDatabase},
    service_process::{ServiceProcess, has_access},
};

/// A database that can be backed up, lost and restored.
enum Storage {
    Sqlite(TempDir),
    Postgres(FreshDatabase, TempDir),
}

impl Storage {
    fn folder(&self) -> &Path {
        match self {
            Self::Sqlite(folder) | Self::Postgres(_, folder) => folder.path(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite(_) => format!("sqlite://{}?mode=rwc", self.file("latchkey.db").display()),
            Self::Postgres(database, _) => database.url().to_owned(),
        }
    }

    async fn run(&self, sql: &str) {
        let connection = Database::connect(self.url()).await.unwrap();
        connection.execute_unprepared(sql).await.unwrap();
        connection.close().await.unwrap();
    }

    async fn back_up(&self) {
        let backup = self.file("backup");
        match self {
            Self::Sqlite(_) => {
                self.run(&format!("VACUUM INTO '{}'", backup.display()))
                    .await
            }
            Self::Postgres(database, _) => {
                let mut dump = Command::new(postgres::program("pg_dump"));
                dump.args(["--format", "custom", "--file"]);
                dump.arg(backup).arg(database.url());
                assert!(dump.status().unwrap().success());
            }
        }
    }

    /// Destroys the database and puts the backup in its place.
    async fn restore(&self) {
        let backup = self.file("backup");
        match self {
            Self::Sqlite(_) => {
                for end in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(self.file(&format!("latchkey.db{end}")));
                }
                std::fs::copy(backup, self.file("latchkey.db")).unwrap();
            }
            Self::Postgres(database, _) => {
                database.empty().await;
                let mut restore = Command::new(postgres::program("pg_restore"));
                restore.args(["--exit-on-error", "--dbname", database.url()]);
                assert!(restore.arg(backup).status().unwrap().success());
            }
        }
        self.run("DELETE FROM unlock_request WHERE state = 'ASKED'")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_takes_nothing_from_anybody_on_sqlite() {
    let storage = Storage::Sqlite(tempfile::tempdir().unwrap());
    Box::pin(restore_facts_first(&storage)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_takes_nothing_from_anybody_on_postgres() {
    let Some(database) = postgres::fresh().await else {
        return;
    };
    let storage = Storage::Postgres(database, tempfile::tempdir().unwrap());
    Box::pin(restore_facts_first(&storage)).await;
    if let Storage::Postgres(database, _) = storage {
        database.remove().await;
    }
}

fn names(start: &str) -> Vec<String> {
    (0..4).map(|nth| format!("{start}{nth}")).collect()
}

async fn held(service: &ServiceProcess) -> u64 {
    let query = "{ heldRevocations(first: 1) { totalCount } }";
    let data = service.api.query(query, json!({})).await;
    data["heldRevocations"]["totalCount"].as_u64().unwrap()
}

/// Waits until the brake holds this many revocations, then approves all of them.
async fn approve(service: &ServiceProcess, count: u64) {
    let are_held = async || (held(service).await == count).then_some(());
    eventually(are_held, async || {
        format!("{} are held", held(service).await)
    })
    .await;
    let all = [("held", "[ID!]", Value::Null)];
    let payload = service
        .api
        .mutate("approveRevocations", &all, "approved")
        .await;
    assert_eq!(payload["approved"], count);
    service.settled().await;
}

/// What happens after the backup, as events: new people, a renewal, and cancellations that an admin approves.
async fn go_on(service: &mut ServiceProcess) -> Vec<Signed> {
    let mut events = Vec::new();
    for name in names("new") {
        events.push(service.let_in(&name).await);
    }
    events.push(service.let_in("renewed").await);
    for name in names("gone") {
        let id = json!({ "id": format!("m-{name}") });
        events.push(service.send("membership.deleted", &id).await);
    }
    approve(service, 4).await;
    for name in names("gone") {
        assert!(!service.has_access(&name), "{name}");
    }
    events
}

async fn sweep(service: &ServiceProcess) {
    let query = "{ kisiAccounts { id } }";
    let account = service.api.query(query, json!({})).await["kisiAccounts"][0]["id"].take();
    let account = [("account", "ID!", account)];
    service.api.mutate("refreshKisi", &account, "").await;
    let metrics = format!("{}/metrics", service.api.base);
    let is_swept = async || {
        let text = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
        text.contains("latchkey_sweeps_total{outcome=\"whole\"}")
            .then_some(())
    };
    eventually(is_swept, async || "no sweep is complete".to_owned()).await;
}

/// Records, at each change in Kisi from now on, who of `keep` has no access and who of `gone` has.
fn watch(
    service: &ServiceProcess,
    keep: Vec<String>,
    gone: Vec<String>,
) -> Arc<Mutex<Vec<String>>> {
    let wrong: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = wrong.clone();
    service.sandbox.watch(move |sandbox| {
        let mut noted = noted.lock().unwrap();
        let lost = keep.iter().filter(|name| !has_access(sandbox, name));
        noted.extend(lost.map(|name| format!("{name} lost access")));
        let back = gone.iter().filter(|name| has_access(sandbox, name));
        noted.extend(back.map(|name| format!("{name} got access again")));
    });
    wrong
}

/// A service that stopped, and whose database was lost and restored. The process is not started again.
struct Restored {
    service: ServiceProcess,
    /// The events before the backup, and those after it.
    earlier: Vec<Signed>,
    later: Vec<Signed>,
    door: String,
    member: String,
}

async fn lose_and_restore(storage: &Storage) -> Restored {
    let every_loss = json!({ "enabled": true, "people": 0, "percent": 0 });
    let mut service = ServiceProcess::start(&storage.url(), every_loss).await;
    let mut earlier = Vec::new();
    for name in names("stays").into_iter().chain(names("gone")) {
        earlier.push(service.let_in(&name).await);
    }
    let end = Clock::system().now().timestamp() + std::time::Duration::from_secs(6);
    let ending = event::with(
        event::membership("m-renewed", "renewed"),
        json!({ "ends_at": end.to_string() }),
    );
    service.send("membership.updated", &ending).await;
    service.settled().await;
    let door = service.api.named("locks", "Front door").await;
    let stays = service.api.member(&event::email("stays0")).await.unwrap();
    let unlocked = service.api.unlock(&door, &stays, json!("before")).await;
    assert_eq!(unlocked["unlocked"], true, "{unlocked}");

    storage.back_up().await;
    let later = go_on(&mut service).await;
    let unlocked = service.api.unlock(&door, &stays, json!("after")).await;
    assert_eq!(unlocked["unlocked"], true, "{unlocked}");
    service.process.take().unwrap().kill();
    storage.restore().await;
    let is_over = async || (Clock::system().now().timestamp() > end).then_some(());
    eventually(is_over, async || "the clock stands still".to_owned()).await;
    Restored {
        service,
        earlier,
        later,
        door,
        member: stays,
    }
}

async fn restore_facts_first(storage: &Storage) {
    let Restored {
        mut service,
        earlier,
        later: events,
        door,
        member: stays,
    } = lose_and_restore(storage).await;
    let keep: Vec<String> = [names("stays"), names("new"), vec!["renewed".to_owned()]].concat();
    let wrong = watch(&service, keep.clone(), names("gone"));
    let assignments = |service: &ServiceProcess| -> BTreeMap<String, Vec<i64>> {
        let ids = |name: &String| {
            let rows = service.sandbox.assignments_of(&event::email(name));
            rows.iter().map(|row| row.id).collect()
        };
        keep.iter().map(|name| (name.clone(), ids(name))).collect()
    };
    let before = assignments(&service);
    let settings: Vec<(&str, &str)> = service
        .settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let check = child::run(&["check"], &settings);
    assert!(check.status.success(), "{check:?}");

    // First the facts: the senders repeat their events, and nothing is sent to Kisi.
    let calls = service.sandbox.calls().len();
    service.serve(&[("WRITE_TO_KISI", "false")]);
    for event in events {
        let answer = service.api.deliver(&service.source, event).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    for event in earlier {
        let answer = service.api.deliver(&service.source, event).await;
        assert_eq!(answer.word(), (200, "duplicate"));
    }
    let refused = service.api.unlock(&door, &stays, json!("meanwhile")).await;
    assert_eq!(refused["unlocked"], false, "{refused}");
    assert_eq!(service.sandbox.calls().len(), calls, "Kisi is left alone");
    assert!(service.process.take().unwrap().terminate().await.success());

    // Then Kisi: the brake asks again about those who lost access after the backup.
    service.serve(&[]);
    sweep(&service).await;
    approve(&service, 4).await;
    sweep(&service).await;
    service.settled().await;
    assert_eq!(*wrong.lock().unwrap(), [""; 0]);
    assert_eq!(
        assignments(&service),
        before,
        "assignments are adopted, not replaced"
    );
    for name in names("gone") {
        assert!(!service.has_access(&name), "{name}");
    }
    assert_eq!(service.calls("POST", "/unlock"), 2, "no unlock is repeated");
    let people = keep.len() + names("gone").len();
    assert_eq!(
        service.calls("POST", "/users"),
        people,
        "nobody is invited twice"
    );
    assert!(service.process.take().unwrap().terminate().await.success());
}

/// Without the step that completes the facts first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_alone_keeps_who_has_access_by_the_backup_or_since() {
    let storage = Storage::Sqlite(tempfile::tempdir().unwrap());
    let Restored {
        mut service,
        later: events,
        ..
    } = Box::pin(lose_and_restore(&storage)).await;
    let keep = [names("stays"), names("new")].concat();
    let wrong = watch(&service, keep, Vec::new());
    service.serve(&[]);
    sweep(&service).await;
    service.settled().await;
    for event in events {
        let answer = service.api.deliver(&service.source, event).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    approve(&service, 4).await;
    assert_eq!(*wrong.lock().unwrap(), [""; 0]);
    assert!(service.has_access("renewed"));
    for name in names("gone") {
        assert!(!service.has_access(&name), "{name}");
    }
    assert_eq!(service.calls("POST", "/unlock"), 2, "no unlock is repeated");
    assert_eq!(
        service.calls("POST", "/users"),
        13,
        "nobody is invited twice"
    );
}
