//! Leases: one worker for each Kisi account and each source at a time, whatever the number of replicas. A lease that runs out is
//! taken over. Its times are those of the database's clock, which all replicas share; one that ends later than a lease can last
//! was taken while that clock was wrong, and counts for nothing.

use std::time::Duration;

use entity::lease;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{StoreError, bulk};

/// Takes or renews a lease for a length of time from now. False where somebody else holds it, unless it is to be taken over
/// from a holder that is known to be gone.
pub async fn hold(
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

/// Lets a lease go, so that another need not wait until it runs out.
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

/// A lease as it is.
pub async fn get(
    connection: &impl ConnectionTrait,
    name: &str,
) -> Result<Option<lease::Model>, StoreError> {
    Ok(lease::Entity::find()
        .filter(lease::Column::Name.eq(name))
        .one(connection)
        .await?)
}

/// Whether somebody holds a lease now.
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

/// Whether anybody holds a lease now.
pub async fn is_held(connection: &impl ConnectionTrait, name: &str) -> Result<bool, StoreError> {
    let lease = lease::Entity::find()
        .filter(lease::Column::Name.eq(name))
        .filter(Expr::col(lease::Column::ExpiresAt).gt(now(connection)))
        .one(connection)
        .await?;
    Ok(lease.is_some())
}

fn end(connection: &impl ConnectionTrait, length: Duration) -> Expr {
    let micros = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    now(connection).add(micros)
}

/// The database's time, in microseconds since 1970. A SQLite file's is that of this machine.
fn now(connection: &impl ConnectionTrait) -> Expr {
    Expr::cust(match connection.get_database_backend() {
        DbBackend::Postgres => "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint",
        _ => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
    })
}
