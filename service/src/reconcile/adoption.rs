//! External assignments: those that others made for a member. If the rules want the member in, the assignment is adopted: this
//! service manages it from then on, and the plan aligns its window. Otherwise it stays or is deleted, as the group's policy for
//! strangers says. Never calls Kisi. Called after states are loaded and before they are planned.

use std::collections::BTreeMap;

use access::{AccessScope, Desired, Grant, Id, Instant, Span, SpanSet};
use uuid::Uuid;

use super::{
    account_snapshot::AccountSnapshot,
    member_state::{self, MemberState},
    record,
};
use crate::{
    app::App,
    store::{
        StoreError,
        convert::{self, id},
        grants,
        history::{self, Entry},
        row::{self, HistoryKind},
    },
    transaction,
};

/// Whether an external assignment with this window is adopted: the rules want the member in now, or the assignment is not open now
/// and the rules want the member in at a time that it covers. An open assignment is not adopted for a later time, because aligning
/// its window would end it.
pub fn is_adoptable(held: &Span, wanted: &SpanSet, now: Instant) -> bool {
    let later = || !held.contains(now) && !wanted.intersect(&SpanSet::of([*held])).is_empty();
    wanted.contains(now) || later()
}

impl MemberState {
    /// External assignments of the member to adopt. Nothing is adopted in a scope in which this service already has an assignment.
    pub(super) fn adoptable_grants(&self, snapshot: &AccountSnapshot, now: Instant) -> Vec<Uuid> {
        if !self.grants.iter().any(|grant| grant.external) {
            return Vec::new();
        }
        let desired = self.desired(snapshot);
        let user = self.user().map(|user| user.id);
        let is_wanted = |row: &&row::Grant| {
            let grant = convert::grant(row);
            let windows = windows_at(&desired, grant.scope);
            let is_theirs = row.external && Some(row.kisi_user_id) == user;
            is_theirs
                && !self.has_own_grant(grant.scope)
                && is_adoptable(&grant.window, &windows, now)
        };
        let wanted = self.grants.iter().filter(is_wanted);
        wanted.map(|row| row.id).collect()
    }

    /// Whether this service has an assignment for the member's current Kisi user in a scope.
    pub(super) fn has_own_grant(&self, scope: AccessScope) -> bool {
        let user = self.user().map(|user| user.id);
        let ours = |row: &&row::Grant| {
            !row.external && row.kisi_id.is_some() && Some(row.kisi_user_id) == user
        };
        let mut ours = self.grants.iter().filter(ours).map(convert::grant);
        ours.any(|grant| grant.scope == scope)
    }

    /// Whether the rules want the member in a group that was not read yet. Until then the member is not settled; the first read
    /// marks all members due.
    pub(super) fn is_waiting_for_reading(&self, snapshot: &AccountSnapshot) -> bool {
        let is_unread = |group: &Uuid| snapshot.is_unread(AccessScope::Group(id(*group)));
        if !snapshot.groups.keys().any(is_unread) {
            return false;
        }
        let desired = self.desired(snapshot);
        let waits = |wish: &Desired| !wish.windows.is_empty() && snapshot.is_unread(wish.scope);
        desired.iter().any(waits)
    }

    /// The assignments that the plan may change or delete: our own, and external ones in groups that remove strangers.
    pub(super) fn planned_grants(&self, snapshot: &AccountSnapshot) -> Vec<Grant> {
        let in_kisi = |row: &&row::Grant| row.kisi_id.is_some();
        let is_planned =
            |row: &&row::Grant| !row.external || snapshot.removes_strangers(row.scope_id);
        let rows = self.grants.iter().filter(in_kisi).filter(is_planned);
        let grants = rows.map(convert::grant);
        grants
            .filter(|grant| !snapshot.is_unread(grant.scope))
            .collect()
    }

    /// Removes windows that an external assignment covers from `desired`. Returns when the first of them begins: then that
    /// assignment is adopted.
    pub(super) fn exclude_covered_by_others(
        &self,
        snapshot: &AccountSnapshot,
        desired: &mut [Desired],
    ) -> Option<Instant> {
        let user = self.user().map(|user| user.id);
        let mut first: Option<Instant> = None;
        let others = self.grants.iter().filter(|row| {
            row.external
                && Some(row.kisi_user_id) == user
                && !snapshot.removes_strangers(row.scope_id)
        });
        for other in others.map(convert::grant) {
            if self.has_own_grant(other.scope) {
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

/// Loads the states of due members, with what is adoptable adopted: what the loop plans from.
pub async fn load_and_adopt(
    app: &App,
    snapshot: &AccountSnapshot,
    due: Vec<row::Due>,
    now: Instant,
) -> Result<Vec<MemberState>, StoreError> {
    let horizon = app.config.horizon;
    let mut member_states = member_state::load(&app.db, snapshot, due, now, horizon).await?;
    adopt(app, snapshot, &mut member_states, now).await?;
    Ok(member_states)
}

/// Adopts the external assignments that the rules want, for all states in one transaction.
pub async fn adopt(
    app: &App,
    snapshot: &AccountSnapshot,
    member_states: &mut [MemberState],
    now: Instant,
) -> Result<(), StoreError> {
    let mut adopted: BTreeMap<Uuid, Entry> = BTreeMap::new();
    for member_state in member_states.iter_mut() {
        for id in member_state.adoptable_grants(snapshot, now) {
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
    transaction!(app.db, |tx| {
        let ids: Vec<Uuid> = adopted.keys().copied().collect();
        grants::adopt(tx, scope, &ids).await?;
        history::write(tx, scope, now.micros(), adopted.into_values().collect()).await
    })
    .await
}

impl AccountSnapshot {
    /// Whether a managed group was not read yet. Until then nothing is written to it.
    pub(super) fn is_unread(&self, scope: AccessScope) -> bool {
        let AccessScope::Group(Id(group)) = scope else {
            return false;
        };
        let group = self.groups.get(&Uuid::from_u128(group));
        group.is_some_and(|group| group.managed && group.read_at.is_none())
    }

    /// Whether external assignments in a group are deleted if the rules do not want them.
    pub(super) fn removes_strangers(&self, group: Uuid) -> bool {
        let group = self.groups.get(&group);
        group.is_some_and(|group| {
            group.managed
                && group.strangers == row::StrangerPolicy::Remove
                && group.evaluated_at.is_some()
                && self.has_rule(group.id)
        })
    }

    /// Groups that remove strangers as soon as all members were evaluated, which has not been recorded yet.
    pub(super) fn awaiting_evaluation(&self) -> Vec<Uuid> {
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
