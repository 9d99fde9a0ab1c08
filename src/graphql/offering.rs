//! What a platform sells or lets people book.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result};

use super::{loader, node, page, source::Source};
use crate::{id::Kind, store::row};

/// What sort of thing an offering is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::OfferingKind")]
pub enum OfferingKind {
    /// A kind of membership, such as a plan or a pack.
    Membership,
    /// Something that is bought: a season pass, an add-on.
    BillingItem,
    /// A class that people register for.
    Class,
    /// A time with somebody, such as a lesson.
    Appointment,
    /// A course that people register for.
    Course,
    /// A room that is booked.
    Room,
    /// A desk that is booked.
    Desk,
    /// An office that is booked.
    Office,
    /// Equipment that is booked.
    Equipment,
    /// A parking space that is booked.
    Parking,
    /// Any other thing that can be booked: a simulator, a court, a boat.
    Resource,
}

/// An offering, by its row.
#[derive(Clone, Debug)]
pub struct Offering(pub Arc<row::Offering>);

impl From<row::Offering> for Offering {
    fn from(row: row::Offering) -> Self {
        Self(Arc::new(row))
    }
}

/// What a platform sells or lets people book: a choice for the conditions of rules.
#[Object(crate = "crate::graphql::prompt")]
impl Offering {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Offering, self.0.id)
    }

    /// The source that names it.
    async fn source(&self, context: &Context<'_>) -> Result<Source> {
        loader::needed(context, loader::SourceKey(self.0.source_id))
            .await
            .map(Source)
    }

    /// The platform's own id.
    async fn external_id(&self) -> ID {
        ID(self.0.external_id.clone())
    }

    /// What sort of thing it is.
    async fn kind(&self) -> OfferingKind {
        self.0.kind.into()
    }

    /// What the platform calls it.
    async fn name(&self) -> &str {
        &self.0.name
    }
}

page::connection!(
    /// Offerings, a page of them.
    OfferingConnection,
    /// One of the list, with its cursor.
    OfferingEdge,
    Offering
);
