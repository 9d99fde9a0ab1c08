//! Deliveries read again through today's adapter, such as after the rules of a sender were mended. Called by admins.

use async_graphql::{Context, ID, Object, Result};

use super::{Admin, id_of, not_found};
use crate::{
    graphql::{
        delivery::Delivery,
        error::{Refusal, inside},
    },
    id::Kind,
    ingest::{queue::NotStored, replay::replay},
    store::{deliveries, row},
};

/// Reads deliveries again.
#[derive(Default)]
pub struct DeliveryMutations;

payload! {
    /// The delivery as it stands after it was read again.
    ReplayDeliveryPayload {
        /// The delivery; null where nothing was changed.
        delivery: Delivery
    }
}

#[Object]
impl DeliveryMutations {
    /// Reads a stored delivery again. What it said before is not said twice.
    async fn replay_delivery(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The delivery.")] delivery: ID,
    ) -> Result<ReplayDeliveryPayload> {
        let admin = Admin::of(context)?;
        ReplayDeliveryPayload::of(again(admin, &delivery).await)
    }
}

async fn again(admin: Admin, delivery: &str) -> Result<row::Delivery, Refusal> {
    let Admin { app, scope, .. } = admin;
    let id = id_of(Kind::Delivery, "delivery", "delivery", delivery)?;
    let missing = || not_found("delivery", "delivery");
    let outcome = replay(&app.db, &app.queue, scope, id, app.present()).await;
    outcome
        .map_err(|error: NotStored| Refusal::Inside(inside(error)))?
        .ok_or_else(missing)?;
    deliveries::get(app.db.read(), scope, id)
        .await?
        .ok_or_else(missing)
}
