//! Writes down what is about to be done and what came of it: the grant, and the entry of the history in the same
//! transaction. The case in memory and the rows in the database stay one.

use access::{Instant, Span};
use uuid::Uuid;

use super::{
    adoption,
    case::{Case, Ground},
    execute::Pass,
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
        case: &mut Case,
        grant: row::Grant,
        event: Option<HistoryKind>,
    ) -> Result<(), StoreError> {
        self.touched.add(case.due.member_id);
        let is_new = !case.grants.iter().any(|known| known.id == grant.id);
        let entries = self.entries(case, &grant, event);
        let (scope, now, row) = (self.ground.scope, self.now().micros(), grant.clone());
        self.app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    grants::put_grant(tx, row, is_new).await?;
                    history::write(tx, scope, now, entries).await
                })
            })
            .await?;
        case.grants.retain(|known| known.id != grant.id);
        case.grants.push(grant);
        Ok(())
    }

    /// Forgets a grant that Kisi does not hold.
    pub(super) async fn forget(
        &self,
        case: &mut Case,
        grant: &row::Grant,
        event: Option<HistoryKind>,
    ) -> Result<(), StoreError> {
        self.touched.add(case.due.member_id);
        let entries = self.entries(case, grant, event);
        let (scope, now, id) = (self.ground.scope, self.now().micros(), grant.id);
        self.app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    grants::remove(tx, scope, id).await?;
                    history::write(tx, scope, now, entries).await
                })
            })
            .await?;
        case.grants.retain(|known| known.id != id);
        Ok(())
    }

    /// Stores who the member is in Kisi. What that user has there as a stranger is the member's from then on.
    pub(super) async fn put_user(
        &self,
        case: &mut Case,
        user: row::KisiUser,
    ) -> Result<(), StoreError> {
        self.touched.add(case.due.member_id);
        let is_new = !case.users.iter().any(|known| known.id == user.id);
        let (scope, row) = (self.ground.scope, user.clone());
        let claimed: Result<Vec<row::Grant>, StoreError> = self
            .app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    grants::put_user(tx, row.clone(), is_new).await?;
                    grants::claim(tx, scope, &row).await
                })
            })
            .await;
        case.grants.extend(claimed?);
        case.users.retain(|known| known.id != user.id);
        case.users.push(user);
        let now = self.now();
        adoption::adopt(self.app, self.ground, std::slice::from_mut(case), now).await
    }

    fn entries(&self, case: &Case, grant: &row::Grant, event: Option<HistoryKind>) -> Vec<Entry> {
        let entry = |kind| entry(self.ground, case, grant, kind, self.now());
        event.map(entry).into_iter().collect()
    }
}

/// What happened to a grant of a case, for the history.
pub(super) fn entry(
    ground: &Ground,
    case: &Case,
    grant: &row::Grant,
    kind: HistoryKind,
    now: Instant,
) -> Entry {
    let cause = due::Cause::of(&case.due);
    let name = name_of(ground, grant.scope_kind, grant.scope_id);
    let time = words(ground, case_window(grant), now);
    let who = if case.is_stranger() {
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
        member: Some(case.due.member_id),
        target: Some((grant.scope_kind, grant.scope_id)),
        cause: cause.words,
        delivery: cause.delivery,
        rule: cause.rule,
        actor: cause.actor,
        message,
    }
}

fn words(ground: &Ground, window: Span, now: Instant) -> String {
    // Read long after: the day is said always, and all in the club's time.
    let text = |at: Instant| {
        let then = ground.zone.to_datetime(at.timestamp());
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
        Intent::None | Intent::Delete => super::case::window(grant.valid_from, grant.valid_until),
        Intent::Create | Intent::Change => super::case::window(grant.want_from, grant.want_until),
    }
}

/// What people call the group, place or account of a grant.
fn name_of(ground: &Ground, kind: row::ScopeKind, id: Uuid) -> String {
    let name = match kind {
        row::ScopeKind::Group | row::ScopeKind::Lock => ground.groups.get(&id).map(|row| &row.name),
        row::ScopeKind::Place => ground.places.get(&id).map(|row| &row.name),
        row::ScopeKind::Account => Some(&ground.account.name),
    };
    name.map_or_else(
        || "something that is gone".to_owned(),
        |name| format!("“{name}”"),
    )
}
