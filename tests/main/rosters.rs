//! `latchkey roster import` beside a running service: a file opens and closes doors, its dry run shows the same changes
//! beforehand and makes none, and a file that is wrong or outdated changes nothing either.

use std::process::Output;

use jiff::ToSpan;
use latchkey::{
    clock::Clock,
    dry_run,
    id::{Kind, decode_as},
    ingest::batch::Job,
    store::{ClubScope, StoreError, clubs},
};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    child,
    world::{ENCRYPTION_KEY, Setup, World},
};

/// The command uses the system's clock, so the test's clock begins at the same time.
fn now_and_here() -> Setup {
    Setup {
        beginning: Clock::system().now().timestamp(),
        ..Setup::default()
    }
}

on_both!(with now_and_here(); a_roster_opens_and_closes_doors, a_wrong_or_old_roster_changes_nothing,
    a_dry_run_tells_ended_from_shortened_access);
on_both!(a_dry_run_waits_for_nobody_and_tells_of_the_brake);

const BOTH: &str = "id;email;name;plan_id;ends_at\n1;Ann@Example.com;Ann;gold;\n2;bob@example.com;Bob;gold;9999-12-31\n";
const ANN_ALONE: &str = "id;email;name;plan_id\n1;ann@example.com;Ann;gold\n";

struct RosterCli {
    source: String,
    folder: TempDir,
    database: String,
}

