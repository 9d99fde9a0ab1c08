//! Counts the webhook requests that are rejected, by source and hour. Anybody who knows an address can make requests that are
//! rejected: so they are counted in memory, and written together every few seconds, at most a row a source and hour. Nothing of
//! a request is kept. Called where webhooks come in; read by the API.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use uuid::Uuid;

use crate::store::{
    Db, Scope, StoreError,
    rejections::{self, Rejected, hour_of},
    row::{RejectionReason, Source},
};

/// How often what was counted is written.
const EVERY: Duration = Duration::from_secs(5);

/// A source within an hour.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
struct Slot {
    club: Uuid,
    source: Uuid,
    hour: i64,
}

type Counts = HashMap<Slot, Rejected>;

/// The rejected requests that are not written yet.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    counts: Arc<Mutex<Counts>>,
}

impl Rejections {
    /// Starts the task that writes what is counted. It ends with the last `Rejections`.
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
                    tracing::warn!(error = ?problem, "rejected webhooks could not be counted");
                }
            }
        });
        all
    }

    /// Counts a request to a source that was rejected.
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

    /// What was rejected of each source: within the last day, and the last one; written or not.
    pub async fn of(
        &self,
        db: &Db,
        scope: Scope,
        sources: &[Uuid],
        now: i64,
    ) -> Result<HashMap<Uuid, Rejected>, StoreError> {
        let mut all = rejections::of(db.read(), scope, sources, now).await?;
        for (slot, pending) in self.lock().iter() {
            if slot.club != scope.club || !sources.contains(&slot.source) {
                continue;
            }
            let known = all.entry(slot.source).or_insert(Rejected {
                requests: 0,
                ..*pending
            });
            known.requests = known.requests.saturating_add(pending.requests);
            if pending.last_at >= known.last_at {
                (known.last_at, known.reason) = (pending.last_at, pending.reason);
            }
        }
        Ok(all)
    }

    /// Writes what is counted; where that fails, it is counted still.
    pub async fn write(&self, db: &Db) -> Result<(), StoreError> {
        let counted = std::mem::take(&mut *self.lock());
        if counted.is_empty() {
            return Ok(());
        }
        let rows: Vec<(Slot, Rejected)> = counted.iter().map(|(slot, of)| (*slot, *of)).collect();
        let written: Result<(), StoreError> = db
            .write(move |tx| {
                Box::pin(async move {
                    for (slot, rejected) in rows {
                        let scope = Scope::new(slot.club);
                        rejections::add(tx, scope, slot.source, rejected).await?;
                    }
                    Ok(())
                })
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

/// Why a request was rejected, for whoever looks after the source.
pub fn for_people(reason: RejectionReason) -> &'static str {
    match reason {
        RejectionReason::Header => {
            "a header of the signature is missing or malformed: the sender has to sign as the source's scheme says"
        }
        RejectionReason::OtherScheme => {
            "it bears the signature of another scheme: an admin makes the source with the sender's scheme"
        }
        RejectionReason::Timestamp => {
            "its signed timestamp lies too far from the present time: the sender's clock is wrong, or an old request was sent again"
        }
        RejectionReason::Milliseconds => {
            "its signed timestamp counts milliseconds: the sender has to send whole seconds"
        }
        RejectionReason::SecretEncoding => {
            "it was signed with the right secret in the wrong encoding: the sender has to use the secret's bytes as the scheme says"
        }
        RejectionReason::Signature => {
            "its signature does not fit: the sender has another secret, signs another body, or is a stranger"
        }
        RejectionReason::Body => "its body has not the part that the source's scheme signs",
    }
}
