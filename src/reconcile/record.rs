//! Writes down what is about to be done and what came of it: the grant, and the entry of the history in the same
//! transaction. The case in memory and the rows in the database stay one.

use access::{Instant, Span};
use uuid::Uuid;

use super::{
    adoption,
    execute::Pass,
    member_state::{AccountSnapshot, MemberState},
};
use crate::store::{
    StoreError, due, grants,
    history::{self, Entry},
    row::{self, HistoryKind, Intent},
};

impl Pass<'_> {
    /// Stores a grant as it is now, in the case and in the database, with what it means to people.
    pub(super) async fn put(
        &self,
        member_state: &mut MemberState,
        grant: row::Grant,
        event: Option<HistoryKind>,
    ) -> Result<(), StoreError> {
        self.recent_writes.add(member_state.due.member_id);
        let is_new = !member_state.grants.iter().any(|known| known.id == grant.id);
        let entries = self.entries(member_state, &grant, event);
        let (scope, now, row) = (self.snapshot.scope, self.now().micros(), grant.clone());
        self.app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    grants::put_grant(tx, row, is_new).await?;
                    history::write(tx, scope, now, entries).await
                })
            })
            .await?;
        member_state.grants.retain(|known| known.id != grant.id);
        member_state.grants.push(grant);
        Ok(())
    }

    /// Forgets a grant that Kisi does not hold.
    pub(super) async fn forget(
        &self,
        member_state: &mut MemberState,
        grant: &row::Grant,
        event: Option<HistoryKind>,
    ) -> Result<(), StoreError> {
        self.recent_writes.add(member_state.due.member_id);
        let entries = self.entries(member_state, grant, event);
        let (scope, now, id) = (self.snapshot.scope, self.now().micros(), grant.id);
        self.app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    grants::remove(tx, scope, id).await?;
                    history::write(tx, scope, now, entries).await
                })
            })
            .await?;
        member_state.grants.retain(|known| known.id != id);
        Ok(())
    }

    /// Stores who the member is in Kisi. What that user has there as a stranger is the member's from then on.
    pub(super) async fn put_user(
        &self,
        member_state: &mut MemberState,
        user: row::KisiUser,
    ) -> Result<(), StoreError> {
        self.recent_writes.add(member_state.due.member_id);
        let is_new = !member_state.users.iter().any(|known| known.id == user.id);
        let (scope, row) = (self.snapshot.scope, user.clone());
        let claimed: Result<Vec<row::Grant>, StoreError> = self
            .app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    grants::put_user(tx, row.clone(), is_new).await?;
                    grants::claim_from_strangers(tx, scope, &row).await
                })
            })
            .await;
        member_state.grants.extend(claimed?);
        member_state.users.retain(|known| known.id != user.id);
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

/// What happened to a grant of a case, for the history.
pub(super) fn entry(
    snapshot: &AccountSnapshot,
    member_state: &MemberState,
    grant: &row::Grant,
    kind: HistoryKind,
    now: Instant,
) -> Entry {
    let cause = due::Cause::of(&member_state.due);
    let name = name_of(snapshot, grant.scope_kind, grant.scope_id);
    let time = words(snapshot, case_window(grant), now);
    let who = if member_state.is_stranger() {
        "a stranger"
    } else {
        "the member"
    };
    let message = match kind {
        HistoryKind::Granted => format!("Kisi lets {who} into {name}{time}."),
        HistoryKind::Adopted => format!(
            "Somebody else had let {who} into {name}: this service looks after it from now on."
        ),
        HistoryKind::Changed => format!("Kisi lets {who} into {name}{time} now."),
        HistoryKind::Revoked => format!("Kisi no longer lets {who} into {name}."),
        HistoryKind::DriftFound => {
            format!("Kisi did not hold the access to {name} any more, or not as it was made.")
        }
        HistoryKind::RefusedByKisi => {
            format!(
                "Kisi refuses {name}: {}",
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

fn words(snapshot: &AccountSnapshot, window: Span, now: Instant) -> String {
    // Read long after: the day is said always, and all in the club's time.
    let text = |at: Instant| {
        let then = snapshot.zone.to_datetime(at.timestamp());
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

/// The window that a grant has, or is about to have.
fn case_window(grant: &row::Grant) -> Span {
    match grant.intent {
        Intent::None | Intent::Delete => {
            super::member_state::window(grant.valid_from, grant.valid_until)
        }
        Intent::Create | Intent::Change => {
            super::member_state::window(grant.want_from, grant.want_until)
        }
    }
}

/// What people call the group, place or account of a grant.
fn name_of(snapshot: &AccountSnapshot, kind: row::ScopeKind, id: Uuid) -> String {
    let name = match kind {
        row::ScopeKind::Group | row::ScopeKind::Lock => {
            snapshot.groups.get(&id).map(|row| &row.name)
        }
        row::ScopeKind::Place => snapshot.places.get(&id).map(|row| &row.name),
        row::ScopeKind::Account => Some(&snapshot.account.name),
    };
    name.map_or_else(
        || "something that is gone".to_owned(),
        |name| format!("“{name}”"),
    )
}
