//! What keeps the service from starting: an invalid setting, a database of a newer version, a missing key. Each prints one line
//! that says what to do, and exits with status 1.

use std::{error::Error, process::Output};

use latchkey::app::App;
use sea_orm::ConnectionTrait;

use crate::support::{child, world::World};

on_both!(a_newer_database_is_left_alone);

/// Asserts exit status 1 and returns the single line of standard error.
fn line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(output.stdout.is_empty());
    text
}

#[test]
fn a_wrong_setting_is_reported_with_its_value_and_the_allowed_ones() {
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
        let message = line(&child::run(
            &["serve"],
            &[("DATABASE_URL", &url), (name, value)],
        ));
        for part in parts {
            assert!(
                message.to_lowercase().contains(&part.to_lowercase()),
                "{name}={value}: {message}"
            );
        }
    }
    assert!(
        !folder.path().join("latchkey.db").exists(),
        "no database was created"
    );
}

#[test]
fn a_password_is_never_printed() {
    for url in [
        "postgres://latchkey:hush@db.example.com:notaport/latchkey",
        "mysql://latchkey:hush@db.example.com/latchkey",
    ] {
        let message = line(&child::run(&["migrate"], &[("DATABASE_URL", url)]));
        assert!(!message.contains("hush"), "{message}");
    }
}

#[test]
fn a_database_that_cannot_be_opened_is_one_line() {
    let message = line(&child::run(
        &["migrate"],
        &[(
            "DATABASE_URL",
            "sqlite:///nowhere/at/all/latchkey.db?mode=rwc",
        )],
    ));
    assert!(message.contains("database"), "{message}");
}

async fn a_newer_database_is_left_alone(world: &mut World) {
    world.stop().await;
    let connection = sea_orm::Database::connect(world.database_url())
        .await
        .unwrap();
    let row =
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_235959_later', 0)";
    connection.execute_unprepared(row).await.unwrap();
    let error = App::start(world.config(), world.clock.clone())
        .await
        .err()
        .expect("the service must not start");
    let mut message = error.to_string();
    let mut inner: &dyn Error = &error;
    while let Some(source) = inner.source() {
        message.push_str(&format!(": {source}"));
        inner = source;
    }
    assert!(message.contains("newer"), "{message}");
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
    assert_eq!(world.api.deliveries().await, 0, "the tables are unchanged");
}
