//! Replays stored deliveries through the current adapter: after an adapter or a mapping was fixed, or when an admin asks. A
//! replay is idempotent, because its statements have the version that they had the first time.

use access::Instant;
use uuid::Uuid;

use super::{
    adapter::{self, Present},
    batch::{Job, Outcome},
    envelope::Envelope,
    queue::{Queue, QueueError},
    signature::Verified,
};
use crate::store::{ClubScope, Db, StoreError, lookup, row};

/// What became of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// There is no such delivery.
    Missing,
    /// Its body is no longer stored.
    BodyRemoved(row::BodyRemoval),
    Done(Outcome),
}

pub async fn replay(
    db: &Db,
    queue: &Queue,
    scope: ClubScope,
    id: Uuid,
    present: Present,
) -> Result<Replay, QueueError> {
    let Some((delivery, source)) = stored(db, scope, id).await? else {
        return Ok(Replay::Missing);
    };
    if let Some(reason) = delivery.body_removed {
        return Ok(Replay::BodyRemoved(reason));
    }
    let job = job(delivery, &source, present);
    queue.store(job).await.map(Replay::Done)
}

async fn stored(
    db: &Db,
    scope: ClubScope,
    id: Uuid,
) -> Result<Option<(row::Delivery, row::Source)>, StoreError> {
    let Some(delivery) = lookup::by_id::<row::Delivery>(db.read(), scope, id).await? else {
        return Ok(None);
    };
    let source = lookup::by_id::<row::Source>(db.read(), scope, delivery.source_id).await?;
    Ok(source.map(|source| (delivery, source)))
}

fn job(delivery: row::Delivery, source: &row::Source, present: Present) -> Job {
    let verified = Verified::stored(
        delivery.body.clone(),
        delivery.external_id.clone(),
        Envelope::from_json(&delivery.headers),
        Instant::from_micros(delivery.received_at),
    );
    Job {
        id: delivery.id,
        club: delivery.club_id,
        source: source.id,
        external_id: delivery.external_id,
        body: delivery.body,
        headers: delivery.headers,
        received_at: delivery.received_at,
        event: adapter::translate(source, &verified)
            .and_then(|event| adapter::not_from_the_future(event, present)),
        again: true,
        has_signed_id: false,
        collapses: false,
        is_retry: false,
        names_erased: false,
    }
}
