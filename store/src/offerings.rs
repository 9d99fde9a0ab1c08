//! Offerings and locations: what platforms sell or let people book, and where. Only the latest version of each is stored.

use entity::offering;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};
use uuid::Uuid;

use super::{ClubScope, StoreError};

/// The offering with this id of its source.
pub async fn named(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
    kind: entity::kind::OfferingKind,
    external: &str,
) -> Result<Option<offering::Model>, StoreError> {
    Ok(scope
        .find::<offering::Entity>()
        .filter(offering::Column::SourceId.eq(source))
        .filter(offering::Column::Kind.eq(kind))
        .filter(offering::Column::ExternalId.eq(external))
        .one(connection)
        .await?)
}
