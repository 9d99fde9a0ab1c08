//! A transaction that writes, and the one place that begins and ends it. Its connection goes back to the pool only after a
//! COMMIT or ROLLBACK that succeeded; otherwise it is closed, since what it would do next is not known: SQLite may have ended
//! the transaction by itself, and later statements would each stand alone, or be part of one that nobody commits.
//!
//! A statement that failed ends the transaction, whatever the caller does with the error: what follows is refused, and so is the
//! commit. Called by `Db::write`.

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
    pool::{Lent, Pool},
};

/// How often a transaction is begun anew where the connection that was kept for it is dead.
const ATTEMPTS: usize = 3;

/// See the module.
pub struct Transaction {
    backend: DbBackend,
    open: Mutex<Open>,
}

struct Open {
    /// None once the transaction has ended.
    lent: Option<Lent>,
    failed: Option<DbErr>,
}

/// Runs work in a transaction and commits it where it gives Ok.
pub async fn run<T, E, W>(pool: &Pool, deadline: Duration, health: &Health, work: W) -> Result<T, E>
where
    T: Send,
    E: From<StoreError> + Send,
    W: for<'a> FnOnce(&'a Transaction) -> Work<'a, T, E> + Send,
{
    let failed = |problem: DbErr| {
        health.note(&problem);
        StoreError::from(problem)
    };
    let transaction = begin(pool).await.map_err(failed)?;
    match tokio::time::timeout(deadline, work(&transaction)).await {
        Ok(Ok(value)) => {
            transaction.commit().await.map_err(failed)?;
            health.is_well();
            Ok(value)
        }
        Ok(Err(problem)) => {
            if let Some(cause) = transaction.roll_back().await {
                health.note(&cause);
            }
            Err(problem)
        }
        Err(_) => {
            transaction.abandon().await;
            let text = "a transaction did not end within its deadline";
            let problem = sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text));
            Err(failed(DbErr::Exec(RuntimeErr::SqlxError(problem.into()))).into())
        }
    }
}

async fn begin(pool: &Pool) -> Result<Transaction, DbErr> {
    let mut attempts = ATTEMPTS;
    loop {
        let mut lent = pool.lend().await?;
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
                // Nothing was sent yet: a dead connection is replaced, and nobody hears of it.
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
                lent.give_back();
                Ok(())
            }
            Err(problem) => {
                lent.discard().await;
                Err(problem)
            }
        }
    }

    /// Undoes everything; gives the statement's failure that came before, or that of undoing.
    async fn roll_back(&self) -> Option<DbErr> {
        let mut open = self.open.lock().await;
        let mut lent = open.lent.take()?;
        let failed = open.failed.take();
        let is_doubtful = failed
            .as_ref()
            .is_some_and(|problem| failure::of_db(problem).is_of_the_moment());
        if is_doubtful {
            lent.discard().await;
            return failed;
        }
        let session = lent.session().ok()?;
        match session.execute_unprepared("ROLLBACK").await {
            Ok(_) => {
                lent.give_back();
                failed
            }
            Err(problem) => {
                tracing::warn!(error = %problem, "a transaction could not be rolled back; its connection is closed");
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
        // It neither committed nor rolled back: its task panicked.
        if let Some(lent) = &mut self.open.get_mut().lent
            && let Ok(session) = lent.session()
        {
            session.distrust();
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
