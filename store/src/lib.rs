//! The database layer: the only user of SeaORM. Functions take a connection, and the caller owns the transaction.
//! Differences between SQLite and PostgreSQL are handled in this file and in `session`. Only `Db::write` begins a transaction,
//! and no transaction may stay open during a network call.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

pub use entity::fold::fold;
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, DbErr,
    RuntimeErr, Statement, TransactionTrait,
    sqlx::{ConnectOptions as _, postgres::PgConnectOptions, sqlite::SqliteConnectOptions},
};
use tokio::runtime::Handle;

pub mod account_owners;
pub mod announced_problems;
pub mod arrivals;
pub mod bulk;
pub mod check_ins;
pub mod clock;
pub mod clock_correction;
pub mod clubs;
pub mod convert;
pub mod deliveries;
pub mod due;
pub mod entitlements;
pub mod erasure;
pub mod facts;
pub mod failure;
mod file_mode;
pub mod grants;
mod health;
pub mod history;
pub mod id;
pub mod kisi_accounts;
pub mod kisi_names;
pub mod leases;
pub mod listeners;
pub mod listings;
pub mod logins;
pub mod lookup;
pub mod map;
pub mod members;
pub mod notifications;
mod observe;
pub mod offerings;
pub mod overrides;
pub mod page;
pub mod person_data;
mod pool;
pub mod probe;
pub mod problems;
pub mod processes;
pub mod reader;
pub mod readings;
pub mod rejections;
pub mod repeats;
pub mod retention;
pub mod revocations;
pub mod row;
pub mod rules;
pub mod scope;
pub mod scratch;
pub mod sealed;
pub mod secret;
mod session;
pub mod setup;
pub mod sources;
pub mod sweep;
pub mod tail;
mod together;
pub mod tokens;
mod transaction;
pub mod unlock_requests;
pub mod version;
pub mod wake;
pub mod webhook_endpoints;
pub mod webhook_messages;
pub mod working_set;

use self::{health::Health, pool::Pool, session::Target, together::Together};
use crate::wake::Signal;

pub use failure::Failure;
pub use file_mode::restrict_to_owner;
pub use pool::PoolStatus;
pub use reader::Reader;
pub use scope::ClubScope;
pub use sea_orm::ConnectionTrait as Connection;
pub use transaction::Transaction;

/// A database error. Its text is for logs and must never reach an API caller.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database failed")]
    Database(#[from] DbErr),
    /// The transaction task panicked or was aborted before it returned a result.
    #[error("the transaction task ended before it returned a result")]
    TaskEnded,
    /// A stored value is not of the form that this program writes.
    #[error("a stored {what} cannot be read")]
    Unreadable {
        /// The kind of value that was expected.
        what: &'static str,
    },
    /// One request exceeded its limit of member evaluations.
    #[error("the request needs more member evaluations than one request may use")]
    TooManyEvaluations,
    /// A newer version of this program migrated the database.
    #[error(
        "a newer version of this program migrated the database; run that version or a later one: {0}"
    )]
    Newer(String),
}

/// The boxed future of the work inside a transaction.
pub type Work<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// Default deadline of a statement; a connection that misses it is closed.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// Deadline of a transaction, in statement deadlines: a roster of tens of thousands of people is one transaction.
const TRANSACTION_DEADLINES: u32 = 30;
/// Size of the pool of read connections: SQLite, PostgreSQL.
const READ_CONNECTIONS: (u32, u32) = (4, 10);
/// Size of the pool of write connections on PostgreSQL; SQLite has one writer.
const WRITE_CONNECTIONS: u32 = 6;
/// The pause before a locked SQLite file is opened again.
const OPENING_PAUSE: Duration = Duration::from_millis(20);

/// Opens the first connection to a SQLite file. Of several processes that create it at once, the one that switches it to the
/// write-ahead log locks it, and SQLite does not let the others wait for that.
async fn open_first(write: &Pool, deadline: Duration) -> Result<(), DbErr> {
    let waiting = clock::Stopwatch::start();
    loop {
        match write.acquire().await {
            Ok(connection) => {
                connection.release();
                return Ok(());
            }
            Err(problem)
                if failure::of_db(&problem) == failure::Failure::Lock
                    && waiting.elapsed() < deadline =>
            {
                tokio::time::sleep(OPENING_PAUSE).await;
            }
            Err(problem) => return Err(problem),
        }
    }
}

