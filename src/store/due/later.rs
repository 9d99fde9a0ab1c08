//! Members who cannot be done with now: nothing can be done yet, a try failed, or an answer has to come first. A mark that came
//! meanwhile stays, and is due as it says. Called by the loop.

use entity::due;
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

use super::{in_one_order, unchanged};
use crate::store::{Scope, StoreError, bulk};

/// Nothing can be done before `at`.
pub async fn wait(
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

/// It did not work, for the `attempts`th time in a row: another try at `at`.
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
    Scope::new(row.club_id)
        .update::<due::Entity>()
        .filter(due::Column::AccountId.eq(row.account_id))
        .filter(due::Column::MemberId.eq(row.member_id))
        .filter(due::Column::Generation.eq(row.generation))
}

/// These members wait for something else than time: they are looked at again at `at` at the latest. A mark that came
/// meanwhile stays.
pub async fn wait_all(
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
    in_one_order(&mut waiting);
    let mut conflict = OnConflict::columns([due::Column::AccountId, due::Column::MemberId]);
    conflict
        .update_columns([due::Column::DueAt, due::Column::Lane])
        .action_and_where(unchanged());
    bulk::insert_on(connection, waiting, Some(conflict)).await
}
