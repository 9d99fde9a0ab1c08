//! One database connection with a deadline on every statement. Used by `pool`, `reader` and `transaction` only.
//!
//! A statement ends within its deadline. The session remembers when its connection can no longer be trusted: after a missed
//! deadline, a connection error, or a statement whose caller stopped waiting.

use std::{future::Future, io, time::Duration};

use sea_orm::{
    DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values,
    sqlx::{
        self, AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, SqliteConnection,
        postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
    },
};
use sea_query_sqlx::SqlxValues;

use super::{
    failure::{self, Failure},
    observe::Observer,
};

/// Time limit for closing a connection; after it the connection is dropped.
const CLOSING: Duration = Duration::from_secs(2);
/// Time limit for the response to a connection test.
const PING: Duration = Duration::from_secs(2);

/// The longest text of a statement that stays prepared, in bytes. SQLite takes about forty bytes for each byte of a statement with
/// many rows, and a text of thousands of values seldom comes again.
const LONGEST_KEPT: usize = 8 * 1_024;

/// The database to connect to.
#[derive(Clone, Debug)]
pub enum Target {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

impl Target {
    pub fn backend(&self) -> DbBackend {
        match self {
            Self::Sqlite(_) => DbBackend::Sqlite,
            Self::Postgres(_) => DbBackend::Postgres,
        }
    }
}

enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

pub struct Session {
    link: Link,
    deadline: Duration,
    /// Set while a statement runs; stays set if the caller stops waiting for it.
    is_busy: bool,
    is_broken: bool,
    observer: Observer,
}

/// Runs a statement within the session's deadline and records whether the connection broke.
macro_rules! run {
    ($session:expr, $wrap:expr, $link:ident => $statement:expr) => {{
        $session.is_busy = true;
        let answer = match &mut $session.link {
            Link::Sqlite($link) => within($session.deadline, async { $statement }).await,
            Link::Postgres($link) => within($session.deadline, async { $statement }).await,
        };
        $session.is_busy = false;
        answer.map_err(|problem| {
            $session.is_broken |= failure::of_sqlx(&problem) == Failure::Connection;
            $wrap(RuntimeErr::SqlxError(problem.into()))
        })
    }};
}

impl Session {
    /// Opens a connection. The deadline applies to opening it and to each of its statements.
    pub async fn open(target: &Target, deadline: Duration) -> Result<Self, DbErr> {
        let opened = within(deadline, async {
            Ok(match target {
                Target::Sqlite(options) => Link::Sqlite(options.connect().await?),
                Target::Postgres(options) => Link::Postgres(options.connect().await?),
            })
        });
        let link = opened
            .await
            .map_err(|problem| DbErr::Conn(RuntimeErr::SqlxError(problem.into())))?;
        let mut session = Self {
            link,
            deadline,
            is_busy: false,
            is_broken: false,
            observer: Observer::default(),
        };
        session.limit_server_side().await?;
        Ok(session)
    }

    /// Sets limits on the PostgreSQL server: it cancels statements past the deadline, and ends sessions whose client vanished, so
    /// that their locks are released. A setting that the server does not support is skipped.
    async fn limit_server_side(&mut self) -> Result<(), DbErr> {
        if matches!(self.link, Link::Sqlite(_)) {
            return Ok(());
        }
        // Slightly below the client's deadline: a slow but healthy server responds with an error first, and the connection stays.
        let statement = self.deadline.mul_f64(0.95).as_millis();
        let idle = self.deadline.saturating_mul(3).as_millis();
        for setting in [
            // Every statement has an index. A plan that is made while a table is small, or before it has statistics, would read the
            // whole table or, by a bitmap, all entries of another index that its first column allows, and a connection keeps it while
            // the table grows. The costs of what is switched off would start the compiler, whose work takes longer than any of the
            // statements.
            "SET enable_seqscan = off".to_owned(),
            "SET enable_bitmapscan = off".to_owned(),
            "SET jit = off".to_owned(),
            format!("SET statement_timeout = {statement}"),
            format!("SET idle_in_transaction_session_timeout = {idle}"),
            "SET tcp_keepalives_idle = 30".to_owned(),
            "SET tcp_keepalives_interval = 10".to_owned(),
            "SET tcp_keepalives_count = 3".to_owned(),
            "SET tcp_user_timeout = 30000".to_owned(),
        ] {
            if let Err(problem) = self.execute_unprepared(&setting).await {
                if self.is_broken {
                    return Err(problem);
                }
                tracing::debug!(error = ?problem, setting, "the database does not support this setting; continuing without it");
            }
        }
        Ok(())
    }

