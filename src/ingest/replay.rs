//! Reads stored deliveries again, through today's adapter: after one was mended, or when an admin asks. What a delivery said
//! before is not said twice, since its words bear the version that they bore then.

use access::Instant;
use uuid::Uuid;

use super::{
    adapter::{self, Present},
    batch::{Job, Outcome},
    envelope::Envelope,
    queue::{NotStored, Queue},
    signature::Verified,
};
use crate::store::{Db, Scope, StoreError, deliveries, sources};

/// Reads one delivery again. None where there is no such delivery.
pub async fn replay(
    db: &Db,
    queue: &Queue,
    scope: Scope,
    id: Uuid,
    present: Present,
) -> Result<Option<Outcome>, NotStored> {
    let Some(job) = job(db, scope, id, present).await? else {
        return Ok(None);
    };
    queue.store(job).await.map(Some)
}

async fn job(db: &Db, scope: Scope, id: Uuid, present: Present) -> Result<Option<Job>, StoreError> {
    let Some(delivery) = deliveries::get(db.read(), scope, id).await? else {
        return Ok(None);
    };
    let Some(source) = sources::get(db.read(), scope, delivery.source_id).await? else {
        return Ok(None);
    };
    let verified = Verified::stored(
        delivery.body.clone(),
        delivery.external_id.clone(),
        Envelope::of_json(&delivery.headers),
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
