//! The database: the only user of SeaORM. Functions take a connection, and whoever calls them owns the transaction.
//! What differs between SQLite and PostgreSQL stands in this file. No transaction may be open while the network is
//! awaited, and a transaction begins in `Db::write` alone.

use std::{future::Future, pin::Pin, time::Duration};

use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ColumnTrait, ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection,
    DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sea_query::{Expr, ExprTrait, extension::postgres::PgFunc},
};
use uuid::Uuid;

pub mod bulk;
pub mod clubs;
pub mod deliveries;
pub mod due;
pub mod entitlements;
pub mod facts;
pub mod grants;
pub mod history;
pub mod kisi_accounts;
pub mod leases;
pub mod listeners;
pub mod listings;
pub mod logins;
pub mod members;
pub mod offerings;
pub mod overrides;
pub mod page;
pub mod presses;
pub mod reader;
pub mod readings;
pub mod rejections;
pub mod revocations;
pub mod row;
pub mod rules;
pub mod scope;
pub mod scratch;
pub mod setup;
pub mod sources;
pub mod sweep;
pub mod tail;
pub mod tokens;
pub mod working_set;

use crate::wake::Waker;

pub use reader::Reader;
pub use scope::Scope;
pub use sea_orm::{ConnectionTrait as Connection, DatabaseTransaction as Transaction};

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
    /// The database was migrated by a newer program.
    #[error("the database is newer than this program: {0}")]
    Newer(String),
}

/// What a piece of work within a transaction gives.
pub type Work<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// The database: connections for reading, and one way to write.
#[derive(Clone, Debug)]
pub struct Db {
    read: Reader,
    write: DatabaseConnection,
    committed: Waker,
}

impl Db {
    /// Connects, without migrating. SQLite gets one connection that writes and several that only read.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            let write = Database::connect(sqlite(url, 1, false)).await?;
            let read = Database::connect(sqlite(url, 4, true)).await?;
            return Ok(Self {
                read: Reader::new(read),
                write,
                committed: Waker::default(),
            });
        }
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(16)
            .acquire_timeout(Duration::from_secs(10))
            .connect_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .sqlx_logging(false);
        let pool = Database::connect(options).await?;
        Ok(Self {
            read: Reader::new(pool.clone()),
            write: pool,
            committed: Waker::default(),
        })
    }

    /// A database in memory that is nobody else's and ends with its connections: for finding out what a change would lead to.
    /// It has to be migrated. It has one connection, so that nothing may be read while a transaction is open.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let mut options = sqlite("sqlite::memory:", 1, false);
        let for_ever = Duration::from_hours(24);
        options.idle_timeout(for_ever).max_lifetime(for_ever);
        let pool = Database::connect(options).await?;
        Ok(Self {
            read: Reader::new(pool.clone()),
            write: pool,
            committed: Waker::default(),
        })
    }

    /// Brings the tables up to this program. A database of a newer program is refused.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Migrator::up(&self.write, None).await.map_err(|problem| {
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
        self.read.execute_unprepared("SELECT 1").await?;
        Ok(Migrator::get_pending_migrations(self.read.pool())
            .await?
            .is_empty())
    }

    /// Whether whoever uses this database does so from this machine: it is a SQLite file.
    pub fn is_one_machine(&self) -> bool {
        self.write.get_database_backend() == DatabaseBackend::Sqlite
    }

    /// For statements that only read.
    pub fn read(&self) -> &Reader {
        &self.read
    }

    /// Counts the statements that only read, from now on. On SQLite alone.
    #[cfg(test)]
    pub fn count_reads(&mut self) -> std::sync::Arc<std::sync::atomic::AtomicUsize> {
        let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counting = count.clone();
        self.read.pool.set_metric_callback(move |_| {
            counting.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        });
        count
    }

    /// Keeps each statement that runs from now on, in the order in which they ran. On SQLite alone.
    #[cfg(test)]
    pub fn record(&mut self) -> std::sync::Arc<std::sync::Mutex<Vec<sea_orm::Statement>>> {
        let kept: std::sync::Arc<std::sync::Mutex<Vec<_>>> = std::sync::Arc::default();
        for connection in [&mut self.read.pool, &mut self.write] {
            let keeping = kept.clone();
            connection.set_metric_callback(move |info| {
                keeping.lock().unwrap().push(info.statement.clone());
            });
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

    /// Runs a piece of work in one transaction that writes, and commits it where it gives Ok. It goes on to its end even
    /// where the caller is dropped: a transaction that is cancelled half-way may poison a pooled connection.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that begins a transaction"
    )]
    pub async fn write<T, E, W>(&self, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: for<'a> FnOnce(&'a DatabaseTransaction) -> Work<'a, T, E> + Send + 'static,
    {
        let (pool, committed) = (self.write.clone(), self.committed.clone());
        let task = tokio::spawn(async move {
            // SQLite: a deferred transaction that reads first and writes then fails at once beside another writer.
            let options = TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            };
            let transaction = pool
                .begin_with_options(options)
                .await
                .map_err(StoreError::from)?;
            match work(&transaction).await {
                Ok(value) => {
                    transaction.commit().await.map_err(StoreError::from)?;
                    committed.wake();
                    Ok(value)
                }
                Err(problem) => {
                    if let Err(second) = transaction.rollback().await {
                        tracing::warn!(error = %second, "a transaction could not be rolled back");
                    }
                    Err(problem)
                }
            }
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
        self.read.close();
        let _ = self.read.pool.close().await;
        let _ = self.write.close().await;
    }
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

fn sqlite(url: &str, connections: u32, reads_only: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |o| {
            let o = o
                .pragma("journal_mode", "WAL")
                // An answer of 202 survives a power cut: every commit is synced.
                .pragma("synchronous", "FULL")
                .pragma("foreign_keys", "ON")
                .pragma("temp_store", "MEMORY")
                // Each connection has its own: whoever writes goes through far more of the tables' indexes.
                .pragma("cache_size", if reads_only { "-8000" } else { "-16000" })
                .busy_timeout(Duration::from_secs(5))
                .statement_cache_capacity(256)
                // Rows come from a thread of the connection's own: fewer wake-ups for many.
                .row_buffer_size(512)
                // Statistics of a young database would lead SQLite through whole tables once it has grown.
                .optimize_on_close(false, None);
            if reads_only {
                o.pragma("query_only", "ON")
            } else {
                o
            }
        });
    options
}
