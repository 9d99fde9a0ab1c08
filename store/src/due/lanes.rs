//! Which due rows the loop takes next: those without a lane to sort them, those with one by urgency.

use entity::due;
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Query},
};
use uuid::Uuid;

use super::of_account;
use crate::StoreError;

/// The values of the column `lane`, the most urgent first.
const LANES: std::ops::Range<i32> = 0..4;

/// Rows of an account that are due and have no lane yet, the longest due first.
pub async fn without_lane(
    connection: &impl ConnectionTrait,
    account: Uuid,
    now: i64,
    most: u64,
) -> Result<Vec<due::Model>, StoreError> {
    oldest(connection, account, due::Column::Lane.is_null(), now, most).await
}

/// Due rows of an account with calls to send to Kisi (they have a lane), by lane and then by age.
pub async fn next(
    connection: &impl ConnectionTrait,
    account: Uuid,
    now: i64,
    most: u64,
) -> Result<Vec<due::Model>, StoreError> {
    Ok(of_account(account)
        .filter(due::Column::Lane.is_not_null())
        .filter(due::Column::DueAt.lte(now))
        .order_by_asc(due::Column::Lane)
        .order_by_asc(due::Column::DueAt)
        .limit(most)
        .all(connection)
        .await?)
}

/// Like `next`, of one lane only.
pub async fn next_in(
    connection: &impl ConnectionTrait,
    account: Uuid,
    lane: i32,
    now: i64,
    most: u64,
) -> Result<Vec<due::Model>, StoreError> {
    oldest(connection, account, due::Column::Lane.eq(lane), now, most).await
}

/// Due rows of an account in one lane, or without one, the longest due first. The order names the lane too, because PostgreSQL does
/// not see that the order of the index is that of the time where the lane is null.
async fn oldest(
    connection: &impl ConnectionTrait,
    account: Uuid,
    which: Expr,
    now: i64,
    most: u64,
) -> Result<Vec<due::Model>, StoreError> {
    Ok(of_account(account)
        .filter(which)
        .filter(due::Column::DueAt.lte(now))
        .order_by_asc(due::Column::Lane)
        .order_by_asc(due::Column::DueAt)
        .limit(most)
        .all(connection)
        .await?)
}

/// The lane with the row that has been due for the longest time, if that is since `since` or longer.
pub async fn longest_waiting_lane(
    connection: &impl ConnectionTrait,
    account: Uuid,
    since: i64,
) -> Result<Option<i32>, StoreError> {
    let mut longest: Option<(i64, i32)> = None;
    for lane in LANES {
        let oldest = next_in(connection, account, lane, since, 1).await?;
        let oldest = oldest.first().map(|row| (row.due_at, lane));
        longest = longest.into_iter().chain(oldest).min();
    }
    Ok(longest.map(|(_, lane)| lane))
}

/// Whether the account has a due row that goes before this lane: one in a more urgent lane or, if `or_unsorted`, one without a
/// lane.
pub async fn is_more_urgent_waiting(
    connection: &impl ConnectionTrait,
    account: Uuid,
    now: i64,
    lane: i32,
    or_unsorted: bool,
) -> Result<bool, StoreError> {
    // Each has a range of the index. Together they would have none, and all rows of the account were read.
    let any = |which: Expr| {
        let due = of_account(account).select_only().expr(Expr::value(1));
        let due = due.filter(due::Column::DueAt.lte(now)).filter(which);
        Expr::exists(due.into_query())
    };
    let more_urgent = any(due::Column::Lane.lt(lane));
    let waiting = if or_unsorted {
        more_urgent.or(any(due::Column::Lane.is_null()))
    } else {
        more_urgent
    };
    let waiting = Query::select().expr_as(waiting, "waiting").to_owned();
    let waiting = connection.get_database_backend().build(&waiting);
    let row = connection.query_one_raw(waiting).await?;
    Ok(row.map_or(Ok(false), |row| row.try_get("", "waiting"))?)
}
