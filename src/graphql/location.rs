//! A site, as a platform names it.

use async_graphql::{Context, ID, Object, Result};

use super::{loader, node, page, scalar::TimeZone, source::Source};
use crate::{id::Kind, store::row};

/// A location, by its row.
#[derive(Clone, Debug)]
pub struct Location(pub row::Location);

impl From<row::Location> for Location {
    fn from(row: row::Location) -> Self {
        Self(row)
    }
}

/// A site, as a platform names it.
#[Object(crate = "crate::graphql::prompt")]
impl Location {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Location, self.0.id)
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

    /// What the platform calls it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Where its clocks are; null: as the source's.
    async fn time_zone(&self) -> Option<TimeZone> {
        self.0.time_zone.clone().map(TimeZone)
    }
}

page::connection!(
    /// Locations, a page of them.
    LocationConnection,
    /// One of the list, with its cursor.
    LocationEdge,
    Location
);
