//! Counts rejected webhook requests by source and hour. Anybody who knows an address can send requests that are rejected, so there
//! is at most one row per source and hour, and nothing of a request is stored. The webhook endpoint counts; the API reads.

use std::collections::HashMap;

use uuid::Uuid;

use super::pending_counts::{Count, PendingCounts};
use crate::store::{
    ClubScope, Db, StoreError, Transaction,
    rejections::{self, Rejected, hour_of},
    row::{RejectionReason, Source},
};

/// The rejected requests of a source within an hour.
#[derive(Copy, Clone, Debug)]
pub struct Rejections {
    club: Uuid,
    source: Uuid,
    hour: i64,
    of: Rejected,
}

impl Count for Rejections {
    const WHAT: &'static str = "rejected webhooks";
    /// Source and hour.
    type Key = (Uuid, i64);

    fn key(&self) -> Self::Key {
        (self.source, self.hour)
    }

    fn merge(&mut self, more: &Self) {
        self.of.add(more.of);
    }

    async fn store(self, tx: &Transaction) -> Result<(), StoreError> {
        rejections::add(tx, ClubScope::new(self.club), self.source, self.of).await
    }
}

/// The counts that are not written yet.
pub type PendingRejections = PendingCounts<Rejections>;

impl PendingRejections {
    /// `at`: microseconds since 1970.
    pub fn count(&self, source: &Source, reason: RejectionReason, at: i64) {
        self.add(Rejections {
            club: source.club_id,
            source: source.id,
            hour: hour_of(at),
            of: Rejected {
                requests: 1,
                last_at: at,
                reason,
            },
        });
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
        for pending in self.all() {
            if pending.club != scope.club || !sources.contains(&pending.source) {
                continue;
            }
            let total = all.entry(pending.source);
            total
                .and_modify(|total| total.add(pending.of))
                .or_insert(pending.of);
        }
        Ok(all)
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