impl RosterCli {
    async fn open(world: &mut World) -> Self {
        let source = world.api.source("Books").await.id;
        world.connect().await;
        let group = world.manage("Members").await;
        world.rule(&group, json!([{ "membership": {} }])).await;
        world
            .emails
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

    fn import_output(&self, name: &str, text: &str, more: &[&str]) -> String {
        let output = self.import(name, text, more);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Waits until the rows that the other process stored are carried out: its clock has gone on.
async fn settle_after_import(world: &mut World) {
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
    let office = RosterCli::open(world).await;
    let output = office.import_output("both.csv", BOTH, &["--dry-run"]);
    for line in [
        "2 members, 2 memberships",
        "+ Ann <ann@example.com>: Members",
        "+ Bob",
        "2 gain access, 0 lose access; 2 members are new",
    ] {
        assert!(output.contains(line), "{output}");
    }
    assert_eq!(world.api.deliveries().await, 0);
    assert_eq!(
        world.api.member("ann@example.com").await,
        None,
        "a dry run changes nothing"
    );

    office.import_output("both.csv", BOTH, &[]);
    settle_after_import(world).await;
    assert_eq!(in_kisi(world), [1, 1]);
    let bobs = world.sandbox.assignments_of("bob@example.com");
    assert_eq!(bobs[0].until, None, "this date means no end");

    let output = office.import_output("one.csv", ANN_ALONE, &["--dry-run"]);
    assert!(
        output.contains("- Bob <bob@example.com>: Members"),
        "{output}"
    );
    assert!(!output.contains("Ann"), "{output}");
    assert_eq!(in_kisi(world), [1, 1]);
    office.import_output("one.csv", ANN_ALONE, &[]);
    settle_after_import(world).await;
    assert_eq!(in_kisi(world), [1, 0]);

    let json = json!({ "members": [{ "id": "1" }, { "id": "2" }], "memberships": [
        { "id": "x", "member": { "id": "2" }, "plan": { "id": "gold" }, "status": "active", "ends_at": "9999-12-31T23:59:59Z" },
    ] });
    office.import_output("all.json", &json.to_string(), &[]);
    settle_after_import(world).await;
    assert_eq!(in_kisi(world), [0, 1]);
    let bobs = world.sandbox.assignments_of("bob@example.com");
    assert_eq!(bobs[0].until, None, "this date means no end");
}

async fn a_dry_run_tells_ended_from_shortened_access(world: &mut World) {
    let office = RosterCli::open(world).await;
    office.import_output("both.csv", BOTH, &[]);
    settle_after_import(world).await;
    let berlin = world.now().in_tz("Europe/Berlin").unwrap();
    let last = (berlin.date() + 3.days()).to_string();
    let next = (berlin.date() + 4.days()).to_string();
    let next_year = (berlin.date() + 1.year()).to_string();
    let changed = format!(
        "id;email;name;plan_id;ends_at\n1;ann@example.com;Ann;gold;{last}\n3;;Cid;gold;\n4;dan@example.com;Dan;gold;{next_year}\n"
    );
    let output = office.import_output("changed.csv", &changed, &["--dry-run"]);
    let ann = format!("< Ann <ann@example.com>: Members, not from {next} 00:00 on\n");
    for line in [
        ann.as_str(),
        "- Bob <bob@example.com>: Members, Front door, Range\n",
        "+ Dan <dan@example.com>: Members, Front door, Range\n",
        "Without an e-mail address, so that Kisi cannot give them this access:\n? Cid: Members, Front door, Range\n",
        "1 gain access, 1 lose access; 2 members are new.\n1 keep access for a shorter time.\n1 have no e-mail address and get no access.\n",
        "nothing holds the revocations of 2 people",
    ] {
        assert!(output.contains(line), "{line} in {output}");
    }
    // An address that is taken away ends the access in Kisi.
    let nameless = BOTH.replace("bob@example.com", "");
    let output = office.import_output("nameless.csv", &nameless, &["--dry-run"]);
    for line in ["- Bob <bob@example.com>: Members, ", "? Bob: Members, "] {
        assert!(output.contains(line), "{line} in {output}");
    }
}

async fn a_wrong_or_old_roster_changes_nothing(world: &mut World) {
    let office = RosterCli::open(world).await;
    office.import_output("one.csv", ANN_ALONE, &[]);
    settle_after_import(world).await;
    let before = world.api.deliveries().await;
    for (name, text, words) in [
        (
            "a.csv",
            "id;plan_id;status\n1;gold;fine\n",
            "line 2, column \"status\": \"fine\" is no known status",
        ),
        ("b.csv", "name;plan\nAnn;gold\n", "a column id or email"),
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
        ("c.json", "{", "not valid JSON"),
        ("d.json", r#"{"type": "member.updated"}"#, "roster.snapshot"),
    ] {
        let output = office.import(name, text, &[]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && message.contains(words),
            "{message}"
        );
    }
    assert_eq!(world.api.deliveries().await, before);
    office.import_output("old.csv", BOTH, &["--at", "2026-01-01T00:00:00Z"]);
    settle_after_import(world).await;
    assert_eq!(in_kisi(world), [1, 0], "the stored data is newer");
}

/// Another transaction holds the write lock all the time: a dry run that wanted to write would wait forever.
async fn a_dry_run_waits_for_nobody_and_tells_of_the_brake(world: &mut World) {
    let source = world.api.source("Books").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    crate::brake::brake(world, json!({ "enabled": true })).await;
    let names: Vec<String> = (0..6).map(|number| format!("p{number}")).collect();
    for name in &names {
        world.emails.insert(format!("{name}@example.com"));
        let joins = crate::support::event::membership(&format!("m-{name}"), name);
        world.send(&source, "membership.updated", joins).await;
    }
    world.settled().await;
    let (app, now) = (world.app().clone(), world.clock.now());
    let club = world.api.query("{ club { id } }", json!({})).await;
    let club = decode_as(Kind::Club, club["club"]["id"].as_str().unwrap()).unwrap();
    let source = decode_as(Kind::Source, &source.id).unwrap();
    let rehearse = async |kept: &[String]| {
        let members = kept.iter().map(|name| crate::support::event::person(name));
        let memberships = kept
            .iter()
            .map(|name| crate::support::event::membership(&format!("m-{name}"), name));
        let data = json!({ "members": members.collect::<Vec<_>>(), "memberships": memberships.collect::<Vec<_>>() });
        let body = json!({ "type": "roster.snapshot", "timestamp": now.timestamp().to_string(), "data": data });
        let job = Job::canonical(
            club,
            source,
            "dry".to_owned(),
            body.to_string().into_bytes(),
            now,
        );
        dry_run::dry_run(&app.db, ClubScope::new(club), job, now)
            .await
            .unwrap()
    };
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let (end, told) = tokio::sync::oneshot::channel::<()>();
    let db = app.db.clone();
    let writer = tokio::spawn(async move {
        db.write::<(), StoreError, _>(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, ClubScope::new(club)).await?;
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
    assert!(many.changes.iter().all(|change| change.is_held));
    assert!(!few.changes.iter().any(|change| change.is_held));
    assert!(many.changes[0].ends.contains(&"Members".to_owned()));
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
