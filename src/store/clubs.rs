//! Clubs. Writing to a club begins with `touch`, which raises its revision and, on PostgreSQL, keeps other writers of the
//! same club waiting until the transaction ends: facts of one club are changed by one transaction at a time.

use entity::club;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, LockType},
};
use uuid::Uuid;

use super::{Scope, StoreError, bulk};

/// Makes a club.
pub async fn create(connection: &impl ConnectionTrait, row: club::Model) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// The club of the scope.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Option<club::Model>, StoreError> {
    Ok(scope.find::<club::Entity>().one(connection).await?)
}

/// Every club: for the program itself, never for a request.
pub async fn all(connection: &impl ConnectionTrait) -> Result<Vec<club::Model>, StoreError> {
    Ok(club::Entity::find()
        .order_by_asc(club::Column::Id)
        .all(connection)
        .await?)
}

/// Raises the revision; the first statement of every transaction that changes facts, rules or overrides.
pub async fn touch(connection: &impl ConnectionTrait, scope: Scope) -> Result<(), StoreError> {
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

/// Waits for whoever changes facts, rules or overrides of a club, as `touch` does, and changes nothing: the first statement of
/// a transaction that marks everybody for another reason. Somebody who becomes a member meanwhile is marked by neither
/// otherwise.
pub async fn hold(connection: &impl ConnectionTrait, scope: Scope) -> Result<(), StoreError> {
    club::Entity::find_by_id(scope.club)
        .select_only()
        .column(club::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<Uuid>()
        .one(connection)
        .await?;
    Ok(())
}

/// Writes the settings of a club.
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
