//! How many webhook requests of each source were rejected, by the hour, and why the last one was. A source keeps a row an hour, for
//! a day.

use std::collections::HashMap;

use entity::{kind::RejectionReason, rejection};
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{Scope, StoreError, bulk};

/// How many hours are counted.
const HOURS: i64 = 24;
const HOUR_US: i64 = 3_600_000_000;

/// The rejected requests of one source.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// How many there were.
    pub requests: i64,
    /// When the last one came.
    pub last_at: i64,
    /// Why that one was rejected.
    pub reason: RejectionReason,
}

/// The hour of an instant, since 1970.
pub fn hour_of(at: i64) -> i64 {
    at.div_euclid(HOUR_US)
}

/// Adds rejected requests to the hour of the last of them, and forgets the hours that no longer count.
pub async fn add(
    connection: &impl ConnectionTrait,
    scope: Scope,
    source: Uuid,
    rejected: Rejected,
) -> Result<(), StoreError> {
    let hour = hour_of(rejected.last_at);
    let more = Expr::col(rejection::Column::Requests).add(rejected.requests);
    let changed = scope
        .update::<rejection::Entity>()
        .col_expr(rejection::Column::Requests, more)
        .col_expr(rejection::Column::LastAt, Expr::value(rejected.last_at))
        .col_expr(rejection::Column::LastReason, Expr::value(rejected.reason))
        .filter(rejection::Column::SourceId.eq(source))
        .filter(rejection::Column::Hour.eq(hour))
        .exec(connection)
        .await?;
    if changed.rows_affected == 0 {
        let row = rejection::Model {
            source_id: source,
            hour,
            club_id: scope.club,
            requests: rejected.requests,
            last_at: rejected.last_at,
            last_reason: rejected.reason,
        };
        bulk::insert(connection, vec![row]).await?;
    }
    scope
        .delete::<rejection::Entity>()
        .filter(rejection::Column::SourceId.eq(source))
        .filter(rejection::Column::Hour.lte(hour - HOURS))
        .exec(connection)
        .await?;
    Ok(())
}

/// What was rejected of each source: how much within the last day, and the last one, however long ago.
pub async fn of(
    connection: &impl ConnectionTrait,
    scope: Scope,
    sources: &[Uuid],
    now: i64,
) -> Result<HashMap<Uuid, Rejected>, StoreError> {
    let rows = scope
        .find::<rejection::Entity>()
        .filter(rejection::Column::SourceId.is_in(sources.iter().copied()))
        .order_by_asc(rejection::Column::LastAt)
        .all(connection)
        .await?;
    let first = hour_of(now) - HOURS;
    let mut all: HashMap<Uuid, Rejected> = HashMap::new();
    for row in rows {
        let before = all.get(&row.source_id).map_or(0, |known| known.requests);
        let counts = if row.hour > first { row.requests } else { 0 };
        let rejected = Rejected {
            requests: before.saturating_add(counts),
            last_at: row.last_at,
            reason: row.last_reason,
        };
        all.insert(row.source_id, rejected);
    }
    Ok(all)
}
