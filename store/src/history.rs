//! The history of people's access. Entries are written in the same transaction as the change that they describe, and so are the
//! messages that tell the club's endpoints about them.

use entity::{
    history,
    kind::{HistoryKind, ScopeKind},
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk, webhook_messages};
use crate::clock::new_id;

/// A new history entry.
#[derive(Clone, Debug)]
pub struct Entry {
    pub kind: HistoryKind,
    /// The member that it is about.
    pub member: Option<Uuid>,
    /// The scope that it is about.
    pub target: Option<(ScopeKind, Uuid)>,
    /// The cause, as text for people.
    pub cause: String,
    /// The delivery that caused it.
    pub delivery: Option<Uuid>,
    /// The rule that caused it, if the cause is an edit of a rule.
    pub rule: Option<Uuid>,
    /// The user who caused it.
    pub actor: Option<String>,
    /// What happened, as text for people.
    pub message: String,
}

pub async fn write(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    now: i64,
    entries: Vec<Entry>,
) -> Result<(), StoreError> {
    let rows: Vec<history::Model> = entries
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
    webhook_messages::announce(connection, scope, &rows).await?;
    bulk::insert(connection, rows).await
}
