//! Due rows: when a member is to be looked at next in a Kisi account. Events, edits, the clock, retries and repairs are one
//! mechanism: they set an instant here and wake the loop. A mark raises the generation, so that one which comes while its
//! member is being worked on leaves the member due.

use entity::{
    due,
    kind::{KisiStatus, Weight},
    kisi_account, member, person,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Query, SelectStatement},
};
use std::collections::BTreeMap;
use uuid::Uuid;

use super::{Scope, StoreError, bulk, one_of};

mod again;
mod cause;
mod later;

pub use again::{DueKey, look_again, of_members};
pub use cause::Cause;
pub use later::{retry, wait, wait_all};

/// The accounts of a club that work is done for.
pub async fn accounts(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Marks members due now in all of the club's accounts. True where there is an account.
pub async fn mark(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: impl IntoIterator<Item = Uuid>,
    now: i64,
    cause: &Cause,
) -> Result<bool, StoreError> {
    let members = members.into_iter().map(|member| (member, cause.clone()));
    mark_each(connection, scope, members.collect(), now).await
}

/// As `mark`, each member for a cause of its own.
pub async fn mark_each(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: BTreeMap<Uuid, Cause>,
    now: i64,
) -> Result<bool, StoreError> {
    let accounts = accounts(connection, scope).await?;
    mark_in(connection, scope, &accounts, members, now).await?;
    Ok(!accounts.is_empty())
}

/// As `mark_each`, in these accounts alone, at an instant that may lie ahead.
pub async fn mark_in(
    connection: &impl ConnectionTrait,
    scope: Scope,
    accounts: &[Uuid],
    members: BTreeMap<Uuid, Cause>,
    at: i64,
) -> Result<(), StoreError> {
    let rows = accounts
        .iter()
        .flat_map(|account| {
            members
                .iter()
                .map(|(member, cause)| (*account, *member, cause))
        })
        .map(|(account_id, member_id, cause)| due::Model {
            account_id,
            member_id,
            club_id: scope.club,
            due_at: at,
            generation: 1,
            settled_generation: 0,
            lane: None,
            attempts: 0,
            cause: cause.words.clone(),
            cause_delivery: cause.delivery,
            cause_rule: cause.rule,
            cause_actor: cause.actor.clone(),
            weight: cause.weight,
        })
        .collect();
    bulk::insert_on(connection, rows, Some(again())).await
}

/// Marks everybody of a club due now, in one statement an account.
pub async fn mark_everybody(
    connection: &impl ConnectionTrait,
    scope: Scope,
    now: i64,
    cause: &Cause,
) -> Result<(), StoreError> {
    let everybody = Query::select()
        .column(member::Column::Id)
        .from(member::Entity)
        .and_where(member::Column::ClubId.eq(scope.club))
        .to_owned();
    mark_selected(connection, scope, everybody, now, cause).await
}

/// Marks everybody of whom a source speaks due now.
pub async fn mark_source(
    connection: &impl ConnectionTrait,
    scope: Scope,
    source: Uuid,
    now: i64,
    cause: &Cause,
) -> Result<(), StoreError> {
    mark_selected(connection, scope, of_source(scope, source), now, cause).await
}

/// Everybody of whom a source speaks.
pub async fn members_of_source(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

fn of_source(scope: Scope, source: Uuid) -> SelectStatement {
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
    scope: Scope,
    members: SelectStatement,
    now: i64,
    cause: &Cause,
) -> Result<(), StoreError> {
    for account in accounts(connection, scope).await? {
        let mut rows = members.clone();
        rows.expr(Expr::value(account))
            .expr(Expr::value(scope.club))
            .expr(Expr::value(now))
            .expr(Expr::value(1i64))
            .expr(Expr::value(0i64))
            .expr(Expr::value(0i32))
            .expr(Expr::value(cause.words.clone()))
            .expr(Expr::value(cause.delivery))
            .expr(Expr::value(cause.rule))
            .expr(Expr::value(cause.actor.clone()))
            .expr(Expr::value(cause.weight));
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
                due::Column::CauseDelivery,
                due::Column::CauseRule,
                due::Column::CauseActor,
                due::Column::Weight,
            ])
            .on_conflict(again());
        insert
            .select_from(rows)
            .map_err(|_| StoreError::Unreadable { what: "statement" })?;
        connection.execute(&insert).await?;
    }
    Ok(())
}

