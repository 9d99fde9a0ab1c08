//! Queries for lists of what staff created: shares, suspensions and tokens; and of companies and rejected requests.

use async_graphql::{Context, ID, Object, Result};

use crate::{
    graphql::{
        company::CompanyConnection,
        context::{self, require_admin, require_staff},
        error::internal_error,
        loader, node,
        page::{self, PageArguments},
        share::ShareConnection,
        source::RejectedRequests,
        suspension::SuspensionConnection,
        token::{StaffSession, TokenConnection},
    },
    id::Kind,
    store::{listings, rejections, tokens},
};

#[derive(Default)]
pub struct RecordLists;

#[Object(crate = "crate::graphql::resolve")]
impl RecordLists {
    /// Access granted manually, newest first.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn shares(
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
        #[graphql(
            default = false,
            desc = "Whether those that are over or were ended are listed too."
        )]
        include_ended: bool,
    ) -> Result<ShareConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let now = loader::instant(context, None)?.micros();
        let list = listings::shares(scope, include_ended, now);
        page::load(context::app(context)?, list, arguments).await
    }

    /// Suspensions, newest first.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn suspensions(
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
        #[graphql(
            default = false,
            desc = "Whether those that are over or were ended are listed too."
        )]
        include_ended: bool,
    ) -> Result<SuspensionConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let now = loader::instant(context, None)?.micros();
        let list = listings::suspensions(scope, include_ended, now);
        page::load(context::app(context)?, list, arguments).await
    }

    /// Tokens by name, without member sessions. Requires an ADMIN token.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn tokens(
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
    ) -> Result<TokenConnection> {
        let scope = require_admin(context)?.scope;
        let arguments = PageArguments::new(first, after, last, before)?;
        let list = listings::tokens(scope);
        page::load(context::app(context)?, list, arguments).await
    }

    /// The staff who are signed in to the console with the identity provider, the latest first. Requires an ADMIN token.
    #[graphql(complexity = "page::capped_product(50, child_complexity)")]
    async fn staff_sessions(&self, context: &Context<'_>) -> Result<Vec<StaffSession>> {
        let scope = require_admin(context)?.scope;
        let now = loader::instant(context, None)?.micros();
        let db = context::app(context)?.db.read();
        let rows = tokens::staff_sessions(db, scope, now).await;
        let rows = rows.map_err(internal_error)?.into_iter();
        Ok(rows.map(StaffSession::from).collect())
    }

    /// Companies by name.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn companies(
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
    ) -> Result<CompanyConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let list = listings::companies(scope);
        page::load(context::app(context)?, list, arguments).await
    }

    /// Webhook requests that were rejected in the last 24 hours, by source and hour, the latest first. Their contents are not
    /// stored.
    #[graphql(complexity = "page::capped_product(24, child_complexity)")]
    async fn rejected_requests(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Restricts the list to this source. Defaults to all sources.")]
        source: Option<ID>,
    ) -> Result<Vec<RejectedRequests>> {
        let scope = require_staff(context)?;
        let source = node::decode_optional_id("source", Kind::Source, source.as_ref())?;
        let now = loader::instant(context, None)?.micros();
        let db = context::app(context)?.db.read();
        let rows = rejections::by_hour(db, scope, source, now).await;
        Ok(rows
            .map_err(internal_error)?
            .into_iter()
            .map(RejectedRequests)
            .collect())
    }
}
