//! Mutations of deliveries: replay a stored one through the current adapter, such as after a mapping was fixed, and dismiss failed
//! ones that need nobody to look at them. For ADMIN tokens.

use async_graphql::{Context, ID, InputObject, Object, Result};

use uuid::Uuid;

use super::{Editor, MAX_REASON_CHARS, form::Form, id_of, invalid, not_found, text_of};
use crate::{
    graphql::{
        delivery::Delivery,
        error::{Refusal, UserError, UserErrorCode, internal_error},
    },
    id::Kind,
    ingest::{
        queue::QueueError,
        replay::{Replay, replay},
    },
    store::{clubs, deliveries, lookup, row},
    transaction,
};

/// The most deliveries of one call.
const MOST_DISMISSED: usize = 250;

#[derive(Default)]
pub struct DeliveryMutations;

payload! {
    /// The delivery after the replay.
    ReplayDeliveryPayload {
        /// The delivery; null if the mutation was refused.
        delivery: Delivery
    }
}

payload! {
    /// The dismissed deliveries.
    DismissDeliveriesPayload {
        /// The deliveries, in the order of the input; null if the mutation was refused.
        deliveries: Vec<Delivery>
    }
}

/// The delivery to replay.
#[derive(InputObject)]
pub struct ReplayDeliveryInput {
    /// The delivery.
    pub delivery: ID,
}

/// The failed deliveries to dismiss.
#[derive(InputObject)]
pub struct DismissDeliveriesInput {
    /// The failed deliveries; at most 250.
    pub ids: Vec<ID>,
    /// Why nothing has to be done about them; 1 to 1000 characters.
    pub reason: String,
}

#[Object(crate = "crate::graphql::resolve")]
impl DeliveryMutations {
    /// Processes a stored delivery again with the current adapter. What it reported before is not applied
    /// twice. NOT_RETAINED if its body is no longer stored, see `Delivery.bodyRemoved`.
    async fn replay_delivery(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The delivery to replay.")] input: Option<ReplayDeliveryInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The delivery.")] delivery: Option<ID>,
    ) -> Result<ReplayDeliveryPayload> {
        let admin = Editor::admin(context)?;
        let loose = delivery.map(|delivery| ReplayDeliveryInput { delivery });
        let (form, input) = Form::of(input, loose)?;
        ReplayDeliveryPayload::of(form.paths(replay_delivery(admin, &input.delivery).await))
    }

    /// Dismisses failed deliveries: they stay FAILED and can still be replayed, but neither `Source.failedDeliveries` nor
    /// `latchkey check` counts them any more. A new attempt of the sender or a replay undoes it.
    async fn dismiss_deliveries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The failed deliveries to dismiss.")] input: Option<
            DismissDeliveriesInput,
        >,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "The failed deliveries; at most 250."
        )]
        ids: Option<Vec<ID>>,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "Why nothing has to be done about them; 1 to 1000 characters."
        )]
        reason: Option<String>,
    ) -> Result<DismissDeliveriesPayload> {
        let admin = Editor::admin(context)?;
        let loose = ids
            .zip(reason)
            .map(|(ids, reason)| DismissDeliveriesInput { ids, reason });
        let (form, input) = Form::of(input, loose)?;
        let dismissed = dismiss(admin, &input.ids, &input.reason).await;
        DismissDeliveriesPayload::of(form.paths(dismissed))
    }
}

async fn dismiss(admin: Editor, ids: &[ID], reason: &str) -> Result<Vec<Delivery>, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let reason = text_of("reason", "a reason", reason, MAX_REASON_CHARS)?;
    if ids.is_empty() || ids.len() > MOST_DISMISSED {
        return Err(invalid("ids", "must have 1 to 250 deliveries"));
    }
    let ids = ids
        .iter()
        .map(|id| id_of(Kind::Delivery, "ids", "delivery", id));
    let ids: Vec<Uuid> = ids.collect::<Result<_, _>>()?;
    transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let found = deliveries::find_by_ids(tx, scope, &ids).await?;
        if ids.iter().any(|id| !found.iter().any(|row| row.id == *id)) {
            return Err(not_found("ids", "delivery"));
        }
        if found
            .iter()
            .any(|row| row.status != row::DeliveryStatus::Failed)
        {
            let message = "only FAILED deliveries can be dismissed: leave out the others";
            return Err(invalid("ids", message));
        }
        deliveries::dismiss(tx, scope, &ids, &actor, &reason, now).await?;
        let rows = deliveries::find_by_ids(tx, scope, &ids).await?;
        let one = |id: &Uuid| rows.iter().find(|row| row.id == *id).cloned().map(Delivery);
        Ok::<_, Refusal>(ids.iter().filter_map(one).collect())
    })
    .await
}

async fn replay_delivery(admin: Editor, delivery: &str) -> Result<row::Delivery, Refusal> {
    let Editor { app, scope, .. } = admin;
    let id = id_of(Kind::Delivery, "delivery", "delivery", delivery)?;
    let missing = || not_found("delivery", "delivery");
    let outcome = replay(&app.db, &app.queue, scope, id, app.event_clock()).await;
    match outcome.map_err(|error: QueueError| Refusal::Internal(internal_error(error)))? {
        Replay::Done(_) => {}
        Replay::Missing => return Err(missing()),
        Replay::BodyRemoved(reason) => return Err(without_body(reason)),
    }
    lookup::by_id::<row::Delivery>(app.db.read(), scope, id)
        .await?
        .ok_or_else(missing)
}

fn without_body(reason: row::BodyRemoval) -> Refusal {
    let message = match reason {
        row::BodyRemoval::Expired => {
            "the body is no longer stored, because it was kept for the time of the setting keep_bodies: have the sender send \
             the event again under another id, or read the source"
        }
        row::BodyRemoval::Erased => {
            "the body was removed, because it named a person who was erased: have the sender send the event again under \
             another id, or read the source"
        }
    };
    UserError::at(UserErrorCode::NotRetained, "delivery", message).into()
}
