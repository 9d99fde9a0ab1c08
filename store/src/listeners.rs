//! Listeners: the endpoints to which Kisi sends the events of an account, and the events that were already processed.

use crate::bulk::select_by_ids;
use entity::{kisi_event, kisi_listener};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

/// The listener with this path key. It has no club scope, because the path is what identifies the club.
pub async fn by_path(
    connection: &impl ConnectionTrait,
    path_key: &str,
) -> Result<Option<kisi_listener::Model>, StoreError> {
    Ok(kisi_listener::Entity::find()
        .filter(kisi_listener::Column::PathKey.eq(path_key))
        .one(connection)
        .await?)
}

pub async fn find_by_ids(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    accounts: &[Uuid],
) -> Result<Vec<kisi_listener::Model>, StoreError> {
    select_by_ids(
        connection,
        scope.find::<kisi_listener::Entity>(),
        kisi_listener::Column::AccountId,
        accounts,
    )
    .await
}

pub async fn get(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<Option<kisi_listener::Model>, StoreError> {
    Ok(find_by_ids(connection, scope, &[account]).await?.pop())
}

/// Inserts a listener, unless the account has one.
pub async fn create(
    connection: &impl ConnectionTrait,
    row: kisi_listener::Model,
) -> Result<(), StoreError> {
    let keep_existing = OnConflict::column(kisi_listener::Column::AccountId)
        .do_nothing()
        .to_owned();
    bulk::insert_on(connection, vec![row], Some(keep_existing)).await
}

/// Sets the id of the listener's integration in Kisi, and whether that integration is in place.
pub async fn set(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    kisi_id: Option<i64>,
    registered: bool,
) -> Result<(), StoreError> {
    scope
        .update::<kisi_listener::Entity>()
        .col_expr(kisi_listener::Column::KisiId, Expr::value(kisi_id))
        .col_expr(kisi_listener::Column::Registered, Expr::value(registered))
        .filter(kisi_listener::Column::AccountId.eq(account))
        .exec(connection)
        .await?;
    Ok(())
}

/// Deletes a listener: requests to its path are refused from now on.
pub async fn remove(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<(), StoreError> {
    scope
        .delete::<kisi_listener::Entity>()
        .filter(kisi_listener::Column::AccountId.eq(account))
        .exec(connection)
        .await?;
    Ok(())
}

/// Records an event; false if it was already recorded.
pub async fn record_event(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    row: kisi_event::Model,
) -> Result<bool, StoreError> {
    let noted = OnConflict::columns([kisi_event::Column::AccountId, kisi_event::Column::EventKey])
        .do_nothing()
        .to_owned();
    let (account, key, receipt) = (row.account_id, row.event_key.clone(), row.receipt);
    bulk::insert_on(connection, vec![row], Some(noted)).await?;
    let first = scope
        .find::<kisi_event::Entity>()
        .filter(kisi_event::Column::AccountId.eq(account))
        .filter(kisi_event::Column::EventKey.eq(key))
        .one(connection)
        .await?;
    Ok(first.is_some_and(|first| first.receipt == receipt))
}

/// Deletes all events that were received before an instant.
pub async fn forget(connection: &impl ConnectionTrait, before: i64) -> Result<(), StoreError> {
    kisi_event::Entity::delete_many()
        .filter(kisi_event::Column::ReceivedAt.lt(before))
        .exec(connection)
        .await?;
    Ok(())
}
