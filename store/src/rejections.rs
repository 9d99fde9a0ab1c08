//! Counts the rejected webhook requests of each source by hour, with the reason for the last one. A source has one row per hour
//! for 24 hours.

use std::collections::HashMap;

use entity::{kind::RejectionReason, rejection};
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

/// The number of hours that are counted.
const HOURS: i64 = 24;
const HOUR_US: i64 = 3_600_000_000;

/// A summary of the rejected requests of one source.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The number of rejected requests.
    pub requests: i64,
    /// The instant of the last one.
    pub last_at: i64,
    /// The reason for the last one.
    pub reason: RejectionReason,
}

impl Rejected {
    /// Adds the requests of another summary of the same source; the later one tells the last request.
    pub fn add(&mut self, more: Self) {
        self.requests = self.requests.saturating_add(more.requests);
        if more.last_at >= self.last_at {
            (self.last_at, self.reason) = (more.last_at, more.reason);
        }
    }
}

/// The hour of an instant, counted from 1970.
pub fn hour_of(at: i64) -> i64 {
    at.div_euclid(HOUR_US)
}

/// Adds rejected requests to the hour of the last of them, and deletes the rows of hours that no longer count.
pub async fn add(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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

/// The rejected requests of the sources in the last 24 hours by hour, the latest first.
pub async fn by_hour(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Option<Uuid>,
    now: i64,
) -> Result<Vec<rejection::Model>, StoreError> {
    let mut select = scope
        .find::<rejection::Entity>()
        .filter(rejection::Column::Hour.gt(hour_of(now) - HOURS))
        .order_by_desc(rejection::Column::LastAt);
    if let Some(source) = source {
        select = select.filter(rejection::Column::SourceId.eq(source));
    }
    Ok(select.all(connection).await?)
}

/// The rejected requests of each source: the number within the last 24 hours, and the last one regardless of its age.
pub async fn of(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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
