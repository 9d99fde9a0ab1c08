//! The history of people's access: written in the transaction that records the change.

use entity::{
    history,
    kind::{HistoryKind, ScopeKind},
};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};
use uuid::Uuid;

use super::{Scope, StoreError, bulk};
use crate::clock::new_id;

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What kind of thing happened.
    pub kind: HistoryKind,
    /// To whom.
    pub member: Option<Uuid>,
    /// Where.
    pub target: Option<(ScopeKind, Uuid)>,
    /// What led to it, in words.
    pub cause: String,
    /// The delivery that led to it.
    pub delivery: Option<Uuid>,
    /// The rule that it is about.
    pub rule: Option<Uuid>,
    /// Who did it.
    pub actor: Option<String>,
    /// For people.
    pub message: String,
}

/// Writes entries.
pub async fn write(
    connection: &impl ConnectionTrait,
    scope: Scope,
    now: i64,
    entries: Vec<Entry>,
) -> Result<(), StoreError> {
    let rows = entries
        .into_iter()
        .map(|entry| history::Model {
            id: new_id(),
            club_id: scope.club,
            at: now,
            kind: entry.kind,
            member_id: entry.member,
            target_kind: entry.target.map(|(kind, _)| kind),
            target_id: entry.target.map(|(_, id)| id),
            cause: entry.cause,
            delivery_id: entry.delivery,
            rule_id: entry.rule,
            actor: entry.actor,
            message: entry.message,
        })
        .collect();
    bulk::insert(connection, rows).await
}

/// One entry.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<history::Model>, StoreError> {
    Ok(scope
        .find::<history::Entity>()
        .filter(history::Column::Id.eq(id))
        .one(connection)
        .await?)
}