    /// Whether the connection is idle and unbroken, so that it can run the next statement.
    pub fn is_usable(&self) -> bool {
        !self.is_broken && !self.is_busy
    }

    pub fn backend(&self) -> DbBackend {
        match self.link {
            Link::Sqlite(_) => DbBackend::Sqlite,
            Link::Postgres(_) => DbBackend::Postgres,
        }
    }

    /// Runs a statement that returns no rows.
    pub async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.observer.note(&statement);
        let Statement { sql, values, .. } = statement;
        run!(self, DbErr::Exec, link => {
            let query = query(sql, values);
            query.execute(link).await.map(ExecResult::from)
        })
    }

    /// Runs SQL text without preparing it.
    pub async fn execute_unprepared(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        let sql = sql.to_owned();
        run!(self, DbErr::Exec, link => link.execute(AssertSqlSafe(sql)).await.map(ExecResult::from))
    }

    /// Runs a statement and returns its first row.
    pub async fn query_one(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.observer.note(&statement);
        let Statement { sql, values, .. } = statement;
        run!(self, DbErr::Query, link => {
            let query = query(sql, values);
            query.fetch_optional(link).await.map(|row| row.map(QueryResult::from))
        })
    }

    /// Runs a statement and returns all of its rows.
    pub async fn query_all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.observer.note(&statement);
        let Statement { sql, values, .. } = statement;
        run!(self, DbErr::Query, link => {
            let query = query(sql, values);
            let rows = query.fetch_all(link).await;
            rows.map(|rows| rows.into_iter().map(QueryResult::from).collect())
        })
    }

    /// Begins a write transaction. On PostgreSQL it has a shorter deadline than other statements, because nothing is lost if it
    /// fails, and an unresponsive server is noticed sooner. SQLite waits here for other writers.
    pub async fn begin(&mut self) -> Result<(), DbErr> {
        let deadline = self.deadline;
        let sql = match self.backend() {
            // A deferred transaction that reads before it writes fails at once if there is another writer.
            DbBackend::Sqlite => "BEGIN IMMEDIATE",
            _ => {
                self.deadline = deadline.min(PING);
                "BEGIN"
            }
        };
        let begun = self.execute_unprepared(sql).await;
        self.deadline = deadline;
        begun.map(|_| ())
    }

    /// Marks the connection as broken, so that its owner closes it.
    pub fn mark_broken(&mut self) {
        self.is_broken = true;
    }

    /// Whether the connection responds after a statement that was abandoned; the abandoned statement's response is discarded.
    pub async fn recover(&mut self) -> bool {
        let answer = match &mut self.link {
            Link::Sqlite(link) => within(PING, link.ping()).await,
            Link::Postgres(link) => within(PING, link.ping()).await,
        };
        self.is_busy = false;
        self.is_broken |= answer.is_err();
        self.is_usable()
    }

    /// Closes the connection. SQLite releases its locks before this returns, unless one of its statements still runs.
    pub async fn close(self) {
        let closing = async {
            match self.link {
                Link::Sqlite(link) => link.close().await,
                // Dropping closes the socket, which tells the server. An orderly close would wait for an unresponsive server.
                Link::Postgres(link) if self.is_broken || self.is_busy => {
                    drop(link);
                    Ok(())
                }
                Link::Postgres(link) => link.close().await,
            }
        };
        if let Err(problem) = within(CLOSING, closing).await {
            tracing::debug!(error = %problem, "a database connection did not close cleanly");
        }
    }

    pub fn observe(&mut self, observer: Observer) {
        self.observer = observer;
    }
}

async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(deadline, work).await {
        Ok(answer) => answer,
        Err(_) => Err(sqlx::Error::Io(io::Error::new(
            io::ErrorKind::TimedOut,
            "the database did not respond within the statement deadline",
        ))),
    }
}

/// A statement that the connection keeps prepared, unless its text is long.
fn query<D: sqlx::Database + sqlx::database::HasStatementCache>(
    sql: String,
    values: Option<Values>,
) -> sqlx::query::Query<'static, D, SqlxValues>
where
    SqlxValues: sqlx::IntoArguments<D>,
{
    let is_kept = sql.len() <= LONGEST_KEPT;
    let values = SqlxValues(values.unwrap_or(Values(Vec::new())));
    sqlx::query_with(AssertSqlSafe(sql), values).persistent(is_kept)
}
