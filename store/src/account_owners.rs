//! Which process works on which Kisi account. An owner is stored when it changes and is not renewed: it counts for as long as its
//! process lives. Only the owner itself gives an account to another process; others take it once the owner was declared dead.

use entity::{account_owner, due, kind::KisiStatus, kisi_account, process};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict, Order, Query, SelectStatement},
};
use uuid::Uuid;

use super::{StoreError, bulk};

/// A connected account that a process owns, or that no living process owns.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct AccountWork {
    pub id: Uuid,
    pub club_id: Uuid,
    pub status: KisiStatus,
    /// The owner, which may be dead; none if the account never had one.
    pub owner: Option<String>,
    /// When the next sweep is due.
    pub read_due_at: i64,
    /// When the next member without a lane is due.
    pub due_at: Option<i64>,
    /// Whether members with a lane are due.
    pub has_lane: bool,
}

/// The accounts that `holder` owns and those without a living owner, each with its next work.
pub async fn work(
    connection: &impl ConnectionTrait,
    holder: &str,
    now: i64,
) -> Result<Vec<AccountWork>, StoreError> {
    let of_account = || {
        let mut rows = Query::select();
        let is_own = Expr::col((due::Entity, due::Column::AccountId))
            .equals((kisi_account::Entity, kisi_account::Column::Id));
        rows.from(due::Entity).and_where(is_own);
        rows
    };
    let mut earliest = of_account();
    // The first row in the order of the index; a minimum would be sought among all rows of the account.
    earliest
        .column((due::Entity, due::Column::DueAt))
        .and_where(due::Column::Lane.is_null())
        .order_by((due::Entity, due::Column::Lane), Order::Asc)
        .order_by((due::Entity, due::Column::DueAt), Order::Asc)
        .limit(1);
    let mut sorted = of_account();
    sorted
        .expr(Expr::value(1))
        .and_where(due::Column::Lane.is_not_null())
        .and_where(due::Column::DueAt.lte(now));
    let mine_or_free = account_owner::Column::Owner
        .is_null()
        .or(account_owner::Column::Owner.eq(holder))
        .or(account_owner::Column::Owner.not_in_subquery(living()));
    Ok(kisi_account::Entity::find()
        .select_only()
        .columns([
            kisi_account::Column::Id,
            kisi_account::Column::ClubId,
            kisi_account::Column::Status,
            kisi_account::Column::ReadDueAt,
        ])
        .column(account_owner::Column::Owner)
        .expr_as(Expr::SubQuery(None, Box::new(earliest.into())), "due_at")
        .expr_as(Expr::exists(sorted), "has_lane")
        .join_owner()
        .filter(kisi_account::Column::Status.ne(KisiStatus::Disconnected))
        .filter(mine_or_free)
        .into_model()
        .all(connection)
        .await?)
}

trait JoinOwner {
    fn join_owner(self) -> Self;
}

impl JoinOwner for sea_orm::Select<kisi_account::Entity> {
    fn join_owner(mut self) -> Self {
        let is_same = Expr::col((account_owner::Entity, account_owner::Column::AccountId))
            .equals((kisi_account::Entity, kisi_account::Column::Id));
        sea_orm::QueryTrait::query(&mut self).left_join(account_owner::Entity, is_same);
        self
    }
}

fn living() -> SelectStatement {
    Query::select()
        .column(process::Column::Holder)
        .from(process::Entity)
        .to_owned()
}

/// Makes `holder` the owner of those of these accounts that have no living owner.
pub async fn take(
    connection: &impl ConnectionTrait,
    accounts: &[Uuid],
    holder: &str,
) -> Result<(), StoreError> {
    let rows: Vec<_> = accounts
        .iter()
        .map(|account_id| account_owner::Model {
            account_id: *account_id,
            owner: holder.to_owned(),
            epoch: 1,
        })
        .collect();
    let mut free = OnConflict::column(account_owner::Column::AccountId);
    free.update_column(account_owner::Column::Owner)
        .value(account_owner::Column::Epoch, next_epoch())
        .action_and_where(
            Expr::col((account_owner::Entity, account_owner::Column::Owner))
                .not_in_subquery(living()),
        );
    bulk::insert_on(connection, rows, Some(free)).await
}

/// Gives an account to another process. Only its owner may call this, after it has ended its work on the account.
pub async fn give(
    connection: &impl ConnectionTrait,
    account: Uuid,
    from: &str,
    to: &str,
) -> Result<(), StoreError> {
    account_owner::Entity::update_many()
        .col_expr(account_owner::Column::Owner, Expr::value(to))
        .col_expr(account_owner::Column::Epoch, next_epoch())
        .filter(account_owner::Column::AccountId.eq(account))
        .filter(account_owner::Column::Owner.eq(from))
        .exec(connection)
        .await?;
    Ok(())
}

fn next_epoch() -> Expr {
    Expr::col((account_owner::Entity, account_owner::Column::Epoch)).add(1)
}

/// The accounts that `holder` owns.
pub async fn owned_by(
    connection: &impl ConnectionTrait,
    holder: &str,
) -> Result<Vec<Uuid>, StoreError> {
    Ok(account_owner::Entity::find()
        .select_only()
        .column(account_owner::Column::AccountId)
        .filter(account_owner::Column::Owner.eq(holder))
        .into_tuple()
        .all(connection)
        .await?)
}

/// Whether a living process owns an account.
pub async fn is_owned(
    connection: &impl ConnectionTrait,
    account: Uuid,
) -> Result<bool, StoreError> {
    let owner: Option<Uuid> = account_owner::Entity::find()
        .select_only()
        .column(account_owner::Column::AccountId)
        .filter(account_owner::Column::AccountId.eq(account))
        .filter(account_owner::Column::Owner.in_subquery(living()))
        .into_tuple()
        .one(connection)
        .await?;
    Ok(owner.is_some())
}
