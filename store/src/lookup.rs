//! The lookup of a club's rows by their ids, for every table with an `id`. Rows that are gone, removed or ended are found as well.

use std::borrow::Borrow;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ModelTrait, QueryFilter};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk::select_by_ids, scope::WithId};

/// The row with this id.
pub async fn by_id<M>(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
) -> Result<Option<M>, StoreError>
where
    M: ModelTrait<Entity: WithId>,
    M::Entity: EntityTrait<Model = M>,
{
    let rows = scope.find::<M::Entity>().filter(M::Entity::ID.eq(id));
    Ok(rows.one(connection).await?)
}

/// The rows with these ids, in no order.
pub async fn by_ids<M>(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: impl IntoIterator<Item = impl Borrow<Uuid>>,
) -> Result<Vec<M>, StoreError>
where
    M: ModelTrait<Entity: WithId>,
    M::Entity: EntityTrait<Model = M>,
{
    let rows = scope.find_for_ids::<M::Entity>();
    select_by_ids(connection, rows, M::Entity::ID, ids).await
}
