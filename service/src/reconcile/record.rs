//! Stores intents and results: a grant and its history entry in one transaction, on SQLite with those of other members. An intent is
//! stored before the call. A result that is as planned is queued and stored with the next intent, or with the settling.

use access::{Instant, Span};
use uuid::Uuid;

use super::{
    account_snapshot::AccountSnapshot, adoption, execute::Pass, member_state::MemberState,
};
use crate::store::{
    ClubScope, StoreError, Transaction,
    convert::span,
    due, grants,
    history::{self, Entry},
    row::{self, HistoryKind, Intent},
};

/// A row to store, with its history entries and their instant.
#[derive(Clone, Debug)]
pub(super) enum Write {
    User {
        row: row::KisiUser,
        is_new: bool,
    },
    Grant {
        row: Box<row::Grant>,
        is_new: bool,
        /// Whether it was missing in Kisi when it was loaded.
        was_missed: bool,
        entries: Vec<Entry>,
        at: i64,
    },
    Removal {
        grant: Uuid,
        entries: Vec<Entry>,
        at: i64,
    },
}

/// Stores rows in this order. Returns the grants that their users had as strangers.
pub(super) async fn store_all(
    tx: &Transaction,
    scope: ClubScope,
    writes: Vec<Write>,
) -> Result<Vec<row::Grant>, StoreError> {
    let mut claimed = Vec::new();
    for write in writes {
        match write {
            Write::User { row, is_new } => {
                grants::put_user(tx, row.clone(), is_new).await?;
                claimed.extend(grants::claim_from_strangers(tx, scope, &row).await?);
            }
            Write::Grant {
                row,
                is_new,
                was_missed,
                entries,
                at,
            } => {
                if is_new {
                    grants::add_grant(tx, *row).await?;
                } else {
                    grants::update_grant(tx, *row, was_missed).await?;
                }
                history::write(tx, scope, at, entries).await?;
            }
            Write::Removal { grant, entries, at } => {
                grants::remove(tx, scope, grant).await?;
                history::write(tx, scope, at, entries).await?;
            }
        }
    }
    Ok(claimed)
}

impl Pass<'_> {
    /// Stores a grant in the loaded state and the database, with a history entry for `event`.
    pub(super) async fn store_grant(
        &self,
        member_state: &mut MemberState,
        grant: row::Grant,
        event: Option<HistoryKind>,
    ) -> Result<(), StoreError> {
        self.queue_grant(member_state, grant, event);
        self.store_queued(member_state).await
    }

    /// Like `store_grant`, for the result of a call whose intent is stored: it is stored with the next intent of the member, or when
    /// the member is settled. If it is lost until then, the intent is looked up.
    pub(super) fn queue_grant(
        &self,
        member_state: &mut MemberState,
        grant: row::Grant,
        event: Option<HistoryKind>,
    ) {
        let mut stored = member_state.grants.iter();
        let stored = stored.find(|stored| stored.id == grant.id);
        let write = Write::Grant {
            row: Box::new(grant.clone()),
            is_new: stored.is_none(),
            was_missed: stored.is_some_and(|stored| stored.missed_at.is_some()),
            entries: self.entries(member_state, &grant, event),
            at: self.now().micros(),
        };
        self.queue(member_state, write);
        member_state.grants.retain(|stored| stored.id != grant.id);
        member_state.grants.push(grant);
    }

    /// Removes a grant that Kisi does not hold, with a history entry for `event`.
    pub(super) async fn remove_grant(
        &self,
        member_state: &mut MemberState,
        grant: &row::Grant,
        event: Option<HistoryKind>,
    ) -> Result<(), StoreError> {
        self.queue_removal(member_state, grant, event);
        self.store_queued(member_state).await
    }

    /// Like `remove_grant`, stored as in `queue_grant`.
    pub(super) fn queue_removal(
        &self,
        member_state: &mut MemberState,
        grant: &row::Grant,
        event: Option<HistoryKind>,
    ) {
        let write = Write::Removal {
            grant: grant.id,
            entries: self.entries(member_state, grant, event),
            at: self.now().micros(),
        };
        self.queue(member_state, write);
        member_state.grants.retain(|stored| stored.id != grant.id);
    }

    /// Stores a Kisi user of the member. Grants that this user had as a stranger become the member's.
    pub(super) async fn store_user(
        &self,
        member_state: &mut MemberState,
        user: row::KisiUser,
    ) -> Result<(), StoreError> {
        self.queue_user(member_state, user);
        self.store_queued(member_state).await
    }

    /// Like `store_user`, stored as in `queue_grant`, and before the member is planned again.
    pub(super) fn queue_user(&self, member_state: &mut MemberState, user: row::KisiUser) {
        let write = Write::User {
            is_new: !member_state.users.iter().any(|stored| stored.id == user.id),
            row: user.clone(),
        };
        self.queue(member_state, write);
        member_state.users.retain(|stored| stored.id != user.id);
        member_state.users.push(user);
    }

    fn queue(&self, member_state: &mut MemberState, write: Write) {
        self.recent_writes.add(member_state.due.member_id);
        member_state.queued.push(write);
    }

    /// Stores what is queued, in one transaction.
    pub(super) async fn store_queued(
        &self,
        member_state: &mut MemberState,
    ) -> Result<(), StoreError> {
        let writes = std::mem::take(&mut member_state.queued);
        if writes.is_empty() {
            return Ok(());
        }
        self.recent_writes.add(member_state.due.member_id);
        let scope = self.snapshot.scope;
        let has_user = (writes.iter()).any(|write| matches!(write, Write::User { .. }));
        let claimed = self.app.db.write_together(move |tx| {
            let writes = writes.clone();
            Box::pin(store_all(tx, scope, writes))
        });
        member_state.grants.extend(claimed.await?);
        if !has_user {
            return Ok(());
        }
        let (now, states) = (self.now(), std::slice::from_mut(member_state));
        adoption::adopt(self.app, self.snapshot, states, now).await
    }

    fn entries(
        &self,
        member_state: &MemberState,
        grant: &row::Grant,
        event: Option<HistoryKind>,
    ) -> Vec<Entry> {
        let entry = |kind| entry(self.snapshot, member_state, grant, kind, self.now());
        event.map(entry).into_iter().collect()
    }
}

