//! What keeps the program from starting: a setting that is wrong, a database of a newer program, a missing key. Each is one
//! line that says what to do, and exit status 1.

use std::{error::Error, process::Output};

use latchkey::app::App;
use sea_orm::ConnectionTrait;

use crate::support::{child, world::World};

on_both!(a_newer_database_is_left_alone);

/// The one line of standard error.
fn line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(output.stdout.is_empty());
    text
}

#[test]
fn a_wrong_setting_is_named_with_what_it_holds_and_may_hold() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!(
        "sqlite://{}?mode=rwc",
        folder.path().join("latchkey.db").display()
    );
    for (name, value, parts) in [
        ("KISI_RATE", "fast", ["kisi_rate", "fast", "1000"]),
        (
            "KISI_URL",
            "http://kisi.example.com",
            ["kisi_url", "http://kisi.example.com", "https"],
        ),
        ("HORIZON", "a week", ["horizon", "a week", "ISO 8601"]),
        (
            "LISTEN",
            "everywhere",
            ["listen", "everywhere", "HOST:PORT"],
        ),
        ("KISI_RAET", "5", ["kisi_raet", "", ""]),
    ] {
        let said = line(&child::run(
            &["serve"],
            &[("DATABASE_URL", &url), (name, value)],
        ));
        for part in parts {
            assert!(
                said.to_lowercase().contains(&part.to_lowercase()),
                "{name}={value}: {said}"
            );
        }
    }
    assert!(
        !folder.path().join("latchkey.db").exists(),
        "nothing was made"
    );
}

#[test]
fn a_password_is_never_told() {
    for url in [
        "postgres://latchkey:hush@db.example.com:notaport/latchkey",
        "mysql://latchkey:hush@db.example.com/latchkey",
    ] {
        let said = line(&child::run(&["migrate"], &[("DATABASE_URL", url)]));
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn a_database_that_cannot_be_opened_is_one_line() {
    let said = line(&child::run(
        &["migrate"],
        &[(
            "DATABASE_URL",
            "sqlite:///nowhere/at/all/latchkey.db?mode=rwc",
        )],
    ));
    assert!(said.contains("database"), "{said}");
}

async fn a_newer_database_is_left_alone(world: &mut World) {
    world.stop().await;
    let connection = sea_orm::Database::connect(world.database_url())
        .await
        .unwrap();
    let row =
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_235959_later', 0)";
    connection.execute_unprepared(row).await.unwrap();
    let refused = App::start(world.config(), world.clock.clone())
        .await
        .err()
        .expect("it must not start");
    let mut said = refused.to_string();
    let mut inner: &dyn Error = &refused;
    while let Some(source) = inner.source() {
        said.push_str(&format!(": {source}"));
        inner = source;
    }
    assert!(said.contains("newer"), "{said}");
    let url = world.database_url();
    let line = line(&child::run(
        &["serve", "--listen", "127.0.0.1:0"],
        &[("DATABASE_URL", &url)],
    ));
    assert!(line.contains("newer"), "{line}");
    connection
        .execute_unprepared("DELETE FROM seaql_migrations WHERE version = 'm29991231_235959_later'")
        .await
        .unwrap();
    connection.close().await.unwrap();
    world.start_again().await;
    assert_eq!(
        world.api.deliveries().await,
        0,
        "the tables are as they were"
    );
}
