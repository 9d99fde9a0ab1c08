//! One connection to the database, with a deadline on every statement. Used by `pool`, `reader` and `transaction` alone.
//!
//! Promises that a statement ends within its deadline, and to remember when the connection can no longer be trusted: after a
//! deadline, an error of the connection itself, or a statement whose caller stopped waiting.

use std::{future::Future, io, time::Duration};

use sea_orm::{
    DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values,
    sqlx::{
        self, AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, SqliteConnection,
        postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
    },
};
use sea_query_sqlx::SqlxValues;

use super::failure::{self, Failure};

/// How long closing a connection may take before it is dropped.
const CLOSING: Duration = Duration::from_secs(2);
/// How long a connection that is tested may take to answer.
const PING: Duration = Duration::from_secs(2);

/// How to open a session.
#[derive(Clone, Debug)]
pub enum Target {
    /// A SQLite file.
    Sqlite(Box<SqliteConnectOptions>),
    /// A PostgreSQL server.
    Postgres(Box<PgConnectOptions>),
}

impl Target {
    /// The database's kind.
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

/// See the module.
pub struct Session {
    link: Link,
    deadline: Duration,
    /// Set while a statement runs: it stays set where the caller stopped waiting for it.
    is_busy: bool,
    is_broken: bool,
    #[cfg(test)]
    observer: super::observe::Observer,
}

/// Runs a statement under the session's deadline and remembers what became of it.
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
    /// Opens a connection, within the deadline that its statements will have.
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
            #[cfg(test)]
            observer: super::observe::Observer::default(),
        };
        session.limit_server_side().await?;
        Ok(session)
    }

    /// Asks PostgreSQL to give up by itself what this side would give up: statements past the deadline, and sessions whose
    /// client has vanished, with the locks that they hold. Servers that know no such setting go without.
    async fn limit_server_side(&mut self) -> Result<(), DbErr> {
        if matches!(self.link, Link::Sqlite(_)) {
            return Ok(());
        }
        // A little less than this side's deadline: a server that is slow but alive answers first, and keeps its connection.
        let statement = self.deadline.mul_f64(0.95).as_millis();
        let idle = self.deadline.saturating_mul(3).as_millis();
        for setting in [
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
                tracing::debug!(error = ?problem, setting, "the database knows no such setting");
            }
        }
        Ok(())
    }

    /// Whether the next statement can be trusted to run on a connection that is in order.
    pub fn is_sound(&self) -> bool {
        !self.is_broken && !self.is_busy
    }

    /// The database's kind.
    pub fn backend(&self) -> DbBackend {
        match self.link {
            Link::Sqlite(_) => DbBackend::Sqlite,
            Link::Postgres(_) => DbBackend::Postgres,
        }
    }

    /// Runs a statement without rows.
    pub async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.note(&statement);
        let Statement { sql, values, .. } = statement;
        run!(self, DbErr::Exec, link => {
            let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values));
            query.execute(link).await.map(ExecResult::from)
        })
    }

    /// Runs a text as it is.
    pub async fn execute_unprepared(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        let sql = sql.to_owned();
        run!(self, DbErr::Exec, link => link.execute(AssertSqlSafe(sql)).await.map(ExecResult::from))
    }

    /// Runs a statement for its first row.
    pub async fn query_one(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.note(&statement);
        let Statement { sql, values, .. } = statement;
        run!(self, DbErr::Query, link => {
            let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values));
            query.fetch_optional(link).await.map(|row| row.map(QueryResult::from))
        })
    }

    /// Runs a statement for all of its rows.
    pub async fn query_all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.note(&statement);
        let Statement { sql, values, .. } = statement;
        run!(self, DbErr::Query, link => {
            let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values));
            let rows = query.fetch_all(link).await;
            rows.map(|rows| rows.into_iter().map(QueryResult::from).collect())
        })
    }

    /// Begins a transaction that writes. Nothing is lost where this fails, so a PostgreSQL server that is silent is noticed
    /// sooner than by other statements; SQLite waits here for whoever else writes.
    pub async fn begin(&mut self) -> Result<(), DbErr> {
        let deadline = self.deadline;
        let sql = match self.backend() {
            // A deferred transaction that reads first and writes then fails at once beside another writer.
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

    /// From now on the connection is in doubt, and closed by whoever has it.
    pub fn distrust(&mut self) {
        self.is_broken = true;
    }

    /// Whether the connection answers, after a statement that nobody waited for: its answer is read and thrown away.
    pub async fn recover(&mut self) -> bool {
        let answer = match &mut self.link {
            Link::Sqlite(link) => within(PING, link.ping()).await,
            Link::Postgres(link) => within(PING, link.ping()).await,
        };
        self.is_busy = false;
        self.is_broken |= answer.is_err();
        self.is_sound()
    }

    /// Closes the connection. SQLite gives up its locks before this returns, unless a statement of its own still runs.
    pub async fn close(self) {
        let closing = async {
            match self.link {
                Link::Sqlite(link) => link.close().await,
                // The server learns of it by the socket: one that is silent would keep whoever closes waiting.
                Link::Postgres(link) if self.is_broken || self.is_busy => {
                    drop(link);
                    Ok(())
                }
                Link::Postgres(link) => link.close().await,
            }
        };
        if let Err(problem) = within(CLOSING, closing).await {
            tracing::debug!(error = %problem, "a database connection did not close in order");
        }
    }

    #[cfg(test)]
    pub fn observe(&mut self, observer: super::observe::Observer) {
        self.observer = observer;
    }

    #[cfg(test)]
    fn note(&self, statement: &Statement) {
        self.observer.note(statement);
    }

    #[cfg(not(test))]
    fn note(&self, _: &Statement) {}
}

async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(deadline, work).await {
        Ok(answer) => answer,
        Err(_) => Err(sqlx::Error::Io(io::Error::new(
            io::ErrorKind::TimedOut,
            "the database did not answer within the deadline of a statement",
        ))),
    }
}

fn arguments(values: Option<Values>) -> SqlxValues {
    SqlxValues(values.unwrap_or(Values(Vec::new())))
}
