//! The GraphQL type `Delivery`: an accepted webhook request. Only ADMIN may read its body; its headers are not exposed.

use async_graphql::{Context, Enum, ID, Object, Result};

use super::{
    context::{require_admin, require_staff},
    loader,
    member::Member,
    node, page,
    scalar::DateTime,
    source::Source,
};
use crate::{id::Kind, store::row};

/// Processing status of a delivery.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::DeliveryStatus")]
pub enum DeliveryStatus {
    /// Stored; the access of its members is being reconciled.
    Accepted,
    /// The access of its members in Kisi is up to date.
    Settled,
    /// Settled, except for revocations that the brake holds.
    Held,
    /// Valid, but irrelevant to this service.
    Ignored,
    /// It could not be processed. It needs a person to look at it, and can be replayed.
    Failed,
}

/// Why the body of a delivery is no longer stored.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::BodyRemoval")]
pub enum BodyRemoval {
    /// It was kept for the time of the setting `keep_bodies`.
    Expired,
    /// It named a person who was erased.
    Erased,
}

#[derive(Clone, Debug)]
pub struct Delivery(pub row::Delivery);

impl From<row::Delivery> for Delivery {
    fn from(row: row::Delivery) -> Self {
        Self(row)
    }
}

/// An accepted webhook request.
#[Object(crate = "crate::graphql::resolve")]
impl Delivery {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Delivery, self.0.id)
    }

    /// The source that sent it.
    async fn source(&self, context: &Context<'_>) -> Result<Source> {
        loader::load_required(context, loader::SourceKey(self.0.source_id))
            .await
            .map(Source)
    }

    /// The sender's id of the event; repeats of the same event have the same id.
    async fn external_id(&self) -> ID {
        ID(self.0.external_id.clone())
    }

    /// The sender's event type; null if it could not be read.
    async fn event_type(&self) -> Option<&str> {
        self.0.event_type.as_deref()
    }

    /// Processing status.
    async fn status(&self) -> DeliveryStatus {
        self.0.status.into()
    }

    /// Why it was ignored or failed; null if there is no problem.
    async fn problem(&self) -> Option<&str> {
        self.0.problem.as_deref()
    }

    /// When the event happened, according to the sender; null if that could not be read.
    async fn occurred_at(&self) -> Option<DateTime> {
        self.0.occurred_at.map(DateTime)
    }

    /// When it was first received.
    async fn received_at(&self) -> DateTime {
        DateTime(self.0.received_at)
    }

    /// When every Kisi write that it caused was confirmed; null until then.
    async fn settled_at(&self) -> Option<DateTime> {
        self.0.settled_at.map(DateTime)
    }

    /// The members that it concerns, by name.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn members(&self, context: &Context<'_>) -> Result<Vec<Member>> {
        require_staff(context)?;
        let ids = loader::load(context, loader::MembersOf(self.0.id))
            .await?
            .unwrap_or_default();
        let members = loader::load_many(context, ids.into_iter().map(loader::MemberKey)).await?;
        Ok(page::by_name(members).into_iter().map(Member).collect())
    }

    /// Parts of the event that were ignored, as messages for its sender; empty if everything was read.
    async fn warnings(&self) -> Result<Vec<String>> {
        let warnings = self.0.warnings.as_deref().map(serde_json::from_str);
        let warnings = warnings.transpose().map_err(super::error::internal_error)?;
        Ok(warnings.unwrap_or_default())
    }

    /// The body as it was sent, as text; bytes that are not UTF-8 are replaced. Null if none is stored, as for an unsigned
    /// request or after a time (`bodyRemoved`). It contains what the sender says of people. Requires an ADMIN token.
    #[graphql(complexity = 500)]
    async fn body(&self, context: &Context<'_>) -> Result<Option<String>> {
        require_admin(context)?;
        let body = loader::load(context, loader::BodyKey(self.0.id)).await?;
        let body = body.filter(|body| !body.is_empty());
        Ok(body.map(|body| String::from_utf8_lossy(&body).into_owned()))
    }

    /// Why the body is no longer stored, so that the delivery cannot be replayed; null while it is stored, or if there was none.
    async fn body_removed(&self) -> Option<BodyRemoval> {
        self.0.body_removed.map(BodyRemoval::from)
    }

    /// When it was dismissed after it had failed; null if nobody dismissed it.
    async fn dismissed_at(&self) -> Option<DateTime> {
        self.0.dismissed_at.map(DateTime)
    }

    /// Who dismissed it: the name of the token.
    async fn dismissed_by(&self, context: &Context<'_>) -> Result<Option<&str>> {
        require_staff(context)?;
        Ok(self.0.dismissed_by.as_deref())
    }

    /// Why it was dismissed.
    async fn dismissed_reason(&self, context: &Context<'_>) -> Result<Option<&str>> {
        require_staff(context)?;
        Ok(self.0.dismissed_reason.as_deref())
    }

    /// How many times this delivery was received, counting repeats.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }
}

page::connection!(
    /// A page of deliveries.
    DeliveryConnection,
    /// A delivery and its cursor.
    DeliveryEdge,
    Delivery
);
