//! `latchkey roster import`, beside a service that runs: a file opens and closes doors, its dry run tells the same beforehand
//! and changes nothing, and a file that is wrong or old changes nothing either.

use std::process::Output;

use jiff::ToSpan;
use latchkey::{
    clock::Clock,
    id::{Kind, decode_as},
    ingest::{batch::Job, rehearsal},
    store::{Scope, StoreError, clubs},
};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    child,
    world::{ENCRYPTION_KEY, Setup, World},
};

/// The program goes by the system's clock, so this world begins where that is.
fn now_and_here() -> Setup {
    Setup {
        beginning: Clock::system().now().timestamp(),
        ..Setup::default()
    }
}

on_both!(with now_and_here(); a_roster_opens_and_closes_doors, a_wrong_or_old_roster_changes_nothing);
on_both!(a_dry_run_waits_for_nobody_and_tells_of_the_brake);

const BOTH: &str = "id;email;name;plan_id;ends_at\n1;Ann@Example.com;Ann;gold;\n2;bob@example.com;Bob;gold;9999-12-31\n";
const ANN_ALONE: &str = "id;email;name;plan_id\n1;ann@example.com;Ann;gold\n";

struct Office {
    source: String,
    folder: TempDir,
    database: String,
}

impl Office {
    async fn open(world: &mut World) -> Self {
        let source = world.api.source("Books").await.id;
        world.connect().await;
        let group = world.manage("Members").await;
        world.rule(&group, json!([{ "membership": {} }])).await;
        world
            .people
            .extend(["ann", "bob"].map(|name| format!("{name}@example.com")));
        Self {
            source,
            folder: tempfile::tempdir().unwrap(),
            database: world.database_url(),
        }
    }

    /// Runs the import of a file with this text.
    fn import(&self, name: &str, text: &str, more: &[&str]) -> Output {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        let mut arguments = vec!["roster", "import", "--source", &self.source, &file];
        arguments.extend(more);
        let settings = [
            ("DATABASE_URL", self.database.as_str()),
            ("ENCRYPTION_KEY", ENCRYPTION_KEY),
        ];
        tokio::task::block_in_place(|| child::run(&arguments, &settings))
    }

