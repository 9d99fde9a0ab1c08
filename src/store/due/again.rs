//! Marks that give way: a member is to be looked at now, and what led to a mark that is still open stays the cause. Used
//! where a question of the brake is answered and where something was overlooked. Promises that no row is left waiting: it is
//! due now, unsorted, without failed attempts, and its generation is raised, so that a look which began before does not
//! settle it.

use std::collections::BTreeMap;

use entity::due;
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter,
    sea_query::{Alias, Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::Cause;
use crate::store::{Scope, StoreError, bulk, facts::among};

/// A row of `due`: a member in an account.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueKey {
    /// The account.
    pub account: Uuid,
    /// The member.
    pub member: Uuid,
}

/// Marks members due now, each in one account. Where a mark is open already, its cause and its weight stay.
pub async fn look_again(
    connection: &impl ConnectionTrait,
    scope: Scope,
    marks: BTreeMap<DueKey, Cause>,
    now: i64,
) -> Result<(), StoreError> {
    let rows = marks
        .into_iter()
        .map(|(key, cause)| due::Model {
            account_id: key.account,
            member_id: key.member,
            club_id: scope.club,
            due_at: now,
            generation: 1,
            settled_generation: 0,
            lane: None,
            attempts: 0,
            cause: cause.words,
            cause_delivery: cause.delivery,
            cause_rule: cause.rule,
            cause_actor: cause.actor,
            weight: cause.weight,
        })
        .collect();
    bulk::insert_on(connection, rows, Some(giving_way())).await
}

fn giving_way() -> OnConflict {
    let own = |column: due::Column| Expr::col((due::Entity, column));
    let new = |column: due::Column| Expr::col((Alias::new("excluded"), column));
    let is_open = || own(due::Column::Generation).gt(own(due::Column::SettledGeneration));
    let mut conflict = OnConflict::columns([due::Column::AccountId, due::Column::MemberId]);
    for column in [
        due::Column::Cause,
        due::Column::CauseDelivery,
        due::Column::CauseRule,
        due::Column::CauseActor,
        due::Column::Weight,
    ] {
        conflict.value(
            column,
            Expr::case(is_open(), own(column)).finally(new(column)),
        );
    }
    let is_sooner = own(due::Column::DueAt).lt(new(due::Column::DueAt));
    conflict
        .value(
            due::Column::DueAt,
            Expr::case(is_sooner, own(due::Column::DueAt)).finally(new(due::Column::DueAt)),
        )
        .value(due::Column::Generation, own(due::Column::Generation).add(1))
        .value(due::Column::Lane, Expr::value(Option::<i32>::None))
        .value(due::Column::Attempts, Expr::value(0i32))
        .to_owned()
}

/// The rows of these members in an account.
pub async fn of_members(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    members: &[Uuid],
) -> Result<Vec<due::Model>, StoreError> {
    let in_account = scope
        .among::<due::Entity>()
        .filter(due::Column::AccountId.eq(account));
    among(connection, in_account, due::Column::MemberId, members).await
}
