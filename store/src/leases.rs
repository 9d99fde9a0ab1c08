//! Leases: at most one process reads a source, or prunes, at a time. An expired lease can be taken over.
//! Times are from the database's clock, which all replicas share. A lease that expires later than its length allows was taken
//! while that clock was wrong, and counts as expired.

use std::time::Duration;

use entity::lease;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{StoreError, bulk};

/// Takes or renews a lease for `length` from now. False if another holder has it. With `take_over` it is taken in any case:
/// the caller knows that its holder is gone.
pub async fn acquire(
    connection: &impl ConnectionTrait,
    name: &str,
    holder: &str,
    length: Duration,
    take_over: bool,
) -> Result<bool, StoreError> {
    let row = lease::Model {
        name: name.to_owned(),
        holder: holder.to_owned(),
        expires_at: 0,
    };
    let taken = OnConflict::column(lease::Column::Name)
        .do_nothing()
        .to_owned();
    bulk::insert_on(connection, vec![row], Some(taken)).await?;
    let mut update = lease::Entity::update_many()
        .col_expr(lease::Column::Holder, Expr::value(holder.to_owned()))
        .col_expr(lease::Column::ExpiresAt, end(connection, length))
        .filter(lease::Column::Name.eq(name));
    if !take_over {
        let mine_or_free = Condition::any()
            .add(lease::Column::Holder.eq(holder))
            .add(Expr::col(lease::Column::ExpiresAt).lte(now(connection)))
            .add(Expr::col(lease::Column::ExpiresAt).gt(end(connection, length)));
        update = update.filter(mine_or_free);
    }
    Ok(update.exec(connection).await?.rows_affected > 0)
}

/// Releases a lease, so that others can take it before it expires.
pub async fn release(
    connection: &impl ConnectionTrait,
    name: &str,
    holder: &str,
) -> Result<(), StoreError> {
    lease::Entity::delete_many()
        .filter(lease::Column::Name.eq(name))
        .filter(lease::Column::Holder.eq(holder))
        .exec(connection)
        .await?;
    Ok(())
}

/// Whether `holder` holds a lease now; the row stays locked until the end of the transaction.
pub async fn confirm(
    connection: &impl ConnectionTrait,
    name: &str,
    holder: &str,
) -> Result<bool, StoreError> {
    let confirmed = lease::Entity::update_many()
        .col_expr(lease::Column::Holder, Expr::value(holder.to_owned()))
        .filter(lease::Column::Name.eq(name))
        .filter(lease::Column::Holder.eq(holder))
        .filter(Expr::col(lease::Column::ExpiresAt).gt(now(connection)))
        .exec(connection)
        .await?;
    Ok(confirmed.rows_affected > 0)
}

/// The stored lease, expired or not.
pub async fn get(
    connection: &impl ConnectionTrait,
    name: &str,
) -> Result<Option<lease::Model>, StoreError> {
    Ok(lease::Entity::find()
        .filter(lease::Column::Name.eq(name))
        .one(connection)
        .await?)
}

/// Whether `holder` holds a lease now.
pub async fn is_held_by(
    connection: &impl ConnectionTrait,
    name: &str,
    holder: &str,
) -> Result<bool, StoreError> {
    let lease = lease::Entity::find()
        .filter(lease::Column::Name.eq(name))
        .filter(lease::Column::Holder.eq(holder))
        .filter(Expr::col(lease::Column::ExpiresAt).gt(now(connection)))
        .one(connection)
        .await?;
    Ok(lease.is_some())
}

/// The database's time plus `length`.
pub(crate) fn end(connection: &impl ConnectionTrait, length: Duration) -> Expr {
    let micros = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    now(connection).add(micros)
}

/// The database's time in microseconds since 1970. For SQLite it is this machine's time.
pub(crate) fn now(connection: &impl ConnectionTrait) -> Expr {
    Expr::cust(match connection.get_database_backend() {
        DbBackend::Postgres => "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint",
        _ => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
    })
}
