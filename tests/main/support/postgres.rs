//! A fresh PostgreSQL database for one test.
//!
//! The server is the one that `LATCHKEY_TEST_POSTGRES_URL` names, else a private one of this run.
//! Nothing here touches a database that it did not make. Tests that must hold on both databases call
//! it; where there is no PostgreSQL they fail, unless `LATCHKEY_TEST_SKIP_POSTGRES=1`.

mod server;

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};

/// A database of one test's own: `remove` it at the end.
pub struct FreshDatabase {
    server: String,
    name: String,
    url: String,
}

impl FreshDatabase {
    /// `postgres://…`, as `LATCHKEY_DATABASE_URL` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Drops it, whoever is still connected to it. A test that failed leaves it: the server of this run is removed as a whole,
    /// and with another one it can be looked at. Never to be waited for in a way that stops the thread: PostgreSQL waits for
    /// each connection that is being opened, which the same thread may be about to do.
    pub async fn remove(self) {
        if let Err(error) = remove(&self.server, &self.name).await {
            eprintln!("database {} was not dropped: {error}", self.name);
        }
    }
}

/// Makes an empty database. `None` where the tests on PostgreSQL are to be skipped, which it prints.
///
/// # Panics
/// Where there is no PostgreSQL, in one line that says what to do.
pub async fn fresh() -> Option<FreshDatabase> {
    if std::env::var("LATCHKEY_TEST_SKIP_POSTGRES").is_ok_and(|v| !v.is_empty() && v != "0") {
        eprintln!("skipped: LATCHKEY_TEST_SKIP_POSTGRES is set");
        return None;
    }
    match make().await {
        Ok(made) => Some(made),
        Err(message) => panic!("{message}"),
    }
}

async fn make() -> Result<FreshDatabase, String> {
    let server = match std::env::var("LATCHKEY_TEST_POSTGRES_URL") {
        Ok(url) if !url.is_empty() => url,
        // It blocks: it waits for a file lock and for a process.
        _ => tokio::task::spawn_blocking(server::url)
            .await
            .map_err(|e| e.to_string())??,
    };
    let name = format!("latchkey_test_{}", random_hex()?);
    let mut url = url::Url::parse(&server)
        .map_err(|e| format!("LATCHKEY_TEST_POSTGRES_URL must be postgres://…: {e}"))?;
    url.set_path(&name);
    let admin = connect(&server)
        .await
        .map_err(|e| format!("the PostgreSQL server for the tests does not answer: {e}"))?;
    let made = admin
        .execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await;
    admin.close().await.ok();
    made.map_err(|e| format!("the tests cannot make a database: {e}"))?;
    Ok(FreshDatabase {
        server,
        name,
        url: url.into(),
    })
}

async fn remove(server: &str, name: &str) -> Result<(), DbErr> {
    let admin = connect(server).await?;
    let mut dropped = admin
        .execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)"))
        .await;
    if dropped.is_err() {
        // What only speaks PostgreSQL's protocol may not know FORCE.
        dropped = admin
            .execute_unprepared(&format!("DROP DATABASE {name}"))
            .await;
    }
    admin.close().await?;
    dropped.map(drop)
}

async fn connect(server: &str) -> Result<DatabaseConnection, DbErr> {
    let patience = Duration::from_secs(10);
    let mut options = ConnectOptions::new(server);
    options
        .max_connections(1)
        .connect_timeout(patience)
        .acquire_timeout(patience);
    options.sqlx_logging(false);
    Database::connect(options).await
}

fn random_hex() -> Result<String, String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|e| format!("/dev/urandom: {e}"))?;
    Ok(hex::encode(bytes))
}
