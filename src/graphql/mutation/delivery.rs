//! The mutation that replays a stored delivery through the current adapter, such as after a mapping was fixed. For ADMIN tokens.

use async_graphql::{Context, ID, Object, Result};

use super::{Admin, id_of, not_found};
use crate::{
    graphql::{
        delivery::Delivery,
        error::{Refusal, internal_error},
    },
    id::Kind,
    ingest::{queue::QueueError, replay::replay},
    store::{lookup, row},
};

#[derive(Default)]
pub struct DeliveryMutations;

payload! {
    /// The delivery after the replay.
    ReplayDeliveryPayload {
        /// The delivery; null if the mutation was refused.
        delivery: Delivery
    }
}

#[Object(crate = "crate::graphql::resolve")]
impl DeliveryMutations {
    /// Processes a stored delivery again with the current adapter. What it reported before is not applied twice.
    async fn replay_delivery(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The delivery.")] delivery: ID,
    ) -> Result<ReplayDeliveryPayload> {
        let admin = Admin::of(context)?;
        ReplayDeliveryPayload::of(replay_delivery(admin, &delivery).await)
    }
}

async fn replay_delivery(admin: Admin, delivery: &str) -> Result<row::Delivery, Refusal> {
    let Admin { app, scope, .. } = admin;
    let id = id_of(Kind::Delivery, "delivery", "delivery", delivery)?;
    let missing = || not_found("delivery", "delivery");
    let outcome = replay(&app.db, &app.queue, scope, id, app.event_clock()).await;
    outcome
        .map_err(|error: QueueError| Refusal::Internal(internal_error(error)))?
        .ok_or_else(missing)?;
    lookup::by_id::<row::Delivery>(app.db.read(), scope, id)
        .await?
        .ok_or_else(missing)
}
