//! Counts rejected webhook requests by source and hour. Anybody who knows an address can send requests that are rejected, so they
//! are counted in memory and written every few seconds, at most one row per source and hour. Nothing of a request is stored. The
//! webhook endpoint counts; the API reads.

use crate::transaction;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use uuid::Uuid;

use crate::store::{
    ClubScope, Db, StoreError,
    rejections::{self, Rejected, hour_of},
    row::{RejectionReason, Source},
};

/// How often the counts are written.
const EVERY: Duration = Duration::from_secs(5);

#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
struct Slot {
    club: Uuid,
    source: Uuid,
    hour: i64,
}

type Counts = HashMap<Slot, Rejected>;

/// The counts that are not written yet.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    counts: Arc<Mutex<Counts>>,
}

impl Rejections {
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
                    tracing::warn!(error = ?problem, "the counts of rejected webhooks could not be written; trying again");
                }
            }
        });
        all
    }

    /// `at`: microseconds since 1970.
    pub fn count(&self, source: &Source, reason: RejectionReason, at: i64) {
        let slot = Slot {
            club: source.club_id,
            source: source.id,
            hour: hour_of(at),
        };
        let mut counts = self.lock();
        let counted = counts.entry(slot).or_insert(Rejected {
            requests: 0,
            last_at: at,
            reason,
        });
        counted.requests = counted.requests.saturating_add(1);
        (counted.last_at, counted.reason) = (at, reason);
    }

    /// The rejected requests of each source within the last day, and the last one, including what is not written yet.
    pub async fn of(
        &self,
        db: &Db,
        scope: ClubScope,
        sources: &[Uuid],
        now: i64,
    ) -> Result<HashMap<Uuid, Rejected>, StoreError> {
        let mut all = rejections::of(db.read(), scope, sources, now).await?;
        for (slot, pending) in self.lock().iter() {
            if slot.club != scope.club || !sources.contains(&slot.source) {
                continue;
            }
            let total = all.entry(slot.source).or_insert(Rejected {
                requests: 0,
                ..*pending
            });
            total.requests = total.requests.saturating_add(pending.requests);
            if pending.last_at >= total.last_at {
                (total.last_at, total.reason) = (pending.last_at, pending.reason);
            }
        }
        Ok(all)
    }

    /// Writes the counts; if that fails, they are kept for the next time.
    pub async fn write(&self, db: &Db) -> Result<(), StoreError> {
        let counted = std::mem::take(&mut *self.lock());
        if counted.is_empty() {
            return Ok(());
        }
        let rows: Vec<(Slot, Rejected)> = counted.iter().map(|(slot, of)| (*slot, *of)).collect();
        let written: Result<(), StoreError> = transaction!(db, |tx| {
            for (slot, rejected) in rows {
                let scope = ClubScope::new(slot.club);
                rejections::add(tx, scope, slot.source, rejected).await?;
            }
            Ok(())
        })
        .await;
        if written.is_err() {
            let mut counts = self.lock();
            for (slot, lost) in counted {
                let now = counts.entry(slot).or_insert(Rejected {
                    requests: 0,
                    ..lost
                });
                now.requests = now.requests.saturating_add(lost.requests);
            }
        }
        written
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reason of a rejection as a text for the people who maintain the source.
pub fn for_people(reason: RejectionReason) -> &'static str {
    match reason {
        RejectionReason::Header => {
            "a header of the signature is missing or malformed: the sender has to sign as the source's scheme says"
        }
        RejectionReason::OtherScheme => {
            "it has the signature of another scheme: an admin creates the source again with the sender's scheme"
        }
        RejectionReason::Timestamp => {
            "its signed timestamp is too far from the current time: the sender's clock is wrong, or an old request was sent again"
        }
        RejectionReason::Milliseconds => {
            "its signed timestamp counts milliseconds: the sender has to send whole seconds"
        }
        RejectionReason::SecretEncoding => {
            "it was signed with the right secret in the wrong encoding: the sender has to use the secret's bytes as the scheme says"
        }
        RejectionReason::Signature => {
            "its signature matches none of the source's secrets: the sender has another secret, signs other bytes, or is unknown"
        }
        RejectionReason::Body => "its body lacks the part that the source's scheme signs",
    }
}
