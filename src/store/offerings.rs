//! Offerings and locations: what platforms sell or let people book, and where. Only the latest version of each is stored.

use crate::store::bulk::select_by_ids;
use entity::{location, offering};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};
use uuid::Uuid;

use super::{ClubScope, StoreError};

pub async fn find_by_ids(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<Vec<offering::Model>, StoreError> {
    select_by_ids(
        connection,
        scope.find_for_ids::<offering::Entity>(),
        offering::Column::Id,
        ids,
    )
    .await
}

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

pub async fn locations(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<Vec<location::Model>, StoreError> {
    select_by_ids(
        connection,
        scope.find_for_ids::<location::Entity>(),
        location::Column::Id,
        ids,
    )
    .await
}
