//! Stores intents and results: a grant and its history entry in one transaction, on SQLite with those of other members. The loaded
//! state and the rows stay equal.

use access::{Instant, Span};
use uuid::Uuid;

use super::{
    account_snapshot::AccountSnapshot, adoption, execute::Pass, member_state::MemberState,
};
use crate::store::{
    StoreError,
    convert::span,
    due, grants,
    history::{self, Entry},
    row::{self, HistoryKind, Intent},
};

impl Pass<'_> {
    /// Stores a grant in the loaded state and the database, with a history entry for `event`.
    pub(super) async fn store_grant(
        &self,
        member_state: &mut MemberState,
        grant: row::Grant,
        event: Option<HistoryKind>,
    ) -> Result<(), StoreError> {
        self.recent_writes.add(member_state.due.member_id);
        let is_new = !member_state
            .grants
            .iter()
            .any(|stored| stored.id == grant.id);
        let entries = self.entries(member_state, &grant, event);
        let (scope, now, row) = (self.snapshot.scope, self.now().micros(), grant.clone());
        let stored = self.app.db.write_together(move |tx| {
            let (row, entries) = (row.clone(), entries.clone());
            Box::pin(async move {
                grants::put_grant(tx, row, is_new).await?;
                history::write(tx, scope, now, entries).await
            })
        });
        stored.await?;
        member_state.grants.retain(|stored| stored.id != grant.id);
        member_state.grants.push(grant);
        Ok(())
    }

    /// Removes a grant that Kisi does not hold, with a history entry for `event`.
    pub(super) async fn remove_grant(
        &self,
        member_state: &mut MemberState,
        grant: &row::Grant,
        event: Option<HistoryKind>,
    ) -> Result<(), StoreError> {
        self.recent_writes.add(member_state.due.member_id);
        let entries = self.entries(member_state, grant, event);
        let (scope, now, id) = (self.snapshot.scope, self.now().micros(), grant.id);
        let removed = self.app.db.write_together(move |tx| {
            let entries = entries.clone();
            Box::pin(async move {
                grants::remove(tx, scope, id).await?;
                history::write(tx, scope, now, entries).await
            })
        });
        removed.await?;
        member_state.grants.retain(|stored| stored.id != id);
        Ok(())
    }

    /// Stores a Kisi user of the member. Grants that this user had as a stranger become the member's.
    pub(super) async fn store_user(
        &self,
        member_state: &mut MemberState,
        user: row::KisiUser,
    ) -> Result<(), StoreError> {
        self.recent_writes.add(member_state.due.member_id);
        let is_new = !member_state.users.iter().any(|stored| stored.id == user.id);
        let (scope, row) = (self.snapshot.scope, user.clone());
        let claimed = self.app.db.write_together(move |tx| {
            let row = row.clone();
            Box::pin(async move {
                grants::put_user(tx, row.clone(), is_new).await?;
                grants::claim_from_strangers(tx, scope, &row).await
            })
        });
        member_state.grants.extend(claimed.await?);
        member_state.users.retain(|stored| stored.id != user.id);
        member_state.users.push(user);
        let now = self.now();
        adoption::adopt(
            self.app,
            self.snapshot,
            std::slice::from_mut(member_state),
            now,
        )
        .await
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
