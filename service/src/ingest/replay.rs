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

/// Returns none where there is no such delivery.
pub async fn replay(
    db: &Db,
    queue: &Queue,
    scope: ClubScope,
    id: Uuid,
    present: Present,
) -> Result<Option<Outcome>, QueueError> {
    let Some(job) = job(db, scope, id, present).await? else {
        return Ok(None);
    };
    queue.store(job).await.map(Some)
}

async fn job(
    db: &Db,
    scope: ClubScope,
    id: Uuid,
    present: Present,
) -> Result<Option<Job>, StoreError> {
    let Some(delivery) = lookup::by_id::<row::Delivery>(db.read(), scope, id).await? else {
        return Ok(None);
    };
    let Some(source) = lookup::by_id::<row::Source>(db.read(), scope, delivery.source_id).await?
    else {
        return Ok(None);
    };
    let verified = Verified::stored(
        delivery.body.clone(),
        delivery.external_id.clone(),
        Envelope::from_json(&delivery.headers),
        Instant::from_micros(delivery.received_at),
    );
    Ok(Some(Job {
        id,
        club: scope.club,
        source: source.id,
        external_id: delivery.external_id,
        body: delivery.body,
        headers: delivery.headers,
        received_at: delivery.received_at,
        event: adapter::translate(&source, &verified)
            .and_then(|event| adapter::not_from_the_future(event, present)),
        again: true,
        has_signed_id: false,
        collapses: false,
        is_retry: false,
    }))
}
