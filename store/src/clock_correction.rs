//! Repairs instants that were stored while the machine's clock was ahead and would otherwise be waited for. Called by the loop
//! when it detects that the clock was set back.

use entity::{delivery, due, history, kisi_account, source};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::StoreError;

/// The greatest time-ordered id among deliveries and history entries.
pub async fn latest_id(connection: &impl ConnectionTrait) -> Result<Option<Uuid>, StoreError> {
    let deliveries = delivery::Entity::find()
        .select_only()
        .column(delivery::Column::Id)
        .order_by_desc(delivery::Column::Id)
        .into_tuple()
        .one(connection)
        .await?;
    let entries = history::Entity::find()
        .select_only()
        .column(history::Column::Id)
        .order_by_desc(history::Column::Id)
        .into_tuple()
        .one(connection)
        .await?;
    Ok(std::cmp::max(deliveries, entries))
}

/// Makes every member, sweep and source read that is due after `now` due now, and ends back-offs that last beyond `now`.
/// Members are marked again, so that evaluations by the wrong clock are repeated.
pub async fn reset_future_instants(
    connection: &impl ConnectionTrait,
    now: i64,
) -> Result<(), StoreError> {
    due::Entity::update_many()
        .col_expr(due::Column::DueAt, Expr::value(now))
        .col_expr(
            due::Column::Generation,
            Expr::col(due::Column::Generation).add(1),
        )
        .col_expr(due::Column::Lane, Expr::value(None::<i32>))
        .filter(due::Column::DueAt.gt(now))
        .exec(connection)
        .await?;
    kisi_account::Entity::update_many()
        .col_expr(kisi_account::Column::StoppedUntil, Expr::value(None::<i64>))
        .filter(kisi_account::Column::StoppedUntil.gt(now))
        .exec(connection)
        .await?;
    kisi_account::Entity::update_many()
        .col_expr(kisi_account::Column::ReadDueAt, Expr::value(now))
        .filter(kisi_account::Column::ReadDueAt.gt(now))
        .exec(connection)
        .await?;
    source::Entity::update_many()
        .col_expr(source::Column::ReadDueAt, Expr::value(now))
        .col_expr(source::Column::ReadNotBefore, Expr::value(now))
        .filter(source::Column::ReadDueAt.gt(now))
        .exec(connection)
        .await?;
    Ok(())
}
