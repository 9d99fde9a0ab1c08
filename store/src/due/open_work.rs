//! How much work is open: for the API by account, for the metrics of all accounts.

use entity::due;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::of_account;
use crate::StoreError;

/// The number of members of an account with open or overdue work.
pub async fn backlog(
    connection: &impl ConnectionTrait,
    account: Uuid,
    now: i64,
) -> Result<u64, StoreError> {
    let open = Expr::col(due::Column::Generation).gt(Expr::col(due::Column::SettledGeneration));
    Ok(of_account(account)
        .filter(open.or(due::Column::DueAt.lte(now)))
        .count(connection)
        .await?)
}

/// The open work of an account.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct OpenWork {
    pub account_id: Uuid,
    /// The number of members.
    pub members: i64,
    /// When the member is due that is due first.
    pub oldest_due_at: i64,
}

/// The accounts with open work, by one statement over the open rows only.
pub async fn open_by_account(
    connection: &impl ConnectionTrait,
) -> Result<Vec<OpenWork>, StoreError> {
    let open = Expr::col(due::Column::Generation).gt(Expr::col(due::Column::SettledGeneration));
    Ok(due::Entity::find()
        .select_only()
        .column(due::Column::AccountId)
        .column_as(due::Column::MemberId.count(), "members")
        .column_as(due::Column::DueAt.min(), "oldest_due_at")
        .filter(open)
        .group_by(due::Column::AccountId)
        .into_model()
        .all(connection)
        .await?)
}