/// Runs the pending migrations in one transaction, under a lock of the table that lists them, or of the whole file on SQLite, which
/// any write locks.
#[expect(
    clippy::disallowed_methods,
    reason = "a migration has no deadline, and its connection ends with it"
)]
async fn migrate_alone(connection: &DatabaseConnection) -> Result<(), DbErr> {
    let mut installed = Migrator::install(connection).await;
    if installed.is_err() {
        // Another process has created the table meanwhile.
        installed = Migrator::install(connection).await;
    }
    installed?;
    let transaction = connection.begin().await?;
    let lock = match connection.get_database_backend() {
        DatabaseBackend::Postgres => "LOCK TABLE seaql_migrations IN SHARE ROW EXCLUSIVE MODE",
        _ => "UPDATE seaql_migrations SET version = version WHERE version IS NULL",
    };
    transaction.execute_unprepared(lock).await?;
    Migrator::up(&transaction, None).await?;
    transaction.commit().await
}

/// A pool of read connections, and `write` for transactions.
#[derive(Clone, Debug)]
pub struct Db {
    url: String,
    /// SQLite's options, which identify an in-memory database where the URL cannot.
    sqlite: Option<SqliteConnectOptions>,
    read: Reader,
    write: Pool,
    deadline: Duration,
    health: Health,
    main_runtime: Handle,
    committed: Signal,
    together: Together,
}

