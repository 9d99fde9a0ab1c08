//! Group commit for small writes on SQLite, which has one writer and syncs each commit: writes that arrive while another one is
//! stored share the next transaction. Nothing waits for more writes. If the transaction fails, its writes are repeated one by one,
//! so that a write that fails because of its own data fails alone. PostgreSQL groups the commits of concurrent transactions by
//! itself, and writes to many rows in any order could block each other there. Called by `Db::write_together`.

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::prelude::async_trait;
use tokio::sync::{Mutex as AsyncMutex, oneshot};

use super::{Db, StoreError, Transaction, Work};

/// The most writes in one transaction.
const MOST: usize = 64;

/// A write that waits, with the caller who waits for it.
#[async_trait::async_trait]
trait Waiting: Send {
    async fn run(&mut self, transaction: &Transaction) -> Result<(), StoreError>;
    /// Tells the caller that it is committed, or why not.
    fn answer(self: Box<Self>, result: Result<(), StoreError>);
}

struct Write<T, W> {
    work: W,
    value: Option<T>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

#[async_trait::async_trait]
impl<T, W> Waiting for Write<T, W>
where
    T: Send + 'static,
    W: for<'a> Fn(&'a Transaction) -> Work<'a, T, StoreError> + Send + Sync + 'static,
{
    async fn run(&mut self, transaction: &Transaction) -> Result<(), StoreError> {
        self.value = Some((self.work)(transaction).await?);
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { value, caller, .. } = *self;
        let value = result.and_then(|()| value.ok_or(StoreError::TaskEnded));
        let _ = caller.send(value);
    }
}

type Batch = Vec<Box<dyn Waiting>>;

/// The writes that wait for the next transaction.
#[derive(Clone, Default)]
pub struct Together(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    waiting: Batch,
    /// Whether a task stores writes.
    is_running: bool,
}

impl std::fmt::Debug for Together {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Together")
    }
}

impl Together {
    /// Runs `work` in a transaction with others; returns after the commit.
    pub async fn write<T, W>(&self, db: &Db, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a Transaction) -> Work<'a, T, StoreError> + Send + Sync + 'static,
    {
        let (caller, stored) = oneshot::channel();
        let write = Write {
            work,
            value: None,
            caller,
        };
        if self.add(Box::new(write)) {
            let (queue, db) = (self.clone(), db.clone());
            db.main_runtime.clone().spawn(async move {
                while let Some(batch) = queue.take() {
                    store(&db, batch).await;
                }
            });
        }
        stored.await.unwrap_or(Err(StoreError::TaskEnded))
    }

    /// Adds a write. True if a task has to be started for it.
    fn add(&self, write: Box<dyn Waiting>) -> bool {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waiting.push(write);
        !std::mem::replace(&mut queue.is_running, true)
    }

    /// The writes of the next transaction, oldest first; none if the task ends.
    fn take(&self) -> Option<Batch> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let some = queue.waiting.len().min(MOST);
        let batch: Batch = queue.waiting.drain(..some).collect();
        queue.is_running = !batch.is_empty();
        queue.is_running.then_some(batch)
    }
}

/// Stores writes together, or one by one if that fails because of the data of one. Once the database is found unavailable, the
/// others fail without another attempt.
async fn store(db: &Db, batch: Batch) {
    let Err((batch, problem)) = commit(db, batch).await else {
        return;
    };
    let mut unavailable = None;
    if batch.len() == 1 || problem.failure().is_temporary() {
        unavailable = Some(problem);
    } else {
        tracing::warn!(error = ?problem, writes = batch.len(), "a write of several could not be stored; they are stored one by one");
    }
    for write in batch {
        if let Some(problem) = &unavailable {
            write.answer(Err(problem.clone()));
        } else if let Err((failed, problem)) = commit(db, vec![write]).await {
            for write in failed {
                write.answer(Err(problem.clone()));
            }
            unavailable = problem.failure().is_temporary().then_some(problem);
        }
    }
}

