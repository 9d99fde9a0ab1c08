//! The database: the only user of SeaORM. Functions take a connection, and whoever calls them owns the transaction.
//! What differs between SQLite and PostgreSQL stands in this file and in `session`. No transaction may be open while the network
//! is awaited, and a transaction begins in `Db::write` alone.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

pub use entity::fold::fold;
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ColumnTrait, ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DbErr, RuntimeErr,
    Statement,
    sea_query::{Expr, ExprTrait, extension::postgres::PgFunc},
    sqlx::{ConnectOptions as _, postgres::PgConnectOptions, sqlite::SqliteConnectOptions},
};
use tokio::runtime::Handle;
use uuid::Uuid;

pub mod bulk;
pub mod clock_correction;
pub mod clubs;
pub mod deliveries;
pub mod due;
pub mod entitlements;
pub mod facts;
pub mod failure;
mod file_mode;
pub mod grants;
mod health;
pub mod history;
pub mod kisi_accounts;
pub mod kisi_names;
pub mod leases;
pub mod listeners;
pub mod listings;
pub mod logins;
pub mod members;
#[cfg(test)]
mod observe;
pub mod offerings;
pub mod overrides;
pub mod page;
mod pool;
pub mod presses;
pub mod probe;
pub mod problems;
pub mod reader;
pub mod readings;
pub mod rejections;
pub mod revocations;
pub mod row;
pub mod rules;
pub mod scope;
pub mod scratch;
pub mod sealed;
mod session;
pub mod setup;
pub mod sources;
pub mod sweep;
pub mod tail;
pub mod tokens;
mod transaction;
pub mod working_set;

use self::{health::Health, pool::Pool, session::Target};
use crate::wake::Waker;

pub use failure::Failure;
pub use file_mode::restrict_to_owner;
pub use reader::Reader;
pub use scope::Scope;
pub use sea_orm::ConnectionTrait as Connection;
pub use transaction::Transaction;

/// What went wrong with the database. The text is for logs; none of it may reach a caller.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
    /// The task that held the transaction ended before it answered.
    #[error("the task of a transaction ended early")]
    TaskEnded,
    /// A stored value is not what this program writes.
    #[error("a stored {what} cannot be read")]
    Unreadable {
        /// What it should have been.
        what: &'static str,
    },
    /// Evaluating members for one request was given up.
    #[error("the request needs more members evaluated than one may")]
    TooManyEvaluations,
    /// The database was migrated by a newer program.
    #[error("the database is newer than this program: {0}")]
    Newer(String),
}

/// What a piece of work within a transaction gives.
pub type Work<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// How long a statement may take before its connection is given up, where nothing else is said.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// How much longer a transaction may take: a roster of tens of thousands is one.
const TRANSACTION: u32 = 30;
/// How many connections read at once: SQLite, PostgreSQL.
const READERS: (u32, u32) = (4, 10);
/// How many connections write at once on PostgreSQL; SQLite has one writer.
const WRITERS: u32 = 6;

/// The database: connections for reading, and one way to write.
#[derive(Clone, Debug)]
pub struct Db {
    url: String,
    /// SQLite's options, which name a database in memory as the address cannot.
    sqlite: Option<SqliteConnectOptions>,
    read: Reader,
    write: Pool,
    deadline: Duration,
    health: Health,
    home: Handle,
    committed: Waker,
}

