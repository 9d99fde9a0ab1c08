//! Subscriptions: what the feed tells, to those who may know it.
//!
//! Promises that whoever has begun to listen is told everything from then on. Never tells one club of another, nor a member
//! session of anybody but its member. The socket runs them; over HTTP they are refused.

use std::sync::{Mutex, PoisonError};

use async_graphql::{Context, Error, ID, Result, Subscription as subscription};
use futures_util::stream::{self, Stream};
use tokio::sync::oneshot;

use super::{
    access_event::AccessEvent,
    context::{app, caller, reads},
    delivery::Delivery,
    error::{forbidden, inside},
    node,
    query::filter::HistoryFilter,
};
use crate::{feed::Events, id::Kind, store::row::Role};

/// What can be listened to.
pub struct Subscription;

/// In a request's data: told once the subscription listens, so that its socket can go on.
pub(in crate::graphql) struct Listening(Mutex<Option<oneshot::Sender<()>>>);

impl Listening {
    /// Both ends. The other one also ends where the subscription fails.
    pub(in crate::graphql) fn new() -> (Self, oneshot::Receiver<()>) {
        let (told, waits) = oneshot::channel();
        (Self(Mutex::new(Some(told))), waits)
    }

    fn tell(&self) {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _ = told.map(|told| told.send(()));
    }
}

/// What happens, as it happens: over a WebSocket at /graphql, protocol graphql-transport-ws.
#[subscription]
impl Subscription {
    /// Each change to people's access as it happens, narrowed like history.
    async fn access_events(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Which of them. Left out: all; to a member session, all of its own member."
        )]
        filter: Option<HistoryFilter>,
    ) -> Result<impl Stream<Item = Result<AccessEvent>>> {
        let asker = caller(context)?;
        let mut filter = filter.unwrap_or_default().into_store(context).await?;
        if asker.role == Role::Member {
            let own = asker.member.ok_or_else(|| forbidden(OF_ITSELF))?;
            if filter.member.is_some_and(|member| member != own) {
                return Err(forbidden(OF_ITSELF));
            }
            filter.member = Some(own);
        }
        let events = app(context)?.feed.access_events(asker.scope, filter).await;
        Ok(told(context, events.map_err(inside)?, AccessEvent))
    }

    /// Each delivery as it is let in, and again when it settles.
    async fn deliveries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only those of this source. Left out: all.")] source: Option<ID>,
    ) -> Result<impl Stream<Item = Result<Delivery>>> {
        let scope = reads(context)?;
        let source = node::maybe_named("source", Kind::Source, source.as_ref())?;
        let events = app(context)?.feed.deliveries(scope, source).await;
        Ok(told(context, events.map_err(inside)?, Delivery))
    }
}

const OF_ITSELF: &str = "a member session listens to events of its own member alone";

fn told<R, T>(
    context: &Context<'_>,
    events: Events<R>,
    as_noun: fn(R) -> T,
) -> impl Stream<Item = Result<T>> + use<R, T>
where
    R: Clone + Send + Sync + 'static,
    T: Send + 'static,
{
    if let Ok(listening) = context.data::<Listening>() {
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