/// Stores writes in one transaction, and tells their callers. Returns them if it fails.
async fn commit(db: &Db, batch: Batch) -> Result<(), (Batch, StoreError)> {
    let batch = Arc::new(AsyncMutex::new(batch));
    let running = batch.clone();
    let committed: Result<(), StoreError> = db
        .write(move |tx| {
            Box::pin(async move {
                for write in running.lock().await.iter_mut() {
                    write.run(tx).await?;
                }
                Ok(())
            })
        })
        .await;
    let batch = std::mem::take(&mut *batch.lock().await);
    match committed {
        Ok(()) => {
            for write in batch {
                write.answer(Ok(()));
            }
            Ok(())
        }
        Err(problem) => Err((batch, problem)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use sea_orm::ConnectionTrait;
    use tokio::sync::Notify;

    use super::*;

    const WRITES: usize = 10;

    async fn open(folder: &tempfile::TempDir) -> Db {
        let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
        let db = Db::connect(&url).await.unwrap();
        let created = db.write(|tx| {
            Box::pin(async move {
                tx.execute_unprepared("CREATE TABLE number (n INTEGER PRIMARY KEY)")
                    .await?;
                Ok::<_, StoreError>(())
            })
        });
        created.await.unwrap();
        db
    }

    async fn insert(tx: &Transaction, n: usize) -> Result<(), StoreError> {
        tx.execute_unprepared(&format!("INSERT INTO number VALUES ({n})"))
            .await?;
        Ok(())
    }

    async fn count(db: &Db) -> usize {
        let all = sea_orm::Statement::from_string(
            db.read().get_database_backend(),
            "SELECT n FROM number",
        );
        db.read().query_all_raw(all).await.unwrap().len()
    }

    /// Runs these writes while the writer is taken, so that all of them wait for the same transaction.
    async fn at_once(db: &Db, numbers: &[usize]) -> Vec<Result<usize, StoreError>> {
        let (taken, free) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (is_taken, is_free) = (taken.clone(), free.clone());
        let other = db.write(move |_| {
            Box::pin(async move {
                is_taken.notify_one();
                is_free.notified().await;
                Ok::<_, StoreError>(())
            })
        });
        let writes = numbers.iter().map(|n| {
            let (n, seen) = (*n, db.clone());
            db.write_together(move |tx| {
                let seen = seen.clone();
                Box::pin(async move {
                    insert(tx, n).await?;
                    Ok(count(&seen).await)
                })
            })
        });
        let writes = async {
            taken.notified().await;
            let release = async {
                tokio::task::yield_now().await;
                free.notify_one();
            };
            tokio::join!(join_all(writes), release).0
        };
        let (other, results) = tokio::join!(other, writes);
        other.unwrap();
        results
    }

    #[tokio::test]
    async fn writes_that_wait_share_a_transaction() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        let numbers: Vec<usize> = (0..WRITES).collect();
        let seen = at_once(&db, &numbers).await;
        // Readers see nothing of a transaction before its commit. The first write began one of its own.
        let seen: Vec<usize> = seen.into_iter().map(Result::unwrap).collect();
        assert!(seen.iter().all(|seen| *seen <= 1), "{seen:?}");
        assert_eq!(count(&db).await, WRITES);
    }

    #[tokio::test]
    async fn a_write_that_fails_fails_alone() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        let results = at_once(&db, &[1, 2, 3, 2, 4, 5]).await;
        let failed: Vec<bool> = results.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, false, false, true, false, false]);
        assert_eq!(count(&db).await, 5);
    }

    #[tokio::test]
    async fn a_write_that_panics_fails_alone() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        let attempts = Arc::new(AtomicUsize::new(0));
        let tried = attempts.clone();
        let panics = db.write_together::<(), _>(move |_| {
            tried.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { panic!("in a write") })
        });
        let works = db.write_together(|tx| Box::pin(insert(tx, 1)));
        let (panicked, stored) = tokio::join!(panics, works);
        assert!(panicked.is_err() && attempts.load(Ordering::Relaxed) > 0);
        stored.unwrap();
        assert_eq!(count(&db).await, 1);
    }
}
