//! Counts the webhook requests of each source by hour, for 31 days before the latest one: a source that has gone silent keeps the
//! hours in which it was heard.

use std::collections::HashMap;

use entity::arrival;
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

/// The number of hours that are kept.
const HOURS: i64 = 31 * 24;

/// Adds the requests of an hour, and deletes the rows of hours that no longer count. `more` has the numbers to add.
pub async fn add(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    more: arrival::Model,
) -> Result<(), StoreError> {
    let (source, hour) = (more.source_id, more.hour);
    let plus = |column: arrival::Column, number: i64| Expr::col(column).add(number);
    let changed = scope
        .update::<arrival::Entity>()
        .col_expr(
            arrival::Column::Requests,
            plus(arrival::Column::Requests, more.requests),
        )
        .col_expr(
            arrival::Column::Failed,
            plus(arrival::Column::Failed, more.failed),
        )
        .col_expr(
            arrival::Column::Rejected,
            plus(arrival::Column::Rejected, more.rejected),
        )
        .col_expr(arrival::Column::LastAt, Expr::value(more.last_at))
        .filter(arrival::Column::SourceId.eq(source))
        .filter(arrival::Column::Hour.eq(hour))
        .exec(connection)
        .await?;
    if changed.rows_affected > 0 {
        return Ok(());
    }
    bulk::insert(connection, vec![more]).await?;
    scope
        .delete::<arrival::Entity>()
        .filter(arrival::Column::SourceId.eq(source))
        .filter(arrival::Column::Hour.lte(hour - HOURS))
        .exec(connection)
        .await?;
    Ok(())
}

/// The hours of each source in which requests arrived, oldest first.
pub async fn of(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    sources: &[Uuid],
) -> Result<HashMap<Uuid, Vec<arrival::Model>>, StoreError> {
    let rows = scope
        .find::<arrival::Entity>()
        .filter(arrival::Column::SourceId.is_in(sources.iter().copied()))
        .order_by_asc(arrival::Column::Hour)
        .all(connection)
        .await?;
    let mut all: HashMap<Uuid, Vec<arrival::Model>> = HashMap::new();
    for row in rows {
        all.entry(row.source_id).or_default().push(row);
    }
    Ok(all)
}

/// Deletes the hours of a removed source.
pub async fn delete(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
) -> Result<(), StoreError> {
    scope
        .delete::<arrival::Entity>()
        .filter(arrival::Column::SourceId.eq(source))
        .exec(connection)
        .await?;
    Ok(())
}