impl Db {
    /// Connects, without migrating. SQLite gets one connection that writes and several that only read.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_within(url, DEADLINE).await
    }

    /// Connects, with a deadline for each statement.
    pub async fn connect_within(url: &str, deadline: Duration) -> Result<Self, StoreError> {
        let generation = Arc::default();
        if url.starts_with("sqlite:") {
            let options: SqliteConnectOptions = url.parse().map_err(unusable)?;
            file_mode::restrict(options.get_filename(), url);
            let target = |reads_only| {
                Target::Sqlite(Box::new(sqlite(options.clone(), reads_only, deadline)))
            };
            // The first of all to connect is the one that may create the file.
            let write = Pool::new(target(false), 1, deadline, Arc::clone(&generation));
            write.lend().await?.give_back();
            let read = Pool::new(target(true), READERS.0, deadline, generation);
            return Ok(Self::of((read, write), deadline, url, Some(options)));
        }
        let options: PgConnectOptions = url.parse().map_err(unusable)?;
        let target = Target::Postgres(Box::new(options.disable_statement_logging()));
        let write = Pool::new(target.clone(), WRITERS, deadline, Arc::clone(&generation));
        write.lend().await?.give_back();
        let read = Pool::new(target, READERS.1, deadline, generation);
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
            home: Handle::current(),
            committed: Waker::default(),
        }
    }

    /// A database in memory that is nobody else's and ends with its connections: for finding out what a change would lead to.
    /// It has to be migrated. It has one connection, so that nothing may be read while a transaction is open.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let url = "sqlite::memory:";
        let options: SqliteConnectOptions = url.parse().map_err(unusable)?;
        let target = Target::Sqlite(Box::new(sqlite(options.clone(), false, DEADLINE)));
        let only = Pool::new(target, 1, DEADLINE, Arc::default());
        only.lend().await?.give_back();
        Ok(Self::of((only.clone(), only), DEADLINE, url, Some(options)))
    }

    /// Brings the tables up to this program. A database of a newer program is refused.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut options = ConnectOptions::new(&self.url);
        options.max_connections(1).sqlx_logging(false);
        if let Some(kept) = self.sqlite.clone() {
            options.map_sqlx_sqlite_opts(move |_| sqlite(kept.clone(), false, DEADLINE));
        }
        // A connection of its own: a migration has no deadline.
        let connection = Database::connect(options).await?;
        let migrated = Migrator::up(&connection, None).await;
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

    /// Whether the database answers and is migrated.
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
            .all(|one| applied.iter().any(|name| name == one.name())))
    }

    /// Whether something can be stored at present: a write is tried where the last one failed.
    pub async fn can_write(&self) -> Result<(), StoreError> {
        if !self.health.has_failed() {
            return Ok(());
        }
        self.write(|tx| Box::pin(probe::write(tx))).await
    }

    /// Whether whoever uses this database does so from this machine: it is a SQLite file.
    pub fn is_one_machine(&self) -> bool {
        self.write.backend() == DatabaseBackend::Sqlite
    }

    /// For statements that only read.
    pub fn read(&self) -> &Reader {
        &self.read
    }

    /// Counts the statements that only read, from now on.
    #[cfg(test)]
    pub fn count_reads(&self) -> Arc<std::sync::atomic::AtomicUsize> {
        let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counting = count.clone();
        self.read.pool.observer().look(move |_| {
            counting.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        });
        count
    }

    /// Keeps each statement that runs from now on, in the order in which they ran.
    #[cfg(test)]
    pub fn record(&self) -> Arc<std::sync::Mutex<Vec<Statement>>> {
        let kept: Arc<std::sync::Mutex<Vec<_>>> = Arc::default();
        for pool in [&self.read.pool, &self.write] {
            let keeping = kept.clone();
            pool.observer()
                .look(move |statement| keeping.lock().unwrap().push(statement.clone()));
        }
        kept
    }

    /// How the database goes about a statement, a step a line.
    #[cfg(test)]
    pub async fn steps(&self, mut statement: sea_orm::Statement) -> Vec<String> {
        statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let rows = self.read.query_all_raw(statement).await.unwrap();
        let detail = |row: sea_orm::QueryResult| row.try_get("", "detail").unwrap();
        rows.into_iter().map(detail).collect()
    }

    /// Runs a piece of work in one transaction that writes, and commits it where it gives Ok; what it gives is told only after the
    /// commit. It goes on to its end even where the caller is dropped.
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
        let deadline = self.deadline.saturating_mul(TRANSACTION);
        let task = self.home.spawn(async move {
            let value = transaction::run(&pool, deadline, &health, work).await?;
            committed.wake();
            Ok(value)
        });
        task.await
            .unwrap_or_else(|_| Err(StoreError::TaskEnded.into()))
    }

    /// The next commit of this process. It counts from now on, whenever it is awaited.
    pub fn commit(&self) -> impl Future<Output = ()> + Send + use<> {
        self.committed.register()
    }

    /// Closes all connections; SQLite folds its log into the database.
    pub async fn close(self) {
        self.read.pool.close().await;
        self.write.close().await;
    }
}

fn unusable(problem: sea_orm::sqlx::Error) -> StoreError {
    DbErr::Conn(RuntimeErr::SqlxError(problem.into())).into()
}

/// Whether a column holds one of some ids. PostgreSQL is given them as one value, so that the statement is the same for any
/// number of them and is planned once; SQLite knows no such value, and plans for next to nothing.
fn one_of<C: ColumnTrait>(connection: &impl ConnectionTrait, column: C, ids: &[Uuid]) -> Expr {
    match connection.get_database_backend() {
        DatabaseBackend::Postgres => {
            Expr::col(column.as_column_ref()).eq(PgFunc::any(ids.to_vec()))
        }
        _ => column.is_in(bulk::of_few_lengths(ids)),
    }
}

fn sqlite(
    options: SqliteConnectOptions,
    reads_only: bool,
    deadline: Duration,
) -> SqliteConnectOptions {
    let options = options
        .pragma("journal_mode", "WAL")
        // An answer of 202 survives a power cut: every commit is synced.
        .pragma("synchronous", "FULL")
        .pragma("foreign_keys", "ON")
        .pragma("temp_store", "MEMORY")
        // Each connection has its own: whoever writes goes through far more of the tables' indexes.
        .pragma("cache_size", if reads_only { "-8000" } else { "-16000" })
        // Whoever waits for another process's lock is told before the deadline that it is a lock.
        .busy_timeout(deadline / 2)
        .statement_cache_capacity(256)
        // Rows come from a thread of the connection's own: fewer wake-ups for many.
        .row_buffer_size(512)
        // Statistics of a young database would lead SQLite through whole tables once it has grown.
        .optimize_on_close(false, None)
        .disable_statement_logging();
    if reads_only {
        options.pragma("query_only", "ON")
    } else {
        options
    }
}