/// The history entry about a grant.
pub(super) fn entry(
    snapshot: &AccountSnapshot,
    member_state: &MemberState,
    grant: &row::Grant,
    kind: HistoryKind,
    now: Instant,
) -> Entry {
    let cause = due::Cause::of(&member_state.due);
    let name = target_name(snapshot, grant.scope_kind, grant.scope_id);
    let time = period_text(snapshot, relevant_window(grant), now);
    let who = if member_state.is_stranger() {
        "a stranger"
    } else {
        "the member"
    };
    let message = match kind {
        HistoryKind::Granted => format!("Access of {who} to {name} was granted in Kisi{time}."),
        HistoryKind::Adopted => format!(
            "Somebody else had given {who} access to {name} in Kisi. This service manages it from now on."
        ),
        HistoryKind::Changed => format!("Access of {who} to {name} is now valid in Kisi{time}."),
        HistoryKind::Revoked => format!("Access of {who} to {name} was revoked in Kisi."),
        HistoryKind::DriftFound => {
            format!("Kisi no longer held the access to {name} as it was granted.")
        }
        HistoryKind::RefusedByKisi => {
            format!(
                "Kisi refused access to {name}: {}",
                grant.problem.as_deref().unwrap_or("it gave no reason")
            )
        }
        _ => name,
    };
    Entry {
        kind,
        member: Some(member_state.due.member_id),
        target: Some((grant.scope_kind, grant.scope_id)),
        cause: cause.text,
        delivery: cause.delivery,
        rule: cause.rule,
        actor: cause.actor,
        message,
    }
}

fn period_text(snapshot: &AccountSnapshot, window: Span, now: Instant) -> String {
    // The history may be read much later, so the text always includes the date.
    let text = |at: Instant| {
        let then = snapshot.zone().to_datetime(at.timestamp());
        then.strftime("%-d %B %Y, %H:%M").to_string()
    };
    let from = window
        .from
        .known()
        .filter(|from| *from > now)
        .map(|from| format!(" from {}", text(from)));
    let until = window
        .until
        .known()
        .map(|until| format!(" until {}", text(until)));
    format!("{}{}", from.unwrap_or_default(), until.unwrap_or_default())
}

/// The requested window while a creation or change is in flight, else the stored one.
fn relevant_window(grant: &row::Grant) -> Span {
    match grant.intent {
        Intent::None | Intent::Delete => span(grant.valid_from, grant.valid_until),
        Intent::Create | Intent::Change => span(grant.want_from, grant.want_until),
    }
}

/// The quoted name of the group, place or account of a grant.
fn target_name(snapshot: &AccountSnapshot, kind: row::ScopeKind, id: Uuid) -> String {
    let name = match kind {
        row::ScopeKind::Group | row::ScopeKind::Lock => {
            snapshot.groups.get(&id).map(|row| &row.name)
        }
        row::ScopeKind::Place => snapshot.places.get(&id).map(|row| &row.name),
        row::ScopeKind::Account => Some(&snapshot.account.name),
    };
    name.map_or_else(
        || "a target that no longer exists".to_owned(),
        |name| format!("“{name}”"),
    )
}
