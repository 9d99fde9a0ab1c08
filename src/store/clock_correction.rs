//! What was stored while the machine's clock was ahead, and would wait until the clock is there again. Called by the loop where it
//! finds that the clock was put back.

use entity::{delivery, due, history, kisi_account, source};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::StoreError;

/// The greatest of the ids that are made in the order of time: of deliveries and of the history.
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

/// Whoever was looked at by a clock that was ahead is looked at again, and nothing waits for an instant that was reckoned by it.
/// Kisi and the platforms are read again.
pub async fn look_at_everything(
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
