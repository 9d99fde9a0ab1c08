//! Counts the webhook requests of each source by hour. The webhook endpoint counts; `problems` reads.

use std::collections::HashMap;

use uuid::Uuid;

use super::pending_counts::{Count, PendingCounts};
use crate::store::{
    ClubScope, Db, StoreError, Transaction, arrivals,
    rejections::hour_of,
    row::{Arrival, Source},
};

/// What became of a request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Stored,
    /// Stored, but it could not be processed.
    Failed,
    /// Its signature was not accepted.
    Rejected,
}

impl Count for Arrival {
    const WHAT: &'static str = "webhooks";
    /// Source and hour.
    type Key = (Uuid, i64);

    fn key(&self) -> Self::Key {
        (self.source_id, self.hour)
    }

    fn merge(&mut self, more: &Self) {
        self.requests = self.requests.saturating_add(more.requests);
        self.failed = self.failed.saturating_add(more.failed);
        self.rejected = self.rejected.saturating_add(more.rejected);
        self.last_at = self.last_at.max(more.last_at);
    }

    async fn store(self, tx: &Transaction) -> Result<(), StoreError> {
        arrivals::add(tx, ClubScope::new(self.club_id), self).await
    }
}

/// The counts that are not written yet.
pub type Arrivals = PendingCounts<Arrival>;

impl Arrivals {
    /// `at`: microseconds since 1970.
    pub fn count(&self, source: &Source, received: Received, at: i64) {
        let number = |is_counted: bool| i64::from(is_counted);
        self.add(Arrival {
            source_id: source.id,
            hour: hour_of(at),
            club_id: source.club_id,
            requests: number(received != Received::Rejected),
            failed: number(received == Received::Failed),
            rejected: number(received == Received::Rejected),
            last_at: at,
        });
    }

    /// The hours of each source, oldest first, including what is not written yet.
    pub async fn of(
        &self,
        db: &Db,
        scope: ClubScope,
        sources: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<Arrival>>, StoreError> {
        let mut all = arrivals::of(db.read(), scope, sources).await?;
        for pending in self.all() {
            if pending.club_id != scope.club || !sources.contains(&pending.source_id) {
                continue;
            }
            let hours = all.entry(pending.source_id).or_default();
            match hours.iter_mut().find(|hour| hour.hour == pending.hour) {
                Some(hour) => hour.merge(&pending),
                None => hours.push(pending),
            }
            hours.sort_by_key(|hour| hour.hour);
        }
        Ok(all)
    }
}
