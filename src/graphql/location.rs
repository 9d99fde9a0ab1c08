//! The GraphQL type `Location`: a location (site) of a club platform.

use async_graphql::{Context, ID, Object, Result};

use super::{loader, node, page, scalar::TimeZone, source::Source};
use crate::{id::Kind, store::row};

#[derive(Clone, Debug)]
pub struct Location(pub row::Location);

impl From<row::Location> for Location {
    fn from(row: row::Location) -> Self {
        Self(row)
    }
}

/// A location (site) of a club platform.
#[Object(crate = "crate::graphql::resolve")]
impl Location {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Location, self.0.id)
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

    /// Name on the platform.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Time zone; null if it uses the time zone of its source.
    async fn time_zone(&self) -> Option<TimeZone> {
        self.0.time_zone.clone().map(TimeZone)
    }
}

page::connection!(
    /// A page of locations.
    LocationConnection,
    /// A location and its cursor.
    LocationEdge,
    Location
);
