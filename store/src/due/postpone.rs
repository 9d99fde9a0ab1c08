//! Postpones due rows: nothing can be done yet, an attempt failed, or a decision has to come first. A row that was marked
//! again since it was read keeps its own instant. Called by the loop.

use entity::due;
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

use super::{sort_for_locking, unchanged};
use crate::{ClubScope, StoreError, bulk};

/// Postpones a row to `at` without counting an attempt.
pub async fn postpone(
    connection: &impl ConnectionTrait,
    row: &due::Model,
    at: i64,
) -> Result<(), StoreError> {
    update(row)
        .col_expr(due::Column::DueAt, Expr::value(at))
        .col_expr(due::Column::Lane, Expr::value(Option::<i32>::None))
        .exec(connection)
        .await?;
    Ok(())
}

/// Schedules the next attempt at `at`, after `attempts` failures in a row.
pub async fn retry(
    connection: &impl ConnectionTrait,
    row: &due::Model,
    attempts: u32,
    at: i64,
) -> Result<(), StoreError> {
    update(row)
        .col_expr(due::Column::DueAt, Expr::value(at))
        .col_expr(due::Column::Lane, Expr::value(Option::<i32>::None))
        .col_expr(
            due::Column::Attempts,
            Expr::value(i32::try_from(attempts).unwrap_or(i32::MAX)),
        )
        .exec(connection)
        .await?;
    Ok(())
}

fn update(row: &due::Model) -> sea_orm::UpdateMany<due::Entity> {
    ClubScope::new(row.club_id)
        .update::<due::Entity>()
        .filter(due::Column::AccountId.eq(row.account_id))
        .filter(due::Column::MemberId.eq(row.member_id))
        .filter(due::Column::Generation.eq(row.generation))
}

/// Postpones rows that wait for an external decision to `at` at the latest. Rows marked again since they were read stay
/// due.
pub async fn postpone_all(
    connection: &impl ConnectionTrait,
    rows: &[&due::Model],
    at: i64,
) -> Result<(), StoreError> {
    let mut waiting: Vec<due::Model> = rows
        .iter()
        .map(|row| due::Model {
            due_at: at,
            lane: None,
            ..(*row).clone()
        })
        .collect();
    sort_for_locking(&mut waiting);
    let mut conflict = OnConflict::columns([due::Column::AccountId, due::Column::MemberId]);
    conflict
        .update_columns([due::Column::DueAt, due::Column::Lane])
        .action_and_where(unchanged());
    bulk::insert_on(connection, waiting, Some(conflict)).await
}