fn again() -> OnConflict {
    OnConflict::columns([due::Column::AccountId, due::Column::MemberId])
        .update_columns([
            due::Column::Cause,
            due::Column::CauseDelivery,
            due::Column::CauseRule,
            due::Column::CauseActor,
        ])
        // Whoever is due sooner stays so.
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
        // An admin's own word about an edit is none about what was not judged yet.
        .value(
            due::Column::Weight,
            Expr::case(
                Expr::col((due::Entity, due::Column::Generation))
                    .gt(Expr::col((due::Entity, due::Column::SettledGeneration)))
                    .and(Expr::col((due::Entity, due::Column::Weight)).eq(Weight::Judged)),
                Expr::value(Weight::Judged),
            )
            .finally(Expr::col((Alias::new("excluded"), due::Column::Weight))),
        )
        .to_owned()
}

/// Members of an account that are due and not yet sorted into a lane, the longest due first.
pub async fn unsorted(
    connection: &impl ConnectionTrait,
    account: Uuid,
    now: i64,
    most: u64,
) -> Result<Vec<due::Model>, StoreError> {
    Ok(of_account(account)
        .filter(due::Column::DueAt.lte(now))
        .filter(due::Column::Lane.is_null())
        .order_by_asc(due::Column::DueAt)
        .limit(most)
        .all(connection)
        .await?)
}

/// The next members of an account with something to send, by lane and then by age.
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

/// How many members of an account have something to send.
pub async fn in_lanes(
    connection: &impl ConnectionTrait,
    account: Uuid,
    now: i64,
) -> Result<u64, StoreError> {
    Ok(of_account(account)
        .filter(due::Column::Lane.is_not_null())
        .filter(due::Column::DueAt.lte(now))
        .count(connection)
        .await?)
}

/// Whether somebody of an account is to be looked at before those of a lane: not sorted yet, or more urgent.
pub async fn is_more_urgent_waiting(
    connection: &impl ConnectionTrait,
    account: Uuid,
    now: i64,
    lane: i32,
) -> Result<bool, StoreError> {
    let is_unsorted = due::Column::Lane.is_null();
    let first: Option<Uuid> = of_account(account)
        .select_only()
        .column(due::Column::MemberId)
        .filter(due::Column::DueAt.lte(now))
        .filter(is_unsorted.or(due::Column::Lane.lt(lane)))
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?;
    Ok(first.is_some())
}

/// When the account has something to do next, beside what is sorted into a lane; none where nothing is planned.
pub async fn next_at(
    connection: &impl ConnectionTrait,
    account: Uuid,
) -> Result<Option<i64>, StoreError> {
    let at: Option<i64> = of_account(account)
        .select_only()
        .column(due::Column::DueAt)
        .filter(due::Column::Lane.is_null())
        .order_by_asc(due::Column::DueAt)
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?;
    Ok(at)
}

/// An account belongs to one club, so its rows need no other scope.
fn of_account(account: Uuid) -> sea_orm::Select<due::Entity> {
    due::Entity::find().filter(due::Column::AccountId.eq(account))
}

/// Sorts members into lanes; whoever was marked again meanwhile stays unsorted.
pub async fn sort_all(
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
    in_one_order(&mut sorted);
    let mut conflict = OnConflict::columns([due::Column::AccountId, due::Column::MemberId]);
    conflict
        .update_column(due::Column::Lane)
        .action_and_where(unchanged());
    bulk::insert_on(connection, sorted, Some(conflict)).await
}

