//! A fresh PostgreSQL database for one test.
//!
//! The server is the one of `LATCHKEY_TEST_POSTGRES_URL`, else a private one of this run. Only databases that were created here
//! are touched. Tests for both databases call it; without PostgreSQL they fail, unless `LATCHKEY_TEST_SKIP_POSTGRES=1`.

mod server;

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};

/// The database of one test. Call `remove` at its end.
pub struct FreshDatabase {
    server: String,
    name: String,
    url: String,
}

impl FreshDatabase {
    /// The value for `LATCHKEY_DATABASE_URL`: `postgres://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Replaces the database by an empty one, even while clients are connected.
    pub async fn empty(&self) {
        remove(&self.server, &self.name).await.unwrap();
        let admin = connect(&self.server).await.unwrap();
        let create = format!("CREATE DATABASE {}", self.name);
        admin.execute_unprepared(&create).await.unwrap();
        admin.close().await.unwrap();
    }

    /// Drops the database, even while clients are connected. A failed test leaves its database: the private server is removed as
    /// a whole, and on another server it can be inspected. Await it without blocking the thread: PostgreSQL waits for each
    /// connection that is being opened, and the same thread may have to complete that.
    pub async fn remove(self) {
        if let Err(error) = remove(&self.server, &self.name).await {
            eprintln!("database {} was not dropped: {error}", self.name);
        }
    }
}

/// A client program of PostgreSQL, such as `pg_dump`.
pub fn program(name: &str) -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(server::find_binaries());
    let mut programs = folders.map(|folder| folder.join(name));
    programs
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{name} is missing (Debian: apt-get install postgresql-client)"))
}

/// Creates an empty database. `None`, with a printed line, if the tests on PostgreSQL are skipped.
///
/// # Panics
/// Without PostgreSQL, with one line that says what to do.
pub async fn fresh() -> Option<FreshDatabase> {
    if std::env::var("LATCHKEY_TEST_SKIP_POSTGRES").is_ok_and(|v| !v.is_empty() && v != "0") {
        eprintln!("skipped: LATCHKEY_TEST_SKIP_POSTGRES is set");
        return None;
    }
    match make().await {
        Ok(database) => Some(database),
        Err(message) => panic!("{message}"),
    }
}

async fn make() -> Result<FreshDatabase, String> {
    let server = match std::env::var("LATCHKEY_TEST_POSTGRES_URL") {
        Ok(url) if !url.is_empty() => url,
        // It blocks on a file lock and on a process.
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
    let created = admin
        .execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await;
    admin.close().await.ok();
    created.map_err(|e| format!("the tests cannot create a database: {e}"))?;
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
        // Servers that only share PostgreSQL's protocol may not support FORCE.
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
