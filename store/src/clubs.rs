//! Clubs. A transaction that changes a club's facts, rules or overrides begins with `touch`, which raises the club's revision
//! and, on PostgreSQL, locks the club's row until the transaction ends: one transaction at a time changes the facts of a club.

use entity::club;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, LockType},
};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

pub async fn create(connection: &impl ConnectionTrait, row: club::Model) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// The club of the scope, if it exists.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Option<club::Model>, StoreError> {
    Ok(scope.find::<club::Entity>().one(connection).await?)
}

/// All clubs. For internal use only, never for a request.
pub async fn all(connection: &impl ConnectionTrait) -> Result<Vec<club::Model>, StoreError> {
    Ok(club::Entity::find()
        .order_by_asc(club::Column::Id)
        .all(connection)
        .await?)
}

/// The only club; none if there are several, or none.
pub async fn only(connection: &impl ConnectionTrait) -> Result<Option<Uuid>, StoreError> {
    let ids: Vec<Uuid> = club::Entity::find()
        .select_only()
        .column(club::Column::Id)
        .limit(2)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(match ids.as_slice() {
        [only] => Some(*only),
        _ => None,
    })
}

/// Raises the revision. The first statement of every transaction that changes facts, rules or overrides.
pub async fn touch(connection: &impl ConnectionTrait, scope: ClubScope) -> Result<(), StoreError> {
    scope
        .update::<club::Entity>()
        .col_expr(
            club::Column::Revision,
            Expr::col(club::Column::Revision).add(1),
        )
        .exec(connection)
        .await?;
    Ok(())
}

/// Takes the same lock as `touch` without changing anything. The first statement of a transaction that marks all members due
/// for another reason: without the lock, a member that another transaction adds meanwhile would be marked by neither.
pub async fn lock(connection: &impl ConnectionTrait, scope: ClubScope) -> Result<(), StoreError> {
    club::Entity::find_by_id(scope.club)
        .select_only()
        .column(club::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<Uuid>()
        .one(connection)
        .await?;
    Ok(())
}

pub async fn set(connection: &impl ConnectionTrait, row: &club::Model) -> Result<(), StoreError> {
    club::Entity::update_many()
        .col_expr(club::Column::Name, Expr::value(row.name.clone()))
        .col_expr(club::Column::TimeZone, Expr::value(row.time_zone.clone()))
        .col_expr(club::Column::BrakeEnabled, Expr::value(row.brake_enabled))
        .col_expr(club::Column::BrakePeople, Expr::value(row.brake_people))
        .col_expr(club::Column::BrakePercent, Expr::value(row.brake_percent))
        .col_expr(club::Column::BrakeWindowS, Expr::value(row.brake_window_s))
        .col_expr(
            club::Column::UnlockVisibility,
            Expr::value(row.unlock_visibility),
        )
        .filter(club::Column::Id.eq(row.id))
        .exec(connection)
        .await?;
    Ok(())
}
