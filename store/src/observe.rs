//! Lets tests observe the statements that a pool runs. Without an observer, a statement costs one atomic load more.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};

use crate::Db;

type Look = Box<dyn Fn(&Statement) + Send + Sync>;

/// Calls the test's function, once one is set, for each statement that a pool runs.
#[derive(Clone, Default)]
pub struct Observer(Arc<OnceLock<Look>>);

impl Observer {
    /// Calls `look` for each statement from now on. A second call changes nothing.
    fn look(&self, look: impl Fn(&Statement) + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(look));
    }

    /// Reports a statement that is about to run.
    pub fn note(&self, statement: &Statement) {
        if let Some(look) = self.0.get() {
            look(statement);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

impl Db {
    /// Counts the read statements from now on.
    pub fn count_reads(&self) -> Arc<AtomicUsize> {
        let count = Arc::new(AtomicUsize::new(0));
        let counting = count.clone();
        self.read.pool.observer().look(move |_| {
            counting.fetch_add(1, Ordering::Relaxed);
        });
        count
    }

    /// Records each statement from now on, in execution order.
    pub fn record(&self) -> Arc<Mutex<Vec<Statement>>> {
        let kept: Arc<Mutex<Vec<_>>> = Arc::default();
        for pool in [&self.read.pool, &self.write] {
            let keeping = kept.clone();
            pool.observer().look(move |statement| {
                if let Ok(mut kept) = keeping.lock() {
                    kept.push(statement.clone());
                }
            });
        }
        kept
    }

    /// SQLite's query plan of a statement, one step per entry.
    pub async fn steps(&self, mut statement: Statement) -> Result<Vec<String>, DbErr> {
        statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let rows = self.read.query_all_raw(statement).await?;
        let detail = |row: QueryResult| row.try_get("", "detail");
        rows.into_iter().map(detail).collect()
    }
}
