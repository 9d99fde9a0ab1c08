//! Write transactions: the only code that begins and ends one. Its connection returns to the pool only after a successful COMMIT
//! or ROLLBACK. Otherwise it is closed, because its state is unknown: SQLite may have ended the transaction by itself, and
//! later statements would run in autocommit mode, or in a transaction that nobody commits.
//!
//! A failed statement ends the transaction, even if the caller ignores the error: later statements and the commit fail with the
//! same error. Called by `Db::write`.

use std::{fmt, io, time::Duration};

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    prelude::async_trait, sqlx,
};
use tokio::sync::Mutex;

use super::{
    StoreError, Work,
    failure::{self, Failure},
    health::Health,
    pool::{Pool, PooledConnection},
};

/// Runs a block in one write transaction: `transaction!(app.db, |tx| …).await`. See [`Db::write`](crate::Db::write).
#[macro_export]
macro_rules! transaction {
    ($db:expr, |$tx:ident| $work:expr) => {
        $db.write(move |$tx| Box::pin(async move { $work }))
    };
}

/// The number of attempts to begin a transaction if pooled connections turn out to be dead.
const ATTEMPTS: usize = 3;

pub struct Transaction {
    backend: DbBackend,
    open: Mutex<Open>,
}

struct Open {
    /// `None` once the transaction has ended.
    lent: Option<PooledConnection>,
    failed: Option<DbErr>,
}

/// Runs `work` in a transaction and commits if it returns `Ok`.
pub async fn run<T, E, W>(pool: &Pool, deadline: Duration, health: &Health, work: W) -> Result<T, E>
where
    T: Send,
    E: From<StoreError> + Send,
    W: for<'a> FnOnce(&'a Transaction) -> Work<'a, T, E> + Send,
{
    let failed = |problem: DbErr| {
        health.note_failure(&problem);
        StoreError::from(problem)
    };
    let transaction = begin(pool).await.map_err(failed)?;
    match tokio::time::timeout(deadline, work(&transaction)).await {
        Ok(Ok(value)) => {
            transaction.commit().await.map_err(failed)?;
            Ok(value)
        }
        Ok(Err(problem)) => {
            if let Some(cause) = transaction.roll_back().await {
                health.note_failure(&cause);
            }
            Err(problem)
        }
        Err(_) => {
            transaction.abandon().await;
            let text = "the transaction did not finish within its deadline";
            let problem = sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text));
            Err(failed(DbErr::Exec(RuntimeErr::SqlxError(problem.into()))).into())
        }
    }
}

async fn begin(pool: &Pool) -> Result<Transaction, DbErr> {
    let mut attempts = ATTEMPTS;
    loop {
        let mut lent = pool.acquire().await?;
        match lent.session()?.begin().await {
            Ok(()) => {
                return Ok(Transaction {
                    backend: pool.backend(),
                    open: Mutex::new(Open {
                        lent: Some(lent),
                        failed: None,
                    }),
                });
            }
            Err(problem) => {
                attempts = attempts.saturating_sub(1);
                let again = lent.is_reused && attempts > 0;
                lent.discard().await;
                // No work was sent yet, so a dead connection can be replaced without an error.
                if !(again && failure::of_db(&problem) == Failure::Connection) {
                    return Err(problem);
                }
            }
        }
    }
}

/// Runs one statement on the connection, unless an earlier one failed.
macro_rules! run {
    ($transaction:expr, $call:ident, $statement:expr) => {{
        let mut open = $transaction.open.lock().await;
        if let Some(problem) = &open.failed {
            return Err(problem.clone());
        }
        let Some(lent) = open.lent.as_mut() else {
            return Err(ended());
        };
        let answer = lent.session()?.$call($statement).await;
        if let Err(problem) = &answer {
            open.failed = Some(problem.clone());
        }
        answer
    }};
}

impl Transaction {
    async fn commit(&self) -> Result<(), DbErr> {
        let mut open = self.open.lock().await;
        let Some(mut lent) = open.lent.take() else {
            return Err(ended());
        };
        let committed = match open.failed.take() {
            Some(problem) => Err(problem),
            None => lent.session()?.execute_unprepared("COMMIT").await,
        };
        match committed {
            Ok(_) => {
                lent.release();
                Ok(())
            }
            Err(problem) => {
                lent.discard().await;
                Err(problem)
            }
        }
    }

    /// Rolls back. Returns the error of the failed statement, or of the rollback itself.
    async fn roll_back(&self) -> Option<DbErr> {
        let mut open = self.open.lock().await;
        let mut lent = open.lent.take()?;
        let failed = open.failed.take();
        let is_doubtful = failed
            .as_ref()
            .is_some_and(|problem| failure::of_db(problem).is_temporary());
        if is_doubtful {
            lent.discard().await;
            return failed;
        }
        let session = lent.session().ok()?;
        match session.execute_unprepared("ROLLBACK").await {
            Ok(_) => {
                lent.release();
                failed
            }
            Err(problem) => {
                tracing::warn!(error = %problem, "rolling back a transaction failed; closing its connection");
                lent.discard().await;
                Some(problem)
            }
        }
    }

    async fn abandon(&self) {
        if let Some(lent) = self.open.lock().await.lent.take() {
            lent.discard().await;
        }
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transaction")
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // Neither committed nor rolled back, because its task panicked.
        if let Some(lent) = &mut self.open.get_mut().lent
            && let Ok(session) = lent.session()
        {
            session.mark_broken();
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        run!(self, execute, statement)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        run!(self, execute_unprepared, sql)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        run!(self, query_one, statement)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        run!(self, query_all, statement)
    }
}

fn ended() -> DbErr {
    DbErr::Exec(RuntimeErr::Internal("the transaction has ended".to_owned()))
}
