//! Where Kisi sends the events of an account, and which of them were taken in already.

use entity::{kisi_event, kisi_listener};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::{Scope, StoreError, bulk, facts::among};

/// The listener whose address this is: the one query that knows no club yet, for it is what says which.
pub async fn by_path(
    connection: &impl ConnectionTrait,
    path_key: &str,
) -> Result<Option<kisi_listener::Model>, StoreError> {
    Ok(kisi_listener::Entity::find()
        .filter(kisi_listener::Column::PathKey.eq(path_key))
        .one(connection)
        .await?)
}

/// The listeners of accounts.
pub async fn some(
    connection: &impl ConnectionTrait,
    scope: Scope,
    accounts: &[Uuid],
) -> Result<Vec<kisi_listener::Model>, StoreError> {
    among(
        connection,
        scope.find::<kisi_listener::Entity>(),
        kisi_listener::Column::AccountId,
        accounts,
    )
    .await
}

/// The listener of an account.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
) -> Result<Option<kisi_listener::Model>, StoreError> {
    Ok(some(connection, scope, &[account]).await?.pop())
}

/// Makes a listener; one that is there stays.
pub async fn create(
    connection: &impl ConnectionTrait,
    row: kisi_listener::Model,
) -> Result<(), StoreError> {
    let there = OnConflict::column(kisi_listener::Column::AccountId)
        .do_nothing()
        .to_owned();
    bulk::insert_on(connection, vec![row], Some(there)).await
}

/// Which integration of Kisi's it is, and whether that stands.
pub async fn set(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    kisi_id: Option<i64>,
    stands: bool,
) -> Result<(), StoreError> {
    scope
        .update::<kisi_listener::Entity>()
        .col_expr(kisi_listener::Column::KisiId, Expr::value(kisi_id))
        .col_expr(kisi_listener::Column::Stands, Expr::value(stands))
        .filter(kisi_listener::Column::AccountId.eq(account))
        .exec(connection)
        .await?;
    Ok(())
}

/// Forgets a listener: what comes to its address is refused from now on.
pub async fn remove(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
) -> Result<(), StoreError> {
    scope
        .delete::<kisi_listener::Entity>()
        .filter(kisi_listener::Column::AccountId.eq(account))
        .exec(connection)
        .await?;
    Ok(())
}

/// Notes an event; false where it was noted before.
pub async fn note(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Forgets an account's events that were received before an instant.
pub async fn forget(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    before: i64,
) -> Result<(), StoreError> {
    scope
        .delete::<kisi_event::Entity>()
        .filter(kisi_event::Column::AccountId.eq(account))
        .filter(kisi_event::Column::ReceivedAt.lt(before))
        .exec(connection)
        .await?;
    Ok(())
}
