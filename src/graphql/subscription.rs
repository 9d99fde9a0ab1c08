//! Subscriptions: events of the feed for authorized callers.
//!
//! A subscriber receives every event from the moment it is registered. Events never reach another club, and a member session
//! gets only those of its own member. Run by the socket; refused over HTTP.

use std::sync::{Mutex, PoisonError};

use async_graphql::{Context, Error, ID, Result, Subscription as subscription};
use futures_util::stream::{self, Stream};
use tokio::sync::oneshot;

use super::{
    access_event::AccessEvent,
    context::{app, caller, require_staff},
    delivery::Delivery,
    error::internal_error,
    node,
    query::filter::HistoryFilter,
};
use crate::{feed::Events, id::Kind};

pub struct Subscription;

/// Request data that signals when the subscription is registered, so that its socket can continue.
pub(in crate::graphql) struct SubscriptionReady(Mutex<Option<oneshot::Sender<()>>>);

impl SubscriptionReady {
    /// Returns both ends. The receiver also completes, with an error, if the subscription fails.
    pub(in crate::graphql) fn new() -> (Self, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Mutex::new(Some(sender))), receiver)
    }

    fn tell(&self) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _ = sender.map(|sender| sender.send(()));
    }
}

/// Live events over a WebSocket at /graphql with the protocol graphql-transport-ws.
#[subscription]
impl Subscription {
    /// Each change to people's access as it happens, with the same filter as history.
    async fn access_events(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Restricts the events. Defaults to all; for a member session, to all of its own member."
        )]
        filter: Option<HistoryFilter>,
    ) -> Result<impl Stream<Item = Result<AccessEvent>>> {
        let scope = caller(context)?.scope;
        let filter = filter.unwrap_or_default().for_caller(context).await?;
        let events = app(context)?.feed.access_events(scope, filter).await;
        Ok(to_stream(
            context,
            events.map_err(internal_error)?,
            AccessEvent,
        ))
    }

    /// Each delivery when it is accepted, and again when it settles.
    async fn deliveries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Restricts the deliveries to this source. Defaults to all sources.")]
        source: Option<ID>,
    ) -> Result<impl Stream<Item = Result<Delivery>>> {
        let scope = require_staff(context)?;
        let source = node::decode_optional_id("source", Kind::Source, source.as_ref())?;
        let events = app(context)?.feed.deliveries(scope, source).await;
        Ok(to_stream(
            context,
            events.map_err(internal_error)?,
            Delivery,
        ))
    }
}

fn to_stream<R, T>(
    context: &Context<'_>,
    events: Events<R>,
    as_noun: fn(R) -> T,
) -> impl Stream<Item = Result<T>> + use<R, T>
where
    R: Clone + Send + Sync + 'static,
    T: Send + 'static,
{
    if let Ok(listening) = context.data::<SubscriptionReady>() {
        listening.tell();
    }
    stream::unfold(events, move |mut events| async move {
        let item = match events.next().await? {
            Ok(row) => Ok(as_noun(R::clone(&row))),
            Err(too_slow) => Err(Error::new_with_source(too_slow)),
        };
        Some((item, events))
    })
}
