//! The GraphQL type `Offering`: what a platform sells or lets people book.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result};

use super::{loader, node, page, source::Source};
use crate::{id::Kind, store::row};

/// The type of an offering.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::OfferingKind")]
pub enum OfferingKind {
    /// A type of membership, such as a plan or a pack.
    Membership,
    /// A billing item, such as a season pass or an add-on.
    BillingItem,
    /// A class that people register for.
    Class,
    /// An appointment with a person, such as a lesson.
    Appointment,
    /// A course that people register for.
    Course,
    /// A bookable room.
    Room,
    /// A bookable desk.
    Desk,
    /// A bookable office.
    Office,
    /// Bookable equipment.
    Equipment,
    /// A bookable parking space.
    Parking,
    /// Any other bookable resource, such as a simulator, a court or a boat.
    Resource,
}

#[derive(Clone, Debug)]
pub struct Offering(pub Arc<row::Offering>);

impl From<row::Offering> for Offering {
    fn from(row: row::Offering) -> Self {
        Self(Arc::new(row))
    }
}

/// What a platform sells or lets people book. Rule conditions select offerings.
#[Object(crate = "crate::graphql::resolve")]
impl Offering {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Offering, self.0.id)
    }

    /// The source that reported it.
    async fn source(&self, context: &Context<'_>) -> Result<Source> {
        loader::load_required(context, loader::SourceKey(self.0.source_id))
            .await
            .map(Source)
    }

    /// The platform's id.
    async fn external_id(&self) -> ID {
        ID(self.0.external_id.clone())
    }

    /// Type of the offering.
    async fn kind(&self) -> OfferingKind {
        self.0.kind.into()
    }

    /// Name on the platform.
    async fn name(&self) -> &str {
        &self.0.name
    }
}

page::connection!(
    /// A page of offerings.
    OfferingConnection,
    /// An offering and its cursor.
    OfferingEdge,
    Offering
);
