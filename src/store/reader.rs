//! Connections for statements that only read. A pool tests each connection that is given back by a round trip of its own,
//! which takes as long as a small statement: on PostgreSQL, those that a statement went well on are kept out of the pool
//! for the next one.
//!
//! Promises never to keep a connection that a statement failed on or was broken off on: the pool tests and closes it. Leaves
//! connections to whoever writes, however much is read. Never keeps a connection for long: the pool sees each again within a
//! minute and ends it when it is old. `Db` hands it out.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult,
    RuntimeErr, Statement, Values,
    prelude::async_trait,
    sqlx::{self, AssertSqlSafe, PgPool, Postgres, pool::PoolConnection, postgres::PgRow},
};
use sea_query_sqlx::SqlxValues;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many of the pool's connections may be kept.
pub(super) const MOST_KEPT: usize = 10;

/// How often what is kept is given back to the pool.
const GIVEN_BACK_EVERY: Duration = Duration::from_secs(60);

/// How long whoever reads waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs statements that only read.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) pool: DatabaseConnection,
    kept: Option<Arc<Kept>>,
}

impl Reader {
    /// Of a pool. On PostgreSQL it has to have more than [`MOST_KEPT`] connections.
    pub(super) fn new(pool: DatabaseConnection) -> Self {
        let kept = (pool.get_database_backend() == DbBackend::Postgres)
            .then(|| Kept::of(pool.get_postgres_connection_pool().clone()));
        Self { pool, kept }
    }

    /// The pool itself, for rows that are to come one after the other.
    pub fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    /// Keeps nothing any more; statements are refused from now on.
    pub(super) fn close(&self) {
        if let Some(kept) = &self.kept {
            kept.turns.close();
            kept.give_back();
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.pool.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pool.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.kept {
            Some(kept) => Ok(kept
                .rows(statement)
                .await?
                .into_iter()
                .next()
                .map(Into::into)),
            None => self.pool.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.kept {
            Some(kept) => {
                let rows = kept.rows(statement).await?;
                Ok(rows.into_iter().map(Into::into).collect())
            }
            None => self.pool.query_all_raw(statement).await,
        }
    }
}

/// What is kept, and whose turn it is to use it.
#[derive(Debug)]
struct Kept {
    pool: PgPool,
    turns: Semaphore,
    idle: Mutex<Vec<PoolConnection<Postgres>>>,
}

impl Kept {
    fn of(pool: PgPool) -> Arc<Self> {
        let kept = Arc::new(Self {
            pool,
            turns: Semaphore::new(MOST_KEPT),
            idle: Mutex::default(),
        });
        tokio::spawn(give_back_often(Arc::downgrade(&kept)));
        kept
    }

    async fn rows(&self, statement: Statement) -> Result<Vec<PgRow>, DbErr> {
        let _turn = self.turn().await?;
        let kept = self.idle().pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.pool.acquire().await.map_err(not_connected)?,
        };
        let values = SqlxValues(statement.values.unwrap_or(Values(Vec::new())));
        let query = sqlx::query_with(AssertSqlSafe(statement.sql), values);
        // Where this fails, or nobody awaits it any more, the connection goes back to the pool.
        let rows = query.fetch_all(&mut *connection).await;
        let rows = rows.map_err(|problem| DbErr::Query(RuntimeErr::SqlxError(problem.into())))?;
        let mut idle = self.idle();
        if !self.turns.is_closed() {
            idle.push(connection);
        }
        Ok(rows)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, DbErr> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Ok(turn);
        }
        match tokio::time::timeout(PATIENCE, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) => Err(not_connected(sqlx::Error::PoolClosed)),
            Err(_) => Err(not_connected(sqlx::Error::PoolTimedOut)),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<PoolConnection<Postgres>>> {
        // Nothing that holds it can panic half-way through a change.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self) {
        let all = std::mem::take(&mut *self.idle());
        drop(all);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // To give one back takes a runtime, which may have ended.
        for connection in std::mem::take(&mut *self.idle()) {
            drop(connection.detach());
        }
    }
}

async fn give_back_often(kept: Weak<Kept>) {
    loop {
        tokio::time::sleep(GIVEN_BACK_EVERY).await;
        match kept.upgrade() {
            Some(kept) => kept.give_back(),
            None => return,
        }
    }
}

fn not_connected(problem: sqlx::Error) -> DbErr {
    match problem {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        other => DbErr::Conn(RuntimeErr::SqlxError(other.into())),
    }
}
