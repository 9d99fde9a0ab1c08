//! Counts the webhook requests of each source by hour. Counted in memory and written every few seconds, so that a request costs no
//! statement more. The webhook endpoint counts; `problems` reads.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use uuid::Uuid;

use crate::{
    store::{
        ClubScope, Db, StoreError, arrivals,
        rejections::hour_of,
        row::{Arrival, Source},
    },
    transaction,
};

/// How often the counts are written.
const EVERY: Duration = Duration::from_secs(5);

/// What became of a request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Stored,
    /// Stored, but it could not be processed.
    Failed,
    /// Its signature was not accepted.
    Rejected,
}

/// By source and hour.
type Counts = HashMap<(Uuid, i64), Arrival>;

/// The counts that are not written yet.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    counts: Arc<Mutex<Counts>>,
}

impl Arrivals {
    /// Starts the task that writes the counts. The task ends with the last clone of this handle.
    pub fn start(db: Db) -> Self {
        let all = Self::default();
        let counts = Arc::downgrade(&all.counts);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let Some(counts) = Weak::upgrade(&counts) else {
                    return;
                };
                let pending = Self { counts };
                if let Err(problem) = pending.write(&db).await {
                    tracing::warn!(error = ?problem, "the counts of webhooks could not be written; trying again");
                }
            }
        });
        all
    }

    /// `at`: microseconds since 1970.
    pub fn count(&self, source: &Source, received: Received, at: i64) {
        let number = |is_counted: bool| i64::from(is_counted);
        let one = Arrival {
            source_id: source.id,
            hour: hour_of(at),
            club_id: source.club_id,
            requests: number(received != Received::Rejected),
            failed: number(received == Received::Failed),
            rejected: number(received == Received::Rejected),
            last_at: at,
        };
        add(&mut self.lock(), one);
    }

    /// The hours of each source, oldest first, including what is not written yet.
    pub async fn of(
        &self,
        db: &Db,
        scope: ClubScope,
        sources: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<Arrival>>, StoreError> {
        let mut all = arrivals::of(db.read(), scope, sources).await?;
        for pending in self.lock().values() {
            if pending.club_id != scope.club || !sources.contains(&pending.source_id) {
                continue;
            }
            let hours = all.entry(pending.source_id).or_default();
            match hours.iter_mut().find(|hour| hour.hour == pending.hour) {
                Some(hour) => merge(hour, pending),
                None => hours.push(pending.clone()),
            }
            hours.sort_by_key(|hour| hour.hour);
        }
        Ok(all)
    }

    /// Writes the counts; if that fails, they are kept for the next time.
    pub async fn write(&self, db: &Db) -> Result<(), StoreError> {
        let counted = std::mem::take(&mut *self.lock());
        if counted.is_empty() {
            return Ok(());
        }
        let rows: Vec<Arrival> = counted.values().cloned().collect();
        let written: Result<(), StoreError> = transaction!(db, |tx| {
            for row in rows {
                arrivals::add(tx, ClubScope::new(row.club_id), row).await?;
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

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(counts: &mut Counts, more: Arrival) {
    match counts.get_mut(&(more.source_id, more.hour)) {
        Some(hour) => merge(hour, &more),
        None => {
            counts.insert((more.source_id, more.hour), more);
        }
    }
}

fn merge(hour: &mut Arrival, more: &Arrival) {
    hour.requests = hour.requests.saturating_add(more.requests);
    hour.failed = hour.failed.saturating_add(more.failed);
    hour.rejected = hour.rejected.saturating_add(more.rejected);
    hour.last_at = hour.last_at.max(more.last_at);
}