/// What was open when the rows were read is done; the next look at each is at its instant, or never. A mark that came
/// meanwhile stays: the members whose rows were settled are given.
pub async fn settle_all(
    connection: &impl ConnectionTrait,
    rows: &[(&due::Model, Option<i64>)],
) -> Result<Vec<Uuid>, StoreError> {
    let Some((first, _)) = rows.first() else {
        return Ok(Vec::new());
    };
    let (scope, account) = (Scope::new(first.club_id), first.account_id);
    let mut settled: Vec<due::Model> = rows
        .iter()
        .map(|(row, again_at)| due::Model {
            due_at: again_at.unwrap_or(i64::MAX),
            settled_generation: row.generation,
            lane: None,
            attempts: 0,
            // What was an admin's own word was that once.
            weight: Weight::Judged,
            ..(*row).clone()
        })
        .collect();
    in_one_order(&mut settled);
    let mut conflict = OnConflict::columns([due::Column::AccountId, due::Column::MemberId]);
    conflict
        .update_columns([
            due::Column::DueAt,
            due::Column::SettledGeneration,
            due::Column::Lane,
            due::Column::Attempts,
            due::Column::Weight,
        ])
        .action_and_where(unchanged());
    let read: BTreeMap<Uuid, i64> = (settled.iter())
        .map(|row| (row.member_id, row.generation))
        .collect();
    bulk::insert_on(connection, settled, Some(conflict)).await?;
    // Whatever was written is locked by this transaction until it ends.
    let members: Vec<Uuid> = read.keys().copied().collect();
    let stored = generations(connection, scope, account, &members).await?;
    let is_same = |(member, generation): &(Uuid, i64)| read.get(member) == Some(generation);
    Ok((stored.into_iter().filter(is_same))
        .map(|(member, _)| member)
        .collect())
}

async fn generations(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    members: &[Uuid],
) -> Result<Vec<(Uuid, i64)>, StoreError> {
    let mut all = Vec::with_capacity(members.len());
    for chunk in members.chunks(bulk::MOST_VALUES) {
        let some = scope
            .among::<due::Entity>()
            .select_only()
            .columns([due::Column::MemberId, due::Column::Generation])
            .filter(due::Column::AccountId.eq(account))
            .filter(one_of(connection, due::Column::MemberId, chunk));
        all.extend(some.into_tuple::<(Uuid, i64)>().all(connection).await?);
    }
    Ok(all)
}

/// Whoever locks several rows does so in this order, so that no two wait for each other.
fn in_one_order(rows: &mut [due::Model]) {
    rows.sort_by_key(|row| (row.account_id, row.member_id));
}

/// The row is as it was when it was read.
fn unchanged() -> sea_orm::sea_query::Expr {
    Expr::col((due::Entity, due::Column::Generation))
        .eq(Expr::col((Alias::new("excluded"), due::Column::Generation)))
}

/// How many members of an account have open work, or work that is overdue.
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

/// Forgets an account's work.
pub async fn forget_account(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
) -> Result<(), StoreError> {
    scope
        .delete::<due::Entity>()
        .filter(due::Column::AccountId.eq(account))
        .exec(connection)
        .await?;
    Ok(())
}

/// Whether a member was marked again since the row was read: what was read may be torn then.
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

/// Causes of which somebody is not sorted yet in an account that works, beside one that has sorted all: the brake cannot
/// judge them yet. An account that Kisi asked for patience sorts nobody meanwhile, and is not waited for.
pub async fn causes_under_way(
    connection: &impl ConnectionTrait,
    scope: Scope,
    beside: Uuid,
    now: i64,
) -> Result<Vec<(String, Option<Uuid>)>, StoreError> {
    let working = Query::select()
        .column(kisi_account::Column::Id)
        .from(kisi_account::Entity)
        .and_where(kisi_account::Column::ClubId.eq(scope.club))
        .and_where(kisi_account::Column::Status.eq(KisiStatus::Connected))
        .and_where(
            kisi_account::Column::StoppedUntil
                .is_null()
                .or(kisi_account::Column::StoppedUntil.lte(now)),
        )
        .to_owned();
    Ok(scope
        .find::<due::Entity>()
        .select_only()
        .columns([due::Column::Cause, due::Column::CauseDelivery])
        .distinct()
        .filter(due::Column::AccountId.in_subquery(working))
        .filter(due::Column::AccountId.ne(beside))
        .filter(due::Column::DueAt.lte(now))
        .filter(due::Column::Lane.is_null())
        .into_tuple()
        .all(connection)
        .await?)
}
