//! Access by hand and its opposite: shares and suspensions. Neither is ever edited; what ends is superseded.

use entity::{share, suspension};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, sea_query::Expr};
use uuid::Uuid;

use super::{Scope, StoreError, bulk};

/// Gives a share.
pub async fn share(connection: &impl ConnectionTrait, row: share::Model) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// A share, ended or not.
pub async fn get_share(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<share::Model>, StoreError> {
    Ok(scope
        .find::<share::Entity>()
        .filter(share::Column::Id.eq(id))
        .one(connection)
        .await?)
}

/// The shares of members that have not been ended by hand, oldest first.
pub async fn shares_of(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: &[Uuid],
) -> Result<Vec<share::Model>, StoreError> {
    Ok(scope
        .find::<share::Entity>()
        .filter(share::Column::MemberId.is_in(members.iter().copied()))
        .filter(share::Column::SupersededAt.is_null())
        .order_by_asc(share::Column::Id)
        .all(connection)
        .await?)
}

/// Ends a share by hand.
pub async fn end_share(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    scope
        .update::<share::Entity>()
        .col_expr(share::Column::SupersededAt, Expr::value(Some(now)))
        .filter(share::Column::Id.eq(id))
        .filter(share::Column::SupersededAt.is_null())
        .exec(connection)
        .await?;
    Ok(())
}

/// Suspends a member, in the place of an earlier suspension.
pub async fn suspend(
    connection: &impl ConnectionTrait,
    row: suspension::Model,
) -> Result<(), StoreError> {
    resume(
        connection,
        Scope::new(row.club_id),
        row.member_id,
        row.learned_at,
    )
    .await?;
    bulk::insert(connection, vec![row]).await
}

/// Lifts a member's suspension.
pub async fn resume(
    connection: &impl ConnectionTrait,
    scope: Scope,
    member: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    scope
        .update::<suspension::Entity>()
        .col_expr(suspension::Column::SupersededAt, Expr::value(Some(now)))
        .filter(suspension::Column::MemberId.eq(member))
        .filter(suspension::Column::SupersededAt.is_null())
        .exec(connection)
        .await?;
    Ok(())
}

/// The suspensions of members that have not been lifted.
pub async fn suspensions_of(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: &[Uuid],
) -> Result<Vec<suspension::Model>, StoreError> {
    Ok(scope
        .find::<suspension::Entity>()
        .filter(suspension::Column::MemberId.is_in(members.iter().copied()))
        .filter(suspension::Column::SupersededAt.is_null())
        .all(connection)
        .await?)
}

/// Shares by id, ended or not.
pub async fn some_shares(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<share::Model>, StoreError> {
    Ok(scope
        .find::<share::Entity>()
        .filter(share::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(share::Column::Id)
        .all(connection)
        .await?)
}

/// A suspension, lifted or not.
pub async fn get_suspension(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<suspension::Model>, StoreError> {
    Ok(scope
        .find::<suspension::Entity>()
        .filter(suspension::Column::Id.eq(id))
        .one(connection)
        .await?)
}
