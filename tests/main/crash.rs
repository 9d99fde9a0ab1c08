//! The service ends in the middle of its work, gracefully or by `kill -9`: after the next start everything settles, nothing
//! exists twice, and nobody was locked out in between.

use std::{collections::BTreeSet, time::Duration};

use latchkey::clock::Clock;
use latchkey_sandbox::{Call, Duplicates, Sandbox, Switches};
use serde_json::{Value, json};

use crate::support::{
    api::{Api, Signed, Source, eventually},
    child::{self, ServerProcess},
    event::{self, email, membership, person},
    kisi_checks, postgres,
    world::{World, connect, kisi},
};

on_both!(a_restart_continues_open_work);

async fn a_restart_continues_open_work(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world.settled().await;
    let slow = Switches {
        latency: Duration::from_millis(20),
        ..world.sandbox.switches()
    };
    world.sandbox.set(slow);
    for nth in 0..12 {
        world
            .send(
                &source,
                "membership.updated",
                membership(&format!("m{nth}"), &format!("p{nth}")),
            )
            .await;
        if nth % 4 == 3 {
            world.stop().await;
            world.start_again().await;
        }
    }
    world.settled().await;
    for nth in 0..12 {
        assert_eq!(
            world
                .sandbox
                .assignments_of(&email(&format!("p{nth}")))
                .len(),
            1,
            "p{nth}"
        );
    }
    let users = world
        .sandbox
        .calls()
        .iter()
        .filter(|call| call.method == "POST" && call.path == "/users")
        .count();
    assert_eq!(users, 12, "each user is created once");
}

/// The Kisi sandbox, and a service with one club in a child process.
struct ServiceProcess {
    sandbox: Sandbox,
    settings: Vec<(&'static str, String)>,
    serving: Option<ServerProcess>,
    api: Api,
    source: Source,
    people: BTreeSet<String>,
    sent: usize,
}

impl ServiceProcess {
    async fn set(database: String) -> Self {
        let (sandbox, _kisi, url) = kisi(&Clock::system(), None, false);
        sandbox.set(Switches {
            duplicates: Duplicates::Allow,
            ..sandbox.switches()
        });
        let settings = vec![
            ("DATABASE_URL", database),
            ("KISI_URL", url),
            ("KISI_RATE", "1000".to_owned()),
        ];
        let club = child::json(
            &[
                "club",
                "create",
                "--name",
                "Club",
                "--time-zone",
                "Europe/Berlin",
                "--json",
            ],
            &as_text(&settings),
        );
        let serving = child::serve(&as_text(&settings));
        let api = Api::new(
            serving.base.clone(),
            club["token"].as_str().unwrap().to_owned(),
        );
        api.mutate(
            "updateClub",
            &[(
                "input",
                "UpdateClubInput!",
                json!({ "brake": { "enabled": false } }),
            )],
            "club { id }",
        )
        .await;
        connect(&api, &sandbox).await;
        let input = json!({ "group": api.named("groups", "Members").await, "managed": true });
        let group = api
            .mutate(
                "manageGroup",
                &[("input", "ManageGroupInput!", input)],
                "group { id }",
            )
            .await;
        let rule = json!({ "name": "any membership", "target": group["group"]["id"], "conditions": [{ "membership": {} }] });
        api.mutate(
            "createRule",
            &[("input", "RuleInput!", rule)],
            "rule { id }",
        )
        .await;
        let source = api.source("Front desk").await;
        Self {
            sandbox,
            settings,
            serving: Some(serving),
            api,
            source,
            people: BTreeSet::new(),
            sent: 0,
        }
    }

    async fn send(&mut self, kind: &str, data: &Value) {
        self.sent += 1;
        let now = Clock::system().now();
        let body = event::event(kind, now.timestamp(), data);
        self.people.extend(event::addresses(&body));
        let signed = Signed::new(
            &self.source.secret,
            &format!("msg_{}", self.sent),
            now,
            body.to_string().into_bytes(),
        );
        assert_eq!(self.api.deliver(&self.source, signed).await.status, 202);
    }

    /// Slows Kisi down, so that the service can be killed during a call.
    fn latency(&self, length: Duration) {
        self.sandbox.set(Switches {
            latency: length,
            ..self.sandbox.switches()
        });
    }

    /// Waits for a call that has arrived and is not answered yet.
    async fn wait_for_call(&self, method: &str, path: &str, earlier: usize) {
        let is_it = |call: &&Call| call.method == method && call.path.starts_with(path);
        let ask =
            async || (self.sandbox.calls().iter().filter(is_it).count() > earlier).then_some(());
        eventually(ask, async || {
            format!("no {method} {path}; {:?}", self.api.open_work().await)
        })
        .await;
    }

    /// Kills the service before it receives the answer; Kisi still carries out the request.
    async fn kill(&mut self) {
        self.serving.take().unwrap().kill();
        let done = async || {
            let calls = self.sandbox.calls();
            let last = calls.iter().rfind(|call| call.method != "GET");
            last.is_some_and(|call| call.took_effect).then_some(())
        };
        eventually(done, async || {
            "Kisi has not carried out the call".to_owned()
        })
        .await;
    }

