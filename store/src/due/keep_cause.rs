//! Marks members due now and keeps the cause of a mark that is still open. Used when a pending revocation is decided, when
//! a change was missed, and for what was found in Kisi. Each row becomes due now, without a lane and without failed attempts, and its generation is raised,
//! so that a pass that began earlier cannot settle it.

use crate::bulk::select_by_ids;
use std::collections::BTreeMap;

use entity::due;
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter,
    sea_query::{Alias, Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::Cause;
use crate::{ClubScope, StoreError, bulk};

/// The key of a due row: a member in an account.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueKey {
    pub account: Uuid,
    pub member: Uuid,
}

/// Marks members due now, each in one account. A mark that is already open keeps its cause and its brake policy.
pub async fn mark_keeping_cause(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    marks: BTreeMap<DueKey, Cause>,
    now: i64,
) -> Result<(), StoreError> {
    let rows = marks.into_iter().map(|(key, cause)| due::Model {
        account_id: key.account,
        member_id: key.member,
        club_id: scope.club,
        due_at: now,
        generation: 1,
        settled_generation: 0,
        lane: None,
        attempts: 0,
        cause: cause.text,
        cause_id: cause.id,
        cause_delivery: cause.delivery,
        cause_rule: cause.rule,
        cause_actor: cause.actor,
        brake_policy: cause.brake_policy,
    });
    let conflict = on_conflict_keep(&[due::Column::BrakePolicy]);
    bulk::insert_on(connection, rows, Some(conflict)).await
}

/// For what was found in Kisi and concerns everybody: an open mark keeps its cause, and the brake judges what comes of it.
pub(super) fn on_conflict_found_in_kisi() -> OnConflict {
    on_conflict_keep(&[])
        .update_column(due::Column::BrakePolicy)
        .to_owned()
}

/// An open mark keeps its cause and these columns.
fn on_conflict_keep(kept: &[due::Column]) -> OnConflict {
    let own = |column: due::Column| Expr::col((due::Entity, column));
    let new = |column: due::Column| Expr::col((Alias::new("excluded"), column));
    let is_open = || own(due::Column::Generation).gt(own(due::Column::SettledGeneration));
    let mut conflict = OnConflict::columns([due::Column::AccountId, due::Column::MemberId]);
    for column in [
        due::Column::Cause,
        due::Column::CauseId,
        due::Column::CauseDelivery,
        due::Column::CauseRule,
        due::Column::CauseActor,
    ]
    .iter()
    .chain(kept)
    .copied()
    {
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

/// The due rows of these members in an account.
pub async fn of_members(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    members: &[Uuid],
) -> Result<Vec<due::Model>, StoreError> {
    let in_account = scope
        .find_for_ids::<due::Entity>()
        .filter(due::Column::AccountId.eq(account));
    select_by_ids(connection, in_account, due::Column::MemberId, members).await
}
