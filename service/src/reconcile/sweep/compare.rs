//! Compares one list of Kisi's with the stored grants. Pure: it returns the differences, and `conclude` decides what follows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use access::Span;
use uuid::Uuid;

use crate::{
    kisi::Assignment,
    reconcile::execute::window_of,
    store::{
        convert::span,
        row::{self, Intent},
    },
};

/// Up to this many differences do not make a list doubtful.
const TOLERATED: usize = 20;

#[derive(Debug, Default)]
pub struct Differences {
    /// Grants that an earlier list did not show correctly, and this one does.
    pub reappeared: Vec<Uuid>,
    /// Grants that are missing in the list.
    pub missing: Vec<row::Grant>,
    /// Grants with another window in Kisi, with that window.
    pub changed: Vec<(row::Grant, Span)>,
    /// Grants with another role in Kisi: somebody else changed them.
    pub changed_role: Vec<row::Grant>,
    /// Assignments in the list without a stored grant.
    pub unknown: Vec<Assignment>,
    /// How many grants were compared.
    pub compared: usize,
}

impl Differences {
    /// Compares the list `rows` with `grants`. `role` is the role that this service assigns, if the list is of a group. Grants of
    /// `busy` members are skipped.
    pub fn of(
        rows: Vec<Assignment>,
        grants: &[row::Grant],
        role: Option<&str>,
        busy: &BTreeSet<Uuid>,
    ) -> Self {
        let mut differences = Self::default();
        let mut rows: HashMap<i64, Assignment> =
            rows.into_iter().map(|row| (row.id, row)).collect();
        for grant in grants {
            let Some(kisi_id) = grant.kisi_id else {
                continue;
            };
            let row = rows.remove(&kisi_id);
            if busy.contains(&grant.member_id) {
                continue;
            }
            differences.compared += 1;
            let Some(row) = row else {
                differences.missing.push(grant.clone());
                continue;
            };
            let window_in_kisi = window_of(&row);
            let is_strangers = grant.external && grant.member_id == grant.kisi_user_id;
            if role.is_some_and(|role| role != row.role_id) && !is_strangers {
                differences.changed_role.push(grant.clone());
            } else if window_in_kisi != span(grant.valid_from, grant.valid_until) {
                differences.changed.push((grant.clone(), window_in_kisi));
            } else if grant.missed_at.is_some() {
                differences.reappeared.push(grant.id);
            }
        }
        differences.unknown = rows.into_values().collect();
        differences.unknown.sort_by_key(|row| row.id);
        differences
    }

    /// Whether so many grants differ (more than 20, and more than a tenth) that the list is more likely wrong than they are.
    pub fn is_doubtful(&self) -> bool {
        let odd = self.missing.len() + self.changed.len() + self.changed_role.len();
        odd > TOLERATED && odd.saturating_mul(10) > self.compared
    }
}

/// Members with a call in flight or of unknown outcome.
pub fn in_flight(grants: &[row::Grant]) -> impl Iterator<Item = Uuid> {
    grants
        .iter()
        .filter(|grant| grant.intent != Intent::None)
        .map(|grant| grant.member_id)
}

/// Unknown assignments by owner.
#[derive(Debug, Default)]
pub struct Classified {
    /// Users of members that were found in the list by e-mail.
    pub matched: Vec<row::KisiUser>,
    /// Second assignments of ours, from a call that Kisi executed very late, with the user.
    pub duplicate_assignments: Vec<(row::KisiUser, Assignment)>,
    /// External assignments of members, with the member's user.
    pub of_members: Vec<(row::KisiUser, Assignment)>,
    /// Assignments of strangers, or with another role, with the stranger's user if it is stored already.
    pub of_strangers: Vec<(Option<row::KisiUser>, Assignment)>,
}

/// Classifies unknown assignments. A duplicate was created by this account's own user for a user who has a grant with the same
/// window already; one that the owner of that user made by hand looks the same, but deleting it costs nobody access. Strangers
/// matter only in groups that remove them.
pub fn classify(
    unknown: Vec<Assignment>,
    grants: &[row::Grant],
    users: Vec<row::KisiUser>,
    own_user: Option<i64>,
    role: Option<&str>,
    busy: &BTreeSet<Uuid>,
) -> Classified {
    let mut users_by_kisi_id: BTreeMap<i64, Vec<row::KisiUser>> = BTreeMap::new();
    for user in users {
        if let Some(id) = user.kisi_id {
            users_by_kisi_id.entry(id).or_default().push(user);
        }
    }
    let mut classified = Classified::default();
    for row in unknown {
        let users = row.user_id.and_then(|id| users_by_kisi_id.get(&id));
        let users = users.map_or(&[][..], Vec::as_slice);
        if users.iter().any(|user| busy.contains(&user.member_id)) {
            continue;
        }
        let is_usual = role.is_none_or(|role| role == row.role_id);
        let has_the_same = |user: &&row::KisiUser| {
            grants.iter().any(|grant| {
                grant.kisi_user_id == user.id
                    && grant.kisi_id.is_some()
                    && span(grant.valid_from, grant.valid_until) == window_of(&row)
            })
        };
        let is_own = own_user.is_some() && row.created_by_id == own_user;
        let member = users.iter().find(|user| user.member_id != user.id);
        let duplicate = users.iter().find(has_the_same);
        if let Some(user) = duplicate.filter(|_| is_usual && is_own) {
            classified.duplicate_assignments.push((user.clone(), row));
        } else if let Some(user) = member.filter(|_| is_usual) {
            classified.of_members.push((user.clone(), row));
        } else {
            let stranger = users.iter().find(|user| user.member_id == user.id);
            classified.of_strangers.push((stranger.cloned(), row));
        }
    }
    classified
}
