//! Due rows: when the loop evaluates a member next in a Kisi account. Events, edits, the clock, retries and repairs all use
//! this mechanism: they set an instant here and wake the loop. A mark raises the row's generation, so that a mark that arrives
//! while the loop works on the member leaves the member due.

use entity::{
    due,
    kind::{BrakePolicy, KisiStatus},
    kisi_account, kisi_user, member, person,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Order, Query, SelectStatement},
};
use std::collections::BTreeMap;
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

mod cause;
mod keep_cause;
mod lanes;
mod open_work;
mod postpone;

pub use cause::{Cause, Recurring, open_delivery, unsorted_causes};
pub use keep_cause::{DueKey, mark_keeping_cause, of_members};
pub use lanes::{is_more_urgent_waiting, longest_waiting_lane, next, next_in, without_lane};
pub use open_work::{OpenWork, backlog, open_by_account};
pub use postpone::{postpone, postpone_all, retry};

/// The maximum number of due rows in memory at once.
const MOST_MARKS: usize = 1_000;

/// The ids of the club's connected accounts (all but disconnected ones).
pub async fn accounts(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<Uuid>, StoreError> {
    Ok(scope
        .find::<kisi_account::Entity>()
        .select_only()
        .column(kisi_account::Column::Id)
        .filter(kisi_account::Column::Status.ne(KisiStatus::Disconnected))
        .order_by_asc(kisi_account::Column::Id)
        .into_tuple()
        .all(connection)
        .await?)
}

/// Marks members due now in all of the club's accounts. True if the club has an account.
pub async fn mark(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: impl IntoIterator<Item = Uuid>,
    now: i64,
    cause: &Cause,
) -> Result<bool, StoreError> {
    let members = members.into_iter().map(|member| (member, cause.clone()));
    mark_each(connection, scope, members.collect(), now).await
}

/// Like `mark`, with a separate cause for each member.
pub async fn mark_each(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: BTreeMap<Uuid, Cause>,
    now: i64,
) -> Result<bool, StoreError> {
    let accounts = accounts(connection, scope).await?;
    mark_in(connection, scope, &accounts, members, now).await?;
    Ok(!accounts.is_empty())
}

/// Like `mark_each`, only in these accounts, at an instant that may be in the future.
pub async fn mark_in(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    accounts: &[Uuid],
    members: BTreeMap<Uuid, Cause>,
    at: i64,
) -> Result<(), StoreError> {
    let members: Vec<(Uuid, Cause)> = members.into_iter().collect();
    for account in accounts {
        for some in members.chunks(MOST_MARKS) {
            let rows: Vec<due::Model> = some
                .iter()
                .map(|(member, cause)| row(scope, *account, *member, cause, at))
                .collect();
            bulk::insert_on(connection, rows, Some(on_conflict_remark())).await?;
        }
    }
    Ok(())
}

fn row(scope: ClubScope, account: Uuid, member: Uuid, cause: &Cause, at: i64) -> due::Model {
    due::Model {
        account_id: account,
        member_id: member,
        club_id: scope.club,
        due_at: at,
        generation: 1,
        settled_generation: 0,
        lane: None,
        attempts: 0,
        cause: cause.text.clone(),
        cause_id: cause.id,
        cause_delivery: cause.delivery,
        cause_rule: cause.rule,
        cause_actor: cause.actor.clone(),
        brake_policy: cause.brake_policy,
    }
}

/// Marks all members of a club due now, with one statement per account.
pub async fn mark_all_members(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    now: i64,
    cause: &Cause,
) -> Result<(), StoreError> {
    let conflict = on_conflict_remark();
    mark_selected(connection, scope, everybody(scope), now, cause, conflict).await
}

/// Like `mark_all_members`, for what Latchkey found in Kisi: a member who is already due keeps the cause, since an event or an
/// edit that is still to be carried out is why the access changes.
pub async fn mark_all_members_keeping_causes(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    now: i64,
    cause: &Cause,
) -> Result<(), StoreError> {
    let conflict = keep_cause::on_conflict_found_in_kisi();
    mark_selected(connection, scope, everybody(scope), now, cause, conflict).await
}

fn everybody(scope: ClubScope) -> SelectStatement {
    Query::select()
        .column(member::Column::Id)
        .from(member::Entity)
        .and_where(member::Column::ClubId.eq(scope.club))
        .to_owned()
}

/// Marks all members that have a person from this source due now.
pub async fn mark_source(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
    now: i64,
    cause: &Cause,
) -> Result<(), StoreError> {
    let members = of_source(scope, source);
    let conflict = on_conflict_remark();
    mark_selected(connection, scope, members, now, cause, conflict).await
}

/// All members that have a person from this source.
pub async fn members_of_source(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
) -> Result<Vec<Uuid>, StoreError> {
    Ok(scope
        .find::<member::Entity>()
        .select_only()
        .column(member::Column::Id)
        .filter(member::Column::Id.in_subquery(of_source(scope, source)))
        .into_tuple()
        .all(connection)
        .await?)
}

fn of_source(scope: ClubScope, source: Uuid) -> SelectStatement {
    Query::select()
        .distinct()
        .column(person::Column::MemberId)
        .from(person::Entity)
        .and_where(person::Column::ClubId.eq(scope.club))
        .and_where(person::Column::SourceId.eq(source))
        .and_where(person::Column::MemberId.ne(Uuid::nil()))
        .to_owned()
}

/// `members` selects one column, the member's id.
async fn mark_selected(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: SelectStatement,
    now: i64,
    cause: &Cause,
    conflict: OnConflict,
) -> Result<(), StoreError> {
    let mut working = accounts(connection, scope).await?;
    working.sort_unstable();
    for account in working {
        let mut rows = members.clone();
        // As in `sort_for_locking`: the rows are locked in the order in which they are selected.
        rows.order_by_expr(Expr::cust("1"), Order::Asc);
        rows.expr(Expr::value(account))
            .expr(Expr::value(scope.club))
            .expr(Expr::value(now))
            .expr(Expr::value(1i64))
            .expr(Expr::value(0i64))
            .expr(Expr::value(0i32))
            .expr(Expr::value(cause.text.clone()))
            .expr(Expr::value(cause.id))
            .expr(Expr::value(cause.delivery))
            .expr(Expr::value(cause.rule))
            .expr(Expr::value(cause.actor.clone()))
            .expr(Expr::value(cause.brake_policy));
        let mut insert = Query::insert();
        insert
            .into_table(due::Entity)
            .columns([
                due::Column::MemberId,
                due::Column::AccountId,
                due::Column::ClubId,
                due::Column::DueAt,
                due::Column::Generation,
                due::Column::SettledGeneration,
                due::Column::Attempts,
                due::Column::Cause,
                due::Column::CauseId,
                due::Column::CauseDelivery,
                due::Column::CauseRule,
                due::Column::CauseActor,
                due::Column::BrakePolicy,
            ])
            .on_conflict(conflict.clone());
        insert
            .select_from(rows)
            .map_err(|_| StoreError::Unreadable { what: "statement" })?;
        connection.execute(&insert).await?;
    }
    Ok(())
}

fn on_conflict_remark() -> OnConflict {
    OnConflict::columns([due::Column::AccountId, due::Column::MemberId])
        .update_columns([
            due::Column::Cause,
            due::Column::CauseId,
            due::Column::CauseDelivery,
            due::Column::CauseRule,
            due::Column::CauseActor,
        ])
        // A row that is due sooner keeps its instant.
        .value(
            due::Column::DueAt,
            Expr::case(
                Expr::col((due::Entity, due::Column::DueAt))
                    .lt(Expr::col((Alias::new("excluded"), due::Column::DueAt))),
                Expr::col((due::Entity, due::Column::DueAt)),
            )
            .finally(Expr::col((Alias::new("excluded"), due::Column::DueAt))),
        )
        .value(
            due::Column::Generation,
            Expr::col((due::Entity, due::Column::Generation)).add(1),
        )
        .value(due::Column::Lane, Expr::value(Option::<i32>::None))
        .value(due::Column::Attempts, Expr::value(0i32))
        // The policy of a new mark must not exempt an open change that the brake still has to judge.
        .value(
            due::Column::BrakePolicy,
            Expr::case(
                Expr::col((due::Entity, due::Column::Generation))
                    .gt(Expr::col((due::Entity, due::Column::SettledGeneration)))
                    .and(
                        Expr::col((due::Entity, due::Column::BrakePolicy)).eq(BrakePolicy::Enforce),
                    ),
                Expr::value(BrakePolicy::Enforce),
            )
            .finally(Expr::col((
                Alias::new("excluded"),
                due::Column::BrakePolicy,
            ))),
        )
        .to_owned()
}

/// The number of due members who were never looked up in the account's organization, with or without a lane: a mark that
/// arrives while they are served takes the lane from all of them.
pub async fn never_looked_up(
    connection: &impl ConnectionTrait,
    account: Uuid,
    now: i64,
) -> Result<u64, StoreError> {
    let of_member = Expr::col((kisi_user::Entity, kisi_user::Column::MemberId))
        .equals((due::Entity, due::Column::MemberId));
    let known = Query::select()
        .expr(Expr::value(1))
        .from(kisi_user::Entity)
        .and_where(kisi_user::Column::AccountId.eq(account))
        .and_where(of_member)
        // It keeps the inner query apart: see `bulk::postgres::select_by_texts`.
        .limit(1)
        .offset(0)
        .to_owned();
    let count = |lane: Expr| {
        let due = of_account(account)
            .select_only()
            .expr(due::Column::MemberId.count())
            .filter(lane)
            .filter(due::Column::DueAt.lte(now))
            .filter(Expr::exists(known.clone()).not());
        Expr::SubQuery(None, Box::new(due.into_query().into()))
    };
    // The index goes by lane and then by time: without a lane it would be read for the whole account.
    let (unsorted, sorted) = (due::Column::Lane.is_null(), due::Column::Lane.is_not_null());
    let waiting = Query::select()
        .expr_as(count(unsorted).add(count(sorted)), "waiting")
        .to_owned();
    let waiting = connection.get_database_backend().build(&waiting);
    let row = connection.query_one_raw(waiting).await?;
    let waiting: i64 = row.map_or(Ok(0), |row| row.try_get("", "waiting"))?;
    Ok(u64::try_from(waiting).unwrap_or_default())
}

/// The earliest instant among the account's rows without a lane; `None` if there are no such rows.
pub async fn next_at(
    connection: &impl ConnectionTrait,
    account: Uuid,
) -> Result<Option<i64>, StoreError> {
    let at: Option<i64> = of_account(account)
        .select_only()
        .column(due::Column::DueAt)
        .filter(due::Column::Lane.is_null())
        // The lane too: see `lanes::oldest`.
        .order_by_asc(due::Column::Lane)
        .order_by_asc(due::Column::DueAt)
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?;
    Ok(at)
}

/// An account belongs to one club, so its rows need no club scope.
fn of_account(account: Uuid) -> sea_orm::Select<due::Entity> {
    due::Entity::find().filter(due::Column::AccountId.eq(account))
}

/// Sets the lanes of rows; a row that was marked again since it was read stays without one.
pub async fn set_lanes(
    connection: &impl ConnectionTrait,
    rows: &[(&due::Model, i32)],
) -> Result<(), StoreError> {
    let mut sorted: Vec<due::Model> = rows
        .iter()
        .map(|(row, lane)| due::Model {
            lane: Some(*lane),
            ..(*row).clone()
        })
        .collect();
    sort_for_locking(&mut sorted);
    let mut conflict = OnConflict::columns([due::Column::AccountId, due::Column::MemberId]);
    conflict
        .update_column(due::Column::Lane)
        .action_and_where(unchanged());
    bulk::insert_on(connection, sorted, Some(conflict)).await
}

/// Settles rows and sets when each is due next (`None`: never). A row that was marked again since it was read stays open.
/// Returns the members whose rows were settled.
pub async fn settle_all(
    connection: &impl ConnectionTrait,
    rows: &[(&due::Model, Option<i64>)],
) -> Result<Vec<Uuid>, StoreError> {
    let mut settled: Vec<due::Model> = rows
        .iter()
        .map(|(row, again_at)| due::Model {
            due_at: again_at.unwrap_or(i64::MAX),
            settled_generation: row.generation,
            lane: None,
            attempts: 0,
            // An exemption from the brake applies to one pass only.
            brake_policy: BrakePolicy::Enforce,
            ..(*row).clone()
        })
        .collect();
    sort_for_locking(&mut settled);
    let mut conflict = OnConflict::columns([due::Column::AccountId, due::Column::MemberId]);
    conflict
        .update_columns([
            due::Column::DueAt,
            due::Column::SettledGeneration,
            due::Column::Lane,
            due::Column::Attempts,
            due::Column::BrakePolicy,
        ])
        .action_and_where(unchanged());
    bulk::insert_returning(connection, settled, conflict, due::Column::MemberId).await
}

/// The order in which several rows are locked, to avoid deadlocks.
fn sort_for_locking(rows: &mut [due::Model]) {
    rows.sort_by_key(|row| (row.account_id, row.member_id));
}

/// The condition that the row was not marked again since it was read.
fn unchanged() -> sea_orm::sea_query::Expr {
    Expr::col((due::Entity, due::Column::Generation))
        .eq(Expr::col((Alias::new("excluded"), due::Column::Generation)))
}

/// Deletes all due rows of an account.
pub async fn forget_account(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<(), StoreError> {
    scope
        .delete::<due::Entity>()
        .filter(due::Column::AccountId.eq(account))
        .exec(connection)
        .await?;
    Ok(())
}

/// Whether a member was marked again since the row was read. Data read in between may then be inconsistent.
pub async fn was_marked_since(
    connection: &impl ConnectionTrait,
    row: &due::Model,
) -> Result<bool, StoreError> {
    let generation: Option<i64> = of_account(row.account_id)
        .select_only()
        .column(due::Column::Generation)
        .filter(due::Column::MemberId.eq(row.member_id))
        .into_tuple()
        .one(connection)
        .await?;
    Ok(generation != Some(row.generation))
}
