//! Queries for outbound webhooks. For ADMIN tokens.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::filter::TimeOrder;
use crate::{
    graphql::{
        context::{self, require_admin},
        error::internal_error,
        node,
        page::{self, PageArguments},
        webhook::{
            WebhookEndpoint, WebhookEventType, WebhookMessageConnection, WebhookMessageStatus,
        },
    },
    id::Kind,
    store::{
        webhook_endpoints,
        webhook_messages::{self, MessageFilter},
    },
};

#[derive(Default)]
pub struct WebhookQuery;

/// Filter for messages to endpoints. All given fields must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct WebhookMessageFilter {
    /// Messages to this endpoint.
    pub endpoint: Option<ID>,
    /// Messages in one of these states.
    pub statuses: Option<Vec<WebhookMessageStatus>>,
    /// Messages about one of these types of events.
    pub events: Option<Vec<WebhookEventType>>,
}

#[Object(crate = "crate::graphql::resolve")]
impl WebhookQuery {
    /// The addresses to which the club's events are sent, oldest first; at most 20.
    #[graphql(complexity = "page::capped_product(20, child_complexity)")]
    async fn webhook_endpoints(&self, context: &Context<'_>) -> Result<Vec<WebhookEndpoint>> {
        let scope = require_admin(context)?.scope;
        let db = context::app(context)?.db.read();
        let rows = webhook_endpoints::all(db, scope).await;
        let rows = rows.map_err(internal_error)?;
        Ok(rows.into_iter().map(WebhookEndpoint).collect())
    }

    /// The messages to endpoints, newest first.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is an argument of the field"
    )]
    async fn webhook_messages(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
        #[graphql(desc = "Restricts the list. Defaults to all.")] filter: Option<
            WebhookMessageFilter,
        >,
        #[graphql(
            default_with = "TimeOrder::NewestFirst",
            desc = "The order of the list."
        )]
        order_by: TimeOrder,
    ) -> Result<WebhookMessageConnection> {
        let scope = require_admin(context)?.scope;
        let arguments = PageArguments::new(first, after, last, before)?;
        let filter = filter.unwrap_or_default();
        let endpoint = filter.endpoint.as_ref();
        let filter = MessageFilter {
            endpoint: node::decode_optional_id("filter.endpoint", Kind::WebhookEndpoint, endpoint)?,
            statuses: filter
                .statuses
                .map(|all| all.into_iter().map(Into::into).collect()),
            events: filter
                .events
                .map(|all| all.into_iter().map(Into::into).collect()),
        };
        let list = webhook_messages::list(scope, filter, order_by.into());
        page::load(context::app(context)?, list, arguments).await
    }
}
