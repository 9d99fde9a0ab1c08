//! Manual overrides: shares give access, suspensions take it away. Neither is ever edited; one that ends is superseded.

use entity::{share, suspension};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, sea_query::Expr};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

pub async fn create_share(
    connection: &impl ConnectionTrait,
    row: share::Model,
) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// The members' shares that were not ended manually, oldest first.
pub async fn shares_of(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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

/// Ends a share manually.
pub async fn end_share(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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

/// Suspends a member; the suspension supersedes an earlier one.
pub async fn suspend(
    connection: &impl ConnectionTrait,
    row: suspension::Model,
) -> Result<(), StoreError> {
    resume(
        connection,
        ClubScope::new(row.club_id),
        row.member_id,
        row.learned_at,
    )
    .await?;
    bulk::insert(connection, vec![row]).await
}

/// Lifts a member's suspension.
pub async fn resume(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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

/// The members' suspensions that were not lifted.
pub async fn suspensions_of(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<Vec<share::Model>, StoreError> {
    Ok(scope
        .find::<share::Entity>()
        .filter(share::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(share::Column::Id)
        .all(connection)
        .await?)
}
