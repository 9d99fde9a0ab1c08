//! The GraphQL types of outbound webhooks: endpoints, messages and attempts. For ADMIN tokens, because URLs can contain secrets.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use super::{
    loader,
    member::Member,
    node, page,
    scalar::{DateTime, Duration},
};
use crate::{
    id::Kind,
    outbound,
    store::{row, webhook_endpoints},
};

/// The type of an event that is sent to endpoints. The value in a message is given in its description.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::OutboundEvent")]
pub enum WebhookEventType {
    /// `access.changed`: access in Kisi was granted, revoked, or given another time window.
    AccessChanged,
    /// `door.unlocked`: a door was unlocked through this service or by other means in Kisi.
    DoorUnlocked,
    /// `door.denied`: a door did not unlock, or the outcome is unknown.
    DoorDenied,
    /// `revocation.held`: the brake holds a revocation until an admin decides.
    RevocationHeld,
    /// `source.problem`: a problem of a source began or ended (`Source.problems`). Looked for every minute.
    SourceProblem,
    /// `account.problem`: a problem of a Kisi account began or ended (`KisiAccount.problem`). Looked for every minute.
    AccountProblem,
    /// `endpoint.test`: an admin sent a test (sendTestMessage).
    EndpointTest,
}

/// Whether messages are sent to an endpoint.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::EndpointStatus")]
pub enum WebhookEndpointStatus {
    /// Messages are sent.
    Active,
    /// An admin paused it (updateWebhookEndpoint). New messages wait.
    Paused,
    /// It answered 410 Gone, so that no messages are created for it. To resume, set paused to false (updateWebhookEndpoint).
    Gone,
    /// It was removed. Its finished messages stay until they are pruned.
    Removed,
}

/// The state of a message.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::MessageStatus")]
pub enum WebhookMessageStatus {
    /// It waits for its first or next attempt.
    Waiting,
    /// The endpoint answered with a status from 200 to 299.
    Delivered,
    /// All attempts of three days failed, or the endpoint took no attempt in that time. It can be replayed.
    Failed,
    /// Its endpoint was removed, or answered 410 Gone.
    Cancelled,
}

#[derive(Clone, Debug)]
pub struct WebhookEndpoint(pub row::WebhookEndpoint);

impl From<row::WebhookEndpoint> for WebhookEndpoint {
    fn from(row: row::WebhookEndpoint) -> Self {
        Self(row)
    }
}

/// An address to which the club's events are sent, in the format of Standard Webhooks.
#[Object(crate = "crate::graphql::resolve")]
impl WebhookEndpoint {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::WebhookEndpoint, self.0.id)
    }

    /// The club's name for it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Where messages are sent; of a removed endpoint the host alone.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// The types of events that are sent.
    async fn events(&self) -> Vec<WebhookEventType> {
        let events = webhook_endpoints::events(&self.0);
        events.into_iter().map(Into::into).collect()
    }

    /// Whether messages are sent.
    async fn status(&self) -> WebhookEndpointStatus {
        self.0.status.into()
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// The first failed attempt since the last success; null if the last attempt succeeded. The messages say why
    /// (`webhookMessages`).
    async fn failing_since(&self) -> Option<DateTime> {
        self.0.failing_since.map(DateTime)
    }

    /// Until when messages are signed with the previous secret too; null if they are not.
    async fn old_secret_until(&self, context: &Context<'_>) -> Result<Option<DateTime>> {
        let now = loader::instant(context, None)?.micros();
        let until = self.0.old_secret_until.filter(|until| *until > now);
        Ok(until.map(DateTime))
    }
}

#[derive(Clone, Debug)]
pub struct WebhookMessage(pub row::WebhookMessage);

impl From<row::WebhookMessage> for WebhookMessage {
    fn from(row: row::WebhookMessage) -> Self {
        Self(row)
    }
}

/// An event for one endpoint, and how far its transmission is.
#[Object(crate = "crate::graphql::resolve")]
impl WebhookMessage {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::WebhookMessage, self.0.id)
    }

    /// The header `webhook-id`, which is the same in every attempt and replay.
    async fn webhook_id(&self) -> String {
        outbound::message_id(&self.0)
    }

    /// The endpoint, which may have been removed.
    async fn endpoint(&self, context: &Context<'_>) -> Result<WebhookEndpoint> {
        let key = loader::EndpointKey(self.0.endpoint_id);
        loader::load_required(context, key)
            .await
            .map(WebhookEndpoint)
    }

    /// The type of the event.
    async fn event(&self) -> WebhookEventType {
        self.0.event.into()
    }

    /// The member that it is about; null for events that are about none.
    async fn member(&self, context: &Context<'_>) -> Result<Option<Member>> {
        match self.0.member_id {
            Some(id) => Ok(loader::load(context, loader::MemberKey(id))
                .await?
                .map(Member)),
            None => Ok(None),
        }
    }

    /// The JSON that is sent.
    async fn body(&self) -> &str {
        &self.0.body
    }

    /// When the event happened.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// How far the transmission is.
    async fn status(&self) -> WebhookMessageStatus {
        self.0.status.into()
    }

    /// When the next attempt is due; null if none is. A paused endpoint gets none.
    async fn next_attempt_at(&self) -> Option<DateTime> {
        let waits = self.0.status == row::MessageStatus::Waiting && self.0.next_at < i64::MAX;
        waits.then_some(DateTime(self.0.next_at))
    }

    /// When it was delivered, given up or cancelled; null while it waits.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(DateTime)
    }

    /// The requests that were made for it, oldest first.
    #[graphql(complexity = "page::capped_product(10, child_complexity)")]
    async fn attempts(&self, context: &Context<'_>) -> Result<Vec<WebhookAttempt>> {
        let key = loader::AttemptsOf(self.0.id);
        let rows = loader::load(context, key).await?.unwrap_or_default();
        Ok(rows.into_iter().map(WebhookAttempt::from).collect())
    }
}

/// One request to an endpoint.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct WebhookAttempt {
    /// When it began.
    pub at: DateTime,
    /// How long it took.
    pub duration: Duration,
    /// The HTTP status of the response; null if no response came.
    pub status_code: Option<i32>,
    /// Why it failed; null if it succeeded.
    pub problem: Option<String>,
    /// The beginning of the response's body; null if it was empty, or if the person whom the message was about was erased.
    pub response: Option<String>,
}

impl From<row::WebhookAttempt> for WebhookAttempt {
    fn from(row: row::WebhookAttempt) -> Self {
        let duration = std::time::Duration::from_millis(row.duration_ms.unsigned_abs());
        Self {
            at: DateTime(row.at),
            duration: Duration(duration),
            status_code: row.status,
            problem: row.problem,
            response: row.response,
        }
    }
}

page::connection!(
    /// A page of messages to endpoints.
    WebhookMessageConnection,
    /// A message and its cursor.
    WebhookMessageEdge,
    WebhookMessage
);
