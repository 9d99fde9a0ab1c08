//! Counts that are kept in memory and written every few seconds, so that a request costs no statement more, and a flood of them a
//! few rows.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use crate::{
    store::{Db, StoreError, Transaction},
    transaction,
};

/// How often the counts are written.
const EVERY: Duration = Duration::from_secs(5);

/// A count of something within an hour.
pub trait Count: Clone + Send + Sync + 'static {
    /// What is counted, for the log.
    const WHAT: &'static str;
    /// What the count is of.
    type Key: Copy + Eq + Hash + Send + Sync;

    fn key(&self) -> Self::Key;

    /// Adds another count with the same key.
    fn merge(&mut self, more: &Self);

    /// Adds the count to what is stored.
    fn store(self, tx: &Transaction) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The counts that are not written yet.
#[derive(Debug)]
pub struct PendingCounts<C: Count>(Arc<Mutex<HashMap<C::Key, C>>>);

impl<C: Count> Clone for PendingCounts<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Count> PendingCounts<C> {
    /// Starts the task that writes the counts. The task ends with the last clone of this handle.
    pub fn start(db: Db) -> Self {
        let all = Self(Arc::default());
        let counts = Arc::downgrade(&all.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let Some(counts) = Weak::upgrade(&counts) else {
                    return;
                };
                if let Err(problem) = Self(counts).write(&db).await {
                    tracing::warn!(error = ?problem, what = C::WHAT, "counts could not be written; trying again");
                }
            }
        });
        all
    }

    pub fn add(&self, more: C) {
        add(&mut self.lock(), more);
    }

    /// What is not written yet.
    pub fn all(&self) -> Vec<C> {
        self.lock().values().cloned().collect()
    }

    /// Writes the counts; if that fails, they are kept for the next time.
    pub async fn write(&self, db: &Db) -> Result<(), StoreError> {
        let counted = std::mem::take(&mut *self.lock());
        if counted.is_empty() {
            return Ok(());
        }
        let rows: Vec<C> = counted.values().cloned().collect();
        let written: Result<(), StoreError> = transaction!(db, |tx| {
            for row in rows {
                row.store(tx).await?;
            }
            Ok(())
        })
        .await;
        if written.is_err() {
            let mut counts = self.lock();
            for lost in counted.into_values() {
                add(&mut counts, lost);
            }
        }
        written
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<C::Key, C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add<C: Count>(counts: &mut HashMap<C::Key, C>, more: C) {
    match counts.get_mut(&more.key()) {
        Some(count) => count.merge(&more),
        None => {
            counts.insert(more.key(), more);
        }
    }
}
