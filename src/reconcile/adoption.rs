//! Assignments that somebody else made for a member. Where the rules want the member in, such a one is adopted: it is this
//! service's from then on, and the plan aligns its window. Where they do not, it is a stranger's, and stays or goes as its group
//! says. Never calls Kisi. Called by whoever has loaded cases, before they are planned.

use std::{collections::BTreeMap, time::Duration};

use access::{AccessScope, Desired, Grant, Id, Instant, Span, SpanSet};
use uuid::Uuid;

use super::{
    member_state::{AccountSnapshot, MemberState, known},
    record,
};
use crate::{
    app::App,
    store::{
        StoreError, grants,
        history::{self, Entry},
        row::{self, HistoryKind},
    },
};

impl MemberState {
    /// What somebody else made for this member, where the rules want the member in: while they do, or, where it is not open
    /// now, at some time that it is open. What is open now is not taken from the member for the sake of a later time, and what
    /// somebody makes beside an assignment of this service's is left alone.
    pub(super) fn to_adopt(
        &self,
        snapshot: &AccountSnapshot,
        now: Instant,
        horizon: Duration,
    ) -> Vec<Uuid> {
        if !self.grants.iter().any(|grant| grant.external) {
            return Vec::new();
        }
        let desired = self.desired(snapshot, now, horizon);
        let user = self.user().map(|user| user.id);
        let is_wanted = |row: &&row::Grant| {
            let grant = known(row);
            let windows = windows_at(&desired, grant.scope);
            let later = || {
                let open = SpanSet::of([grant.window]);
                !grant.window.contains(now) && !windows.intersect(&open).is_empty()
            };
            let is_theirs = row.external && Some(row.kisi_user_id) == user;
            is_theirs && !self.has_ours(grant.scope) && (windows.contains(now) || later())
        };
        let wanted = self.grants.iter().filter(is_wanted);
        wanted.map(|row| row.id).collect()
    }

    /// Whether this service has an assignment for the member's present user in a group.
    pub(super) fn has_ours(&self, scope: AccessScope) -> bool {
        let user = self.user().map(|user| user.id);
        let ours = |row: &&row::Grant| {
            !row.external && row.kisi_id.is_some() && Some(row.kisi_user_id) == user
        };
        let mut ours = self.grants.iter().filter(ours).map(known);
        ours.any(|grant| grant.scope == scope)
    }

    /// Whether a group that the rules want the member in is not read yet. The member is not settled before: the reading marks
    /// everybody due.
    pub(super) fn is_waiting_for_reading(
        &self,
        snapshot: &AccountSnapshot,
        now: Instant,
        horizon: Duration,
    ) -> bool {
        let is_unread = |group: &Uuid| snapshot.is_unread(AccessScope::Group(Id(group.as_u128())));
        if !snapshot.groups.keys().any(is_unread) {
            return false;
        }
        let desired = self.desired(snapshot, now, horizon);
        let waits = |wish: &Desired| !wish.windows.is_empty() && snapshot.is_unread(wish.scope);
        desired.iter().any(waits)
    }

    /// The assignments that the plan is about: ours, and those of others that their group removes.
    pub(super) fn planned(&self, snapshot: &AccountSnapshot) -> Vec<Grant> {
        let in_kisi = |row: &&row::Grant| row.kisi_id.is_some();
        let is_planned = |row: &&row::Grant| !row.external || snapshot.removes(row.scope_id);
        let rows = self.grants.iter().filter(in_kisi).filter(is_planned);
        let grants = rows.map(known);
        grants
            .filter(|grant| !snapshot.is_unread(grant.scope))
            .collect()
    }

    /// Leaves out of what is desired what an assignment of somebody else's gives anyway; when the first of it begins. Once it
    /// does, that assignment is adopted.
    pub(super) fn covered_by_others(
        &self,
        snapshot: &AccountSnapshot,
        desired: &mut [Desired],
    ) -> Option<Instant> {
        let user = self.user().map(|user| user.id);
        let mut first: Option<Instant> = None;
        let others = self.grants.iter().filter(|row| {
            row.external && Some(row.kisi_user_id) == user && !snapshot.removes(row.scope_id)
        });
        for other in others.map(known) {
            if self.has_ours(other.scope) {
                continue;
            }
            let open = SpanSet::of([other.window]);
            for wish in desired.iter_mut().filter(|wish| wish.scope == other.scope) {
                let (covered, rest): (Vec<&Span>, Vec<&Span>) = wish
                    .windows
                    .iter()
                    .partition(|window| open.covers(&SpanSet::of([**window])));
                let begins = covered.first().map(|window| window.from);
                first = first.into_iter().chain(begins).min();
                wish.windows = SpanSet::of(rest.into_iter().copied());
            }
        }
        first
    }
}

fn windows_at(desired: &[Desired], scope: AccessScope) -> SpanSet {
    let wish = desired.iter().find(|wish| wish.scope == scope);
    wish.map(|wish| wish.windows.clone()).unwrap_or_default()
}

/// Adopts what the rules want of what others made, for all of the cases in one transaction.
pub async fn adopt(
    app: &App,
    snapshot: &AccountSnapshot,
    member_states: &mut [MemberState],
    now: Instant,
) -> Result<(), StoreError> {
    let mut adopted: BTreeMap<Uuid, Entry> = BTreeMap::new();
    for member_state in member_states.iter_mut() {
        for id in member_state.to_adopt(snapshot, now, app.config.horizon) {
            let Some(row) = member_state.grants.iter_mut().find(|row| row.id == id) else {
                continue;
            };
            (row.external, row.adopted) = (false, true);
            let row = row.clone();
            let entry = record::entry(snapshot, member_state, &row, HistoryKind::Adopted, now);
            adopted.insert(id, entry);
        }
    }
    if adopted.is_empty() {
        return Ok(());
    }
    let scope = snapshot.scope;
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let ids: Vec<Uuid> = adopted.keys().copied().collect();
                grants::adopt(tx, scope, &ids).await?;
                history::write(tx, scope, now.micros(), adopted.into_values().collect()).await
            })
        })
        .await
}

impl AccountSnapshot {
    /// Whether a group is managed and its assignments were not read yet: nothing is written to it before.
    pub(super) fn is_unread(&self, scope: AccessScope) -> bool {
        let AccessScope::Group(Id(group)) = scope else {
            return false;
        };
        let group = self.groups.get(&Uuid::from_u128(group));
        group.is_some_and(|group| group.managed && group.read_at.is_none())
    }

    /// Whether what others made in a group goes where the rules do not want it.
    pub(super) fn removes(&self, group: Uuid) -> bool {
        let group = self.groups.get(&group);
        group.is_some_and(|group| {
            group.managed
                && group.strangers == row::StrangerPolicy::Remove
                && group.evaluated_at.is_some()
                && self.has_rule(group.id)
        })
    }

    /// Groups whose strangers may be removed once everybody was evaluated, which is not known yet.
    pub(super) fn waiting_for_evaluation(&self) -> Vec<Uuid> {
        let waits = |group: &&row::Group| {
            group.managed
                && group.strangers == row::StrangerPolicy::Remove
                && group.evaluated_at.is_none()
                && group.read_at.is_some()
                && self.has_rule(group.id)
        };
        let groups = self.groups.values().filter(waits);
        groups.map(|group| group.id).collect()
    }
}