impl Db {
    /// Connects, without migrating. SQLite gets one write connection and several read-only ones.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_within(url, DEADLINE).await
    }

    /// Like `connect`, with a deadline for each statement.
    pub async fn connect_within(url: &str, deadline: Duration) -> Result<Self, StoreError> {
        let generation = Arc::default();
        if url.starts_with("sqlite:") {
            let options: SqliteConnectOptions = url.parse().map_err(connect_error)?;
            file_mode::restrict(options.get_filename(), url);
            let target = |reads_only| {
                Target::Sqlite(Box::new(sqlite(options.clone(), reads_only, deadline)))
            };
            // The write connection goes first: only it may create the file.
            let write = Pool::new(target(false), 1, deadline, Arc::clone(&generation));
            open_first(&write, deadline).await?;
            let read = Pool::new(target(true), READ_CONNECTIONS.0, deadline, generation);
            return Ok(Self::of((read, write), deadline, url, Some(options)));
        }
        let options: PgConnectOptions = url.parse().map_err(connect_error)?;
        let target = Target::Postgres(Box::new(options.disable_statement_logging()));
        let write = Pool::new(
            target.clone(),
            WRITE_CONNECTIONS,
            deadline,
            Arc::clone(&generation),
        );
        write.acquire().await?.release();
        let read = Pool::new(target, READ_CONNECTIONS.1, deadline, generation);
        Ok(Self::of((read, write), deadline, url, None))
    }

    fn of(
        (read, write): (Pool, Pool),
        deadline: Duration,
        url: &str,
        sqlite: Option<SqliteConnectOptions>,
    ) -> Self {
        Self {
            url: url.to_owned(),
            sqlite,
            read: Reader { pool: read },
            write,
            deadline,
            health: Health::default(),
            main_runtime: Handle::current(),
            committed: Signal::default(),
            together: Together::default(),
        }
    }

    /// A private in-memory database that is dropped with its connections, for simulating a change. The caller must migrate it.
    /// Reads and writes share one connection: reading while a transaction is open would block.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let url = "sqlite::memory:";
        let options: SqliteConnectOptions = url.parse().map_err(connect_error)?;
        let target = Target::Sqlite(Box::new(sqlite(options.clone(), false, DEADLINE)));
        let only = Pool::new(target, 1, DEADLINE, Arc::default());
        only.acquire().await?.release();
        Ok(Self::of((only.clone(), only), DEADLINE, url, Some(options)))
    }

    /// Runs the pending migrations. Fails with `StoreError::Newer` on a database that a newer program migrated.
    ///
    /// Several processes may start at once on a database: one migrates it, and the others wait for its commit.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut options = ConnectOptions::new(&self.url);
        options.max_connections(1).sqlx_logging(false);
        if let Some(kept) = self.sqlite.clone() {
            options.map_sqlx_sqlite_opts(move |_| sqlite(kept.clone(), false, DEADLINE));
        }
        // A separate connection, because a migration has no deadline.
        let connection = Database::connect(options).await?;
        let migrated = migrate_alone(&connection).await;
        connection.close().await?;
        migrated.map_err(|problem| {
            let text = problem.to_string();
            if text.contains("Migration file of version") {
                StoreError::Newer(text)
            } else {
                problem.into()
            }
        })
    }

    /// Whether the database responds and has all migrations.
    pub async fn ready(&self) -> Result<bool, StoreError> {
        let backend = self.read.get_database_backend();
        let versions = Statement::from_string(backend, "SELECT version FROM seaql_migrations");
        let rows = self.read.query_all_raw(versions).await?;
        let applied: Vec<String> = rows
            .iter()
            .map(|row| row.try_get("", "version"))
            .collect::<Result<_, _>>()?;
        let all = Migrator::migrations();
        Ok(all
            .iter()
            .all(|migration| applied.iter().any(|name| name == migration.name())))
    }

    /// Whether the database accepts writes. Tries one only if an earlier one failed.
    pub async fn can_write(&self) -> Result<(), StoreError> {
        if self.health.is_in_doubt() {
            self.write(|tx| Box::pin(probe::write(tx))).await?;
            self.health.note_success();
        }
        Ok(())
    }

    /// The state of the pool of read connections.
    pub fn read_pool(&self) -> PoolStatus {
        self.read.pool.status()
    }

    /// The state of the pool of connections for transactions.
    pub fn write_pool(&self) -> PoolStatus {
        self.write.status()
    }

    /// Whether all processes that use this database run on this machine, because it is a SQLite file.
    pub fn is_sqlite(&self) -> bool {
        self.write.backend() == DatabaseBackend::Sqlite
    }

    /// The connection for statements that only read.
    pub fn read(&self) -> &Reader {
        &self.read
    }

    /// Runs `work` in one write transaction and commits if it returns `Ok`; the value is returned after the commit. The
    /// transaction runs to its end even if the caller's future is dropped.
    pub async fn write<T, E, W>(&self, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: for<'a> FnOnce(&'a Transaction) -> Work<'a, T, E> + Send + 'static,
    {
        let (pool, committed, health) = (
            self.write.clone(),
            self.committed.clone(),
            self.health.clone(),
        );
        let deadline = self.deadline.saturating_mul(TRANSACTION_DEADLINES);
        let task = self.main_runtime.spawn(async move {
            let value = transaction::run(&pool, deadline, &health, work).await?;
            committed.wake();
            Ok(value)
        });
        task.await
            .unwrap_or_else(|_| Err(StoreError::TaskEnded.into()))
    }

    /// Like `write`, for small writes that many tasks make at the same time: on SQLite they share a transaction, and `work` may run
    /// twice, the first time without effect.
    pub async fn write_together<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a Transaction) -> Work<'a, T, StoreError> + Send + Sync + 'static,
    {
        if self.is_sqlite() {
            self.together.write(self, work).await
        } else {
            self.write(work).await
        }
    }

    /// Resolves at the next commit of this process after this call, even if it is awaited later.
    pub fn next_commit(&self) -> impl Future<Output = ()> + Send + use<> {
        self.committed.register()
    }

    /// Closes all connections; SQLite checkpoints its write-ahead log into the database.
    pub async fn close(self) {
        self.read.pool.close().await;
        self.write.close().await;
    }
}

fn connect_error(problem: sea_orm::sqlx::Error) -> StoreError {
    DbErr::Conn(RuntimeErr::SqlxError(problem.into())).into()
}

fn sqlite(
    options: SqliteConnectOptions,
    reads_only: bool,
    deadline: Duration,
) -> SqliteConnectOptions {
    let options = options
        .pragma("journal_mode", "WAL")
        // A delivery that was answered with 202 must survive a power cut, so every commit is synced.
        .pragma("synchronous", "FULL")
        .pragma("foreign_keys", "ON")
        .pragma("temp_store", "MEMORY")
        // The cache is per connection, and the writer touches far more of the tables' indexes.
        .pragma("cache_size", if reads_only { "-8000" } else { "-16000" })
        // Below the statement deadline, so that waiting for another process's lock is reported as a lock error.
        .busy_timeout(deadline / 2)
        .statement_cache_capacity(256)
        // Each connection sends rows from its own thread; a larger buffer means fewer wake-ups for large results.
        .row_buffer_size(512)
        // Statistics of a small database would make SQLite scan whole tables once it has grown.
        .optimize_on_close(false, None)
        .disable_statement_logging();
    if reads_only {
        options.pragma("query_only", "ON")
    } else {
        options
    }
}
