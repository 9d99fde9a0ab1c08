//! Leases: one worker for each Kisi account at a time, whatever the number of replicas. A lease that runs out is taken over.

use entity::lease;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

use super::{StoreError, bulk};

/// Takes or renews a lease. False where somebody else holds it.
pub async fn hold(
    connection: &impl ConnectionTrait,
    name: &str,
    holder: &str,
    now: i64,
    expires_at: i64,
) -> Result<bool, StoreError> {
    let row = lease::Model {
        name: name.to_owned(),
        holder: holder.to_owned(),
        expires_at,
    };
    let taken = OnConflict::column(lease::Column::Name)
        .do_nothing()
        .to_owned();
    bulk::insert_on(connection, vec![row], Some(taken)).await?;
    let mine_or_free = Condition::any()
        .add(lease::Column::Holder.eq(holder))
        .add(lease::Column::ExpiresAt.lte(now));
    let held = lease::Entity::update_many()
        .col_expr(lease::Column::Holder, Expr::value(holder.to_owned()))
        .col_expr(lease::Column::ExpiresAt, Expr::value(expires_at))
        .filter(lease::Column::Name.eq(name))
        .filter(mine_or_free)
        .exec(connection)
        .await?;
    Ok(held.rows_affected > 0)
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
