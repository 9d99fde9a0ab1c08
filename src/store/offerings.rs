//! Offerings and locations: what platforms sell or let people book, and where. The latest word about each stands.

use entity::{location, offering};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};
use uuid::Uuid;

use super::{Scope, StoreError, facts::among};

/// Offerings by id.
pub async fn some(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<offering::Model>, StoreError> {
    among(
        connection,
        scope.among::<offering::Entity>(),
        offering::Column::Id,
        ids,
    )
    .await
}

/// One offering by what its source calls it.
pub async fn named(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Locations by id.
pub async fn locations(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<location::Model>, StoreError> {
    among(
        connection,
        scope.among::<location::Entity>(),
        location::Column::Id,
        ids,
    )
    .await
}
