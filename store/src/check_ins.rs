//! The outbox of check-ins. A registration has at most one, whose row stays for a while after it was sent, so that the next unlock
//! for the same registration sends nothing.

use std::collections::HashMap;

use entity::{
    check_in,
    kind::{CheckInState, SourceProblemKind},
    source,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

/// The club's sources that are told of check-ins.
pub async fn sources(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<Uuid>, StoreError> {
    Ok(scope
        .find::<source::Entity>()
        .select_only()
        .column(source::Column::Id)
        .filter(source::Column::CheckIn.eq(true))
        .filter(source::Column::Credentials.is_not_null())
        .filter(source::Column::RemovedAt.is_null())
        .into_tuple()
        .all(connection)
        .await?)
}

/// Those of these registrations that have a check-in.
pub async fn noted(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    entitlements: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    Ok(scope
        .find::<check_in::Entity>()
        .select_only()
        .column(check_in::Column::EntitlementId)
        .filter(check_in::Column::EntitlementId.is_in(entitlements.iter().copied()))
        .into_tuple()
        .all(connection)
        .await?)
}

/// Adds a check-in, unless its registration has one.
pub async fn add(
    connection: &impl ConnectionTrait,
    row: check_in::Model,
) -> Result<(), StoreError> {
    let known = OnConflict::column(check_in::Column::EntitlementId)
        .do_nothing()
        .to_owned();
    bulk::insert_on(connection, vec![row], Some(known)).await
}

/// The sources of all clubs with a check-in that is due, as pairs of (club, source).
pub async fn due(
    connection: &impl ConnectionTrait,
    now: i64,
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    Ok(check_in::Entity::find()
        .select_only()
        .distinct()
        .columns([check_in::Column::ClubId, check_in::Column::SourceId])
        .filter(check_in::Column::State.eq(CheckInState::Waiting))
        .filter(check_in::Column::DueAt.lte(now))
        .into_tuple()
        .all(connection)
        .await?)
}

/// The check-ins of a source that are due, oldest first, `most` at most.
pub async fn due_of(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
    now: i64,
    most: u64,
) -> Result<Vec<check_in::Model>, StoreError> {
    Ok(scope
        .find::<check_in::Entity>()
        .filter(check_in::Column::SourceId.eq(source))
        .filter(check_in::Column::State.eq(CheckInState::Waiting))
        .filter(check_in::Column::DueAt.lte(now))
        .order_by_asc(check_in::Column::Id)
        .limit(most)
        .all(connection)
        .await?)
}

/// Stores the outcome of an attempt: state, times, number of attempts and problem.
pub async fn set(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    row: &check_in::Model,
) -> Result<(), StoreError> {
    scope
        .update::<check_in::Entity>()
        .col_expr(check_in::Column::State, Expr::value(row.state))
        .col_expr(check_in::Column::DueAt, Expr::value(row.due_at))
        .col_expr(check_in::Column::Attempts, Expr::value(row.attempts))
        .col_expr(check_in::Column::TriedAt, Expr::value(row.tried_at))
        .col_expr(check_in::Column::ProblemKind, Expr::value(row.problem_kind))
        .filter(check_in::Column::Id.eq(row.id))
        .exec(connection)
        .await?;
    Ok(())
}

/// Drops what a source has still to send.
pub async fn drop_waiting(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
) -> Result<(), StoreError> {
    scope
        .update::<check_in::Entity>()
        .col_expr(check_in::Column::State, Expr::value(CheckInState::Dropped))
        .filter(check_in::Column::SourceId.eq(source))
        .filter(check_in::Column::State.eq(CheckInState::Waiting))
        .exec(connection)
        .await?;
    Ok(())
}

/// Deletes what a source has no more to send, of unlocks before this instant.
pub async fn forget(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
    before: i64,
) -> Result<(), StoreError> {
    scope
        .delete::<check_in::Entity>()
        .filter(check_in::Column::SourceId.eq(source))
        .filter(check_in::Column::State.ne(CheckInState::Waiting))
        .filter(check_in::Column::OpenedAt.lt(before))
        .exec(connection)
        .await?;
    Ok(())
}

/// The check-ins of a source that failed since the last one that was sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    pub number: i64,
    /// When the earliest of their doors was opened.
    pub since: i64,
    /// Of the latest attempt.
    pub kind: SourceProblemKind,
}

/// The failed check-ins by source.
pub async fn failures(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    sources: &[Uuid],
) -> Result<HashMap<Uuid, Failures>, StoreError> {
    if sources.is_empty() {
        return Ok(HashMap::new());
    }
    let sent: Vec<(Uuid, Option<i64>)> = scope
        .find::<check_in::Entity>()
        .select_only()
        .column(check_in::Column::SourceId)
        .column_as(check_in::Column::TriedAt.max(), "sent")
        .filter(check_in::Column::SourceId.is_in(sources.iter().copied()))
        .filter(check_in::Column::State.eq(CheckInState::Sent))
        .group_by(check_in::Column::SourceId)
        .into_tuple()
        .all(connection)
        .await?;
    let sent: HashMap<Uuid, Option<i64>> = sent.into_iter().collect();
    let open = Condition::any()
        .add(check_in::Column::State.eq(CheckInState::Waiting))
        .add(check_in::Column::State.eq(CheckInState::Failed));
    let rows = scope
        .find::<check_in::Entity>()
        .filter(check_in::Column::SourceId.is_in(sources.iter().copied()))
        .filter(open)
        .filter(check_in::Column::ProblemKind.is_not_null())
        .order_by_asc(check_in::Column::TriedAt)
        .all(connection)
        .await?;
    let mut all: HashMap<Uuid, Failures> = HashMap::new();
    for row in rows {
        let last_sent = sent.get(&row.source_id).copied().flatten();
        let (Some(kind), true) = (row.problem_kind, row.tried_at > last_sent) else {
            continue;
        };
        let failures = all.entry(row.source_id).or_insert(Failures {
            number: 0,
            since: row.opened_at,
            kind,
        });
        failures.number = failures.number.saturating_add(1);
        failures.since = failures.since.min(row.opened_at);
        failures.kind = kind;
    }
    Ok(all)
}
