//! A webhook request that was let in. Its body and headers stay inside.

use async_graphql::{Context, Enum, ID, Object, Result};

use super::{context::reads, loader, member::Member, node, page, scalar::DateTime, source::Source};
use crate::{id::Kind, store::row};

/// What became of a delivery.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::DeliveryStatus")]
pub enum DeliveryStatus {
    /// Stored, and its members are being looked at.
    Accepted,
    /// Its members' access in Kisi is what it should be.
    Settled,
    /// Settled, but for revocations that the brake holds.
    Held,
    /// Valid, and nothing here depends on it.
    Ignored,
    /// It could not be understood; it waits for a person, and can be replayed.
    Failed,
}

/// A delivery, by its row, be it with or without the body.
#[derive(Clone, Debug)]
pub struct Delivery(pub row::Delivery);

impl From<row::Delivery> for Delivery {
    fn from(row: row::Delivery) -> Self {
        Self(row)
    }
}

/// One webhook request that was let in.
#[Object(crate = "crate::graphql::prompt")]
impl Delivery {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Delivery, self.0.id)
    }

    /// The source that it came from.
    async fn source(&self, context: &Context<'_>) -> Result<Source> {
        loader::needed(context, loader::SourceKey(self.0.source_id))
            .await
            .map(Source)
    }

    /// The sender's id for it, which a repeat bears too.
    async fn external_id(&self) -> ID {
        ID(self.0.external_id.clone())
    }

    /// The sender's word for what happened; null where that could not be read.
    async fn event_type(&self) -> Option<&str> {
        self.0.event_type.as_deref()
    }

    /// What became of it.
    async fn status(&self) -> DeliveryStatus {
        self.0.status.into()
    }

    /// Why it was ignored or failed; null where nothing is to be said.
    async fn problem(&self) -> Option<&str> {
        self.0.problem.as_deref()
    }

    /// When it happened at the sender; null where that could not be read.
    async fn occurred_at(&self) -> Option<DateTime> {
        self.0.occurred_at.map(DateTime)
    }

    /// When it first came.
    async fn received_at(&self) -> DateTime {
        DateTime(self.0.received_at)
    }

    /// When every Kisi write that it led to was confirmed; null until then.
    async fn settled_at(&self) -> Option<DateTime> {
        self.0.settled_at.map(DateTime)
    }

    /// Whom it is about, by name.
    #[graphql(complexity = "crate::graphql::page::times(10, child_complexity)")]
    async fn members(&self, context: &Context<'_>) -> Result<Vec<Member>> {
        reads(context)?;
        let ids = loader::one(context, loader::MembersOf(self.0.id))
            .await?
            .unwrap_or_default();
        let members = loader::many(context, ids.into_iter().map(loader::MemberKey)).await?;
        Ok(page::by_name(members).into_iter().map(Member).collect())
    }

    /// What was not read of it, in words for its sender; empty where all of it was.
    async fn warnings(&self) -> Result<Vec<String>> {
        let warnings = self.0.warnings.as_deref().map(serde_json::from_str);
        let warnings = warnings.transpose().map_err(super::error::inside)?;
        Ok(warnings.unwrap_or_default())
    }

    /// How often the same delivery came.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }
}

page::connection!(
    /// Deliveries, a page of them.
    DeliveryConnection,
    /// One of the list, with its cursor.
    DeliveryEdge,
    Delivery
);
