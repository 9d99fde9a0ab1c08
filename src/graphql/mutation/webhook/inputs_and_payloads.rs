//! The inputs and payloads of the mutations of endpoints.

use async_graphql::{ID, InputObject};

use crate::graphql::{
    input::given::Given,
    scalar::{DateTime, Duration},
    webhook::{WebhookEndpoint, WebhookEventType, WebhookMessage},
};

/// An address to which events are sent.
#[derive(InputObject)]
pub struct CreateWebhookEndpointInput {
    /// The club's name for it, unique in the club.
    pub name: String,
    /// Where messages are sent: an https URL of a public host.
    pub url: String,
    /// The types of events that are sent; at least one.
    pub events: Vec<WebhookEventType>,
}

/// The changes to an endpoint; fields that are left out keep their values.
#[derive(InputObject)]
pub struct UpdateWebhookEndpointInput {
    /// The endpoint.
    pub endpoint: ID,
    /// The club's name for it, unique in the club.
    pub name: Option<String>,
    /// Where messages are sent: an https URL of a public host.
    pub url: Option<String>,
    /// The types of events that are sent; at least one.
    pub events: Option<Vec<WebhookEventType>>,
    /// True: messages wait. False: they are sent, also to an endpoint that answered 410 Gone.
    pub paused: Option<bool>,
}

/// The endpoint whose secret is replaced.
#[derive(InputObject)]
pub struct RotateWebhookEndpointSecretInput {
    /// The endpoint.
    pub endpoint: ID,
    /// How long messages are signed with the old secret too; at most P366D. Default: PT24H.
    pub keep_old_for: Option<Given<Duration>>,
}

/// The endpoint to remove.
#[derive(InputObject)]
pub struct RemoveWebhookEndpointInput {
    /// The endpoint.
    pub endpoint: ID,
}

/// Where a test is sent.
#[derive(InputObject)]
pub struct SendTestMessageInput {
    /// The endpoint.
    pub endpoint: ID,
}

/// The messages to send again: either `messages` or `endpoint`.
#[derive(InputObject)]
pub struct ReplayWebhookMessagesInput {
    /// These messages, in whatever state; 1 to 250.
    pub messages: Option<Vec<ID>>,
    /// The FAILED and CANCELLED messages of this endpoint.
    pub endpoint: Option<ID>,
    /// With endpoint: only those of events at this time or later.
    pub since: Option<DateTime>,
}

payload! {
    /// The endpoint and its signing secret. The secret is returned only here.
    CreateWebhookEndpointPayload {
        /// The endpoint; null if the mutation was refused.
        endpoint: WebhookEndpoint,
        /// The secret with which the receiver verifies messages: `whsec_` and base64.
        secret
    }
}

payload! {
    /// The endpoint and its new signing secret. The secret is returned only here.
    RotateWebhookEndpointSecretPayload {
        /// The endpoint; null if the mutation was refused.
        endpoint: WebhookEndpoint,
        /// The secret with which the receiver verifies messages: `whsec_` and base64.
        secret
    }
}

payload! {
    /// The endpoint after the change.
    UpdateWebhookEndpointPayload {
        /// The endpoint; null if the mutation was refused.
        endpoint: WebhookEndpoint
    }
}

payload! {
    /// The removed endpoint.
    RemoveWebhookEndpointPayload {
        /// The id of the endpoint; null if the mutation was refused.
        removed_id: ID
    }
}

payload! {
    /// The test.
    SendTestMessagePayload {
        /// The message, before its first attempt; null if the mutation was refused.
        message: WebhookMessage
    }
}

payload! {
    /// The messages that are sent again.
    ReplayWebhookMessagesPayload {
        /// Their number; null if the mutation was refused.
        replayed: i32
    }
}