    async fn serve_and_settle(&mut self) {
        self.latency(Duration::ZERO);
        let serving = child::serve(&as_text(&self.settings));
        self.api = self.api.at(serving.base.clone());
        self.serving = Some(serving);
        let ask = async || self.api.open_work().await.is_none().then_some(());
        eventually(ask, async || format!("{:?}", self.api.open_work().await)).await;
        kisi_checks::assert_no_duplicates(
            &self.sandbox,
            &self.people,
            Clock::system().now().timestamp(),
        );
    }

    fn calls(&self, method: &str, path: &str) -> usize {
        self.sandbox
            .calls()
            .iter()
            .filter(|call| call.method == method && call.path.starts_with(path))
            .count()
    }
}

fn as_text<'a>(settings: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_leaves_no_gap_and_no_duplicate_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    kill_in_the_middle(url, &["/users", "/role_assignments"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_leaves_no_gap_and_no_duplicate_on_postgres() {
    let Some(database) = postgres::fresh().await else {
        return;
    };
    // The lease of a killed process has to expire before it is taken over, so there are fewer kills.
    kill_in_the_middle(database.url().to_owned(), &["/role_assignments"]).await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_during_an_unlock_request_sends_it_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let mut stage = Box::pin(ServiceProcess::set(url)).await;
    stage
        .send("membership.updated", &membership("m-ann", "ann"))
        .await;
    let settled = async || stage.api.open_work().await.is_none().then_some(());
    eventually(settled, async || "Ann has no grant".to_owned()).await;
    let ann = stage.api.member(&email("ann")).await.unwrap();
    let front = stage.api.named("locks", "Front door").await;
    stage.latency(Duration::from_millis(300));
    let (api, lock, member) = (
        stage.api.at(stage.api.base.clone()),
        front.clone(),
        ann.clone(),
    );
    // The caller never gets an answer.
    let pressing = tokio::spawn(async move { api.unlock(&lock, &member, json!("first")).await });
    stage.wait_for_call("POST", "/locks", 0).await;
    stage.kill().await;
    assert!(pressing.await.is_err(), "the killed service cannot answer");
    stage.serve_and_settle().await;
    let again = stage.api.unlock(&front, &ann, json!("first")).await;
    assert_eq!(again["unlocked"], false, "{again}");
    assert_ne!(again["userErrors"], json!([]), "{again}");
    assert_eq!(stage.calls("POST", "/locks"), 1, "one press, one call");
    let another = stage.api.unlock(&front, &ann, json!("second")).await;
    assert_eq!(another["unlocked"], true, "{another}");
    assert_eq!(stage.calls("POST", "/locks"), 2);
}

async fn kill_in_the_middle(database: String, paths: &[&str]) {
    let mut stage = Box::pin(ServiceProcess::set(database)).await;
    // Killed while the user is created, then while the assignment is created.
    for (nth, path) in paths.iter().enumerate() {
        let who = format!("p{nth}");
        stage.latency(Duration::from_millis(300));
        let earlier = stage.calls("POST", path);
        stage
            .send("membership.updated", &membership(&who, &who))
            .await;
        stage.wait_for_call("POST", path, earlier).await;
        stage.kill().await;
        stage.serve_and_settle().await;
        assert_eq!(
            stage.sandbox.assignments_of(&email(&who)).len(),
            1,
            "killed at POST {path}"
        );
    }
    // Killed while a person moves to another address: the new grant comes first, then the old one goes.
    stage.latency(Duration::from_millis(300));
    let earlier = stage.calls("POST", "/role_assignments");
    let moved = event::with(person("p0"), json!({ "email": "new@example.com" }));
    stage.send("member.updated", &moved).await;
    stage
        .wait_for_call("POST", "/role_assignments", earlier)
        .await;
    stage.kill().await;
    stage.serve_and_settle().await;
    let rows = |who: &str| stage.sandbox.assignments_of(who).len();
    assert_eq!((rows("new@example.com"), rows("p0@example.com")), (1, 0));
    let writes = stage.sandbox.writes();
    let granted = writes
        .iter()
        .rposition(|call| call.method == "POST" && call.path == "/role_assignments");
    let revoked = writes.iter().position(|call| call.method == "DELETE");
    assert!(granted < revoked, "{writes:?}");
    // Killed while the assignment is deleted.
    stage.latency(Duration::from_millis(300));
    let earlier = stage.calls("DELETE", "/role_assignments");
    let ended = json!({ "id": "p0" });
    stage.send("membership.deleted", &ended).await;
    stage
        .wait_for_call("DELETE", "/role_assignments", earlier)
        .await;
    stage.kill().await;
    stage.serve_and_settle().await;
    assert_eq!(stage.sandbox.assignments_of("new@example.com"), []);
    for nth in 1..paths.len() {
        let rows = stage.sandbox.assignments_of(&email(&format!("p{nth}")));
        assert_eq!(rows.len(), 1, "the others keep their assignments");
    }
}