    fn told(&self, name: &str, text: &str, more: &[&str]) -> String {
        let output = self.import(name, text, more);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Waits until what the other process stored is carried out: its clock has gone on.
async fn carried_out(world: &mut World) {
    world.turn_to(Clock::system().now().timestamp() + 1.minute());
    world.settled().await;
}

fn in_kisi(world: &World) -> [usize; 2] {
    ["ann", "bob"].map(|name| {
        world
            .sandbox
            .assignments_of(&format!("{name}@example.com"))
            .len()
    })
}

async fn a_roster_opens_and_closes_doors(world: &mut World) {
    let office = Office::open(world).await;
    let told = office.told("both.csv", BOTH, &["--dry-run"]);
    for line in [
        "2 members, 2 memberships",
        "+ Ann <ann@example.com>: Members",
        "+ Bob",
        "2 gain access, 0 lose access; 2 members are new",
    ] {
        assert!(told.contains(line), "{told}");
    }
    assert_eq!(world.api.deliveries().await, 0);
    assert_eq!(
        world.api.member("ann@example.com").await,
        None,
        "a dry run changes nothing"
    );

    office.told("both.csv", BOTH, &[]);
    carried_out(world).await;
    assert_eq!(in_kisi(world), [1, 1]);
    let bobs = world.sandbox.assignments_of("bob@example.com");
    assert_eq!(bobs[0].until, None, "a date that stands for no end");

    let told = office.told("one.csv", ANN_ALONE, &["--dry-run"]);
    assert!(told.contains("- Bob <bob@example.com>: Members"), "{told}");
    assert!(!told.contains("Ann"), "{told}");
    assert_eq!(in_kisi(world), [1, 1]);
    office.told("one.csv", ANN_ALONE, &[]);
    carried_out(world).await;
    assert_eq!(in_kisi(world), [1, 0]);

    let json = json!({ "members": [{ "id": "1" }, { "id": "2" }], "memberships": [
        { "id": "x", "member": { "id": "2" }, "plan": { "id": "gold" }, "status": "active", "ends_at": "9999-12-31T23:59:59Z" },
    ] });
    office.told("all.json", &json.to_string(), &[]);
    carried_out(world).await;
    assert_eq!(in_kisi(world), [0, 1]);
    let bobs = world.sandbox.assignments_of("bob@example.com");
    assert_eq!(bobs[0].until, None, "a date that stands for no end");
}

async fn a_wrong_or_old_roster_changes_nothing(world: &mut World) {
    let office = Office::open(world).await;
    office.told("one.csv", ANN_ALONE, &[]);
    carried_out(world).await;
    let before = world.api.deliveries().await;
    for (name, text, words) in [
        (
            "a.csv",
            "id;plan_id;status\n1;gold;fine\n",
            "data.memberships[0].status is \"fine\"",
        ),
        ("b.csv", "id;mail\n1;a\n", "no column"),
        (
            "e.json",
            r#"{"memberships": [{"id": "x", "member": {"id": "1"}, "plan": {"id": "gold"}, "status": "active", "endDate": "2026-02-01"}]}"#,
            "data.memberships[0].ends_at",
        ),
        (
            "f.json",
            r#"{"type": "roster.snapshot", "timestamp": "2999-01-01T00:00:00Z", "data": {"members": []}}"#,
            "in the future",
        ),
        ("c.json", "{", "no JSON"),
        ("d.json", r#"{"type": "member.updated"}"#, "roster.snapshot"),
    ] {
        let output = office.import(name, text, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{said}");
    }
    assert_eq!(world.api.deliveries().await, before);
    office.told("old.csv", BOTH, &["--at", "2026-01-01T00:00:00Z"]);
    carried_out(world).await;
    assert_eq!(in_kisi(world), [1, 0], "what is known is later");
}

/// Somebody else writes all the while: whoever wanted to write would wait for ever.
async fn a_dry_run_waits_for_nobody_and_tells_of_the_brake(world: &mut World) {
    let source = world.api.source("Books").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    crate::brake::brake(world, json!({ "enabled": true })).await;
    let names: Vec<String> = (0..6).map(|number| format!("p{number}")).collect();
    for name in &names {
        world.people.insert(format!("{name}@example.com"));
        let held = crate::support::event::membership(&format!("m-{name}"), name);
        world.send(&source, "membership.updated", held).await;
    }
    world.settled().await;
    let (app, now) = (world.app().clone(), world.clock.now());
    let club = world.api.ask("{ club { id } }", json!({})).await;
    let club = decode_as(Kind::Club, club["club"]["id"].as_str().unwrap()).unwrap();
    let source = decode_as(Kind::Source, &source.id).unwrap();
    let rehearse = async |kept: &[String]| {
        let members = kept.iter().map(|name| crate::support::event::person(name));
        let memberships = kept
            .iter()
            .map(|name| crate::support::event::membership(&format!("m-{name}"), name));
        let data = json!({ "members": members.collect::<Vec<_>>(), "memberships": memberships.collect::<Vec<_>>() });
        let body = json!({ "type": "roster.snapshot", "timestamp": now.timestamp().to_string(), "data": data });
        let job = Job::made(
            club,
            source,
            "dry".to_owned(),
            body.to_string().into_bytes(),
            now,
        );
        rehearsal::rehearse(&app.db, Scope::new(club), job, now)
            .await
            .unwrap()
    };
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let (end, told) = tokio::sync::oneshot::channel::<()>();
    let db = app.db.clone();
    let writer = tokio::spawn(async move {
        db.write::<(), StoreError, _>(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, Scope::new(club)).await?;
                locked.send(()).unwrap();
                told.await.ok();
                Ok(())
            })
        })
        .await
    });
    is_locked.await.unwrap();
    let few = rehearse(&names[..4]).await;
    let many = rehearse(&names[..1]).await;
    end.send(()).unwrap();
    writer.await.unwrap().unwrap();
    assert_eq!(
        (few.changes.len(), few.brake.losing, few.brake.holds),
        (2, 2, false)
    );
    assert_eq!(
        (
            many.changes.len(),
            many.brake.losing,
            many.brake.left,
            many.brake.holds
        ),
        (5, 5, 3, true)
    );
    assert!(many.changes[0].loses.contains(&"Members".to_owned()));
    world.settled().await;
    for name in &names {
        assert_eq!(
            world
                .sandbox
                .assignments_of(&format!("{name}@example.com"))
                .len(),
            1
        );
    }
}
