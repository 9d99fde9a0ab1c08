//! Offerings and locations: what platforms sell or let people book, and where. Only the latest version of each is stored.

use entity::offering;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder};
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

/// The offerings of a source, by name.
pub async fn of_source(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
) -> Result<Vec<offering::Model>, StoreError> {
    Ok(scope
        .find::<offering::Entity>()
        .filter(offering::Column::SourceId.eq(source))
        .order_by_asc(offering::Column::FoldedName)
        .order_by_asc(offering::Column::Id)
        .all(connection)
        .await?)
}

/// Kisi's ids of the groups that the platform gives with single sales of an offering.
pub fn item_groups(offering: &offering::Model) -> Result<Vec<i64>, StoreError> {
    let groups = offering.item_groups.as_deref().unwrap_or("[]");
    serde_json::from_str(groups).map_err(|_| StoreError::Unreadable {
        what: "groups of an offering",
    })
}
