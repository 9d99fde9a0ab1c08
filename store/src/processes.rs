//! Running processes: each renews one row. A process is declared dead by deleting its expired row, so that its own late renewal
//! finds no row and it stops working. Times are from the database's clock, which all processes share. A row that expires later
//! than the length allows was written while that clock was wrong, and counts as expired.

use std::time::Duration;

use entity::process;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::{StoreError, bulk, leases};

/// Adds a process, whose row expires after `length`.
pub async fn register(
    connection: &impl ConnectionTrait,
    holder: &str,
    length: Duration,
) -> Result<(), StoreError> {
    let row = process::Model {
        holder: holder.to_owned(),
        expires_at: 0,
    };
    bulk::insert(connection, vec![row]).await?;
    set_end(connection, holder, length).await?;
    Ok(())
}

/// Renews a process for `length` from now. False if it was declared dead, or its row has expired.
pub async fn renew(
    connection: &impl ConnectionTrait,
    holder: &str,
    length: Duration,
) -> Result<bool, StoreError> {
    let expired = is_expired(connection, length);
    let dead = process::Entity::delete_many()
        .filter(process::Column::Holder.eq(holder))
        .filter(expired)
        .exec(connection)
        .await?;
    Ok(dead.rows_affected == 0 && set_end(connection, holder, length).await?)
}

async fn set_end(
    connection: &impl ConnectionTrait,
    holder: &str,
    length: Duration,
) -> Result<bool, StoreError> {
    let renewed = process::Entity::update_many()
        .col_expr(process::Column::ExpiresAt, leases::end(connection, length))
        .filter(process::Column::Holder.eq(holder))
        .exec(connection)
        .await?;
    Ok(renewed.rows_affected > 0)
}

/// The processes that were not declared dead, by name.
pub async fn all(connection: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    Ok(process::Entity::find()
        .select_only()
        .column(process::Column::Holder)
        .order_by_asc(process::Column::Holder)
        .into_tuple()
        .all(connection)
        .await?)
}

/// Declares the processes dead whose rows have expired. `length` is the length of their rows.
pub async fn bury_expired(
    connection: &impl ConnectionTrait,
    length: Duration,
) -> Result<(), StoreError> {
    process::Entity::delete_many()
        .filter(is_expired(connection, length))
        .exec(connection)
        .await?;
    Ok(())
}

/// Declares a process dead that has ended.
pub async fn remove(connection: &impl ConnectionTrait, holder: &str) -> Result<(), StoreError> {
    process::Entity::delete_many()
        .filter(process::Column::Holder.eq(holder))
        .exec(connection)
        .await?;
    Ok(())
}

fn is_expired(connection: &impl ConnectionTrait, length: Duration) -> Condition {
    let expires_at = || Expr::col(process::Column::ExpiresAt);
    Condition::any()
        .add(expires_at().lte(leases::now(connection)))
        .add(expires_at().gt(leases::end(connection, length)))
}
