//! Compares one list of Kisi's with the grants that are known. Pure: it says what differs, and concludes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use access::Span;
use uuid::Uuid;

use crate::{
    kisi::Assignment,
    reconcile::{execute::window_of, member_state::window},
    store::row::{self, Intent},
};

/// So many may differ in one list without the list itself being doubted.
const FEW: usize = 20;

/// What differs.
#[derive(Debug, Default)]
pub struct Differences {
    /// Grants that a list missed before, and that are there after all.
    pub back: Vec<Uuid>,
    /// Grants that the list does not show.
    pub missing: Vec<row::Grant>,
    /// Grants with another window, which is given.
    pub changed: Vec<(row::Grant, Span)>,
    /// Grants with another role: somebody made them their own.
    pub changed_role: Vec<row::Grant>,
    /// Assignments that nobody here knows of.
    pub unknown: Vec<Assignment>,
    /// How many grants were compared.
    pub compared: usize,
}

impl Differences {
    /// Of `rows` from `grants`. `role` is the one that is given here, where it is known for sure. `busy` members are left
    /// out.
    pub fn of(
        rows: Vec<Assignment>,
        grants: &[row::Grant],
        role: Option<&str>,
        busy: &BTreeSet<Uuid>,
    ) -> Self {
        let mut found = Self::default();
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
            found.compared += 1;
            let Some(row) = row else {
                found.missing.push(grant.clone());
                continue;
            };
            let held = window_of(&row);
            let is_strangers = grant.external && grant.member_id == grant.kisi_user_id;
            if role.is_some_and(|role| role != row.role_id) && !is_strangers {
                found.changed_role.push(grant.clone());
            } else if held != window(grant.valid_from, grant.valid_until) {
                found.changed.push((grant.clone(), held));
            } else if grant.missed_at.is_some() {
                found.back.push(grant.id);
            }
        }
        found.unknown = rows.into_values().collect();
        found.unknown.sort_by_key(|row| row.id);
        found
    }

    /// Whether so much differs that the list is to be doubted rather than everybody in it.
    pub fn is_doubtful(&self) -> bool {
        let odd = self.missing.len() + self.changed.len() + self.changed_role.len();
        odd > FEW && odd.saturating_mul(10) > self.compared
    }
}

/// Members whose grants bear an intent: what Kisi holds of them is about to be found out.
pub fn in_flight(grants: &[row::Grant]) -> impl Iterator<Item = Uuid> {
    grants
        .iter()
        .filter(|grant| grant.intent != Intent::None)
        .map(|grant| grant.member_id)
}

/// Whose the unknown assignments are.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Members whom Kisi turned out to know.
    pub met: Vec<row::KisiUser>,
    /// A second one of ours, from a write that came very late: of these members, by Kisi's user here.
    pub duplicate_assignments: Vec<(row::KisiUser, Assignment)>,
    /// A member's, made by somebody else.
    pub of_members: Vec<(row::KisiUser, Assignment)>,
    /// Of nobody whom a source names, or with another role; with the stranger, where met before.
    pub of_strangers: Vec<(Option<row::KisiUser>, Assignment)>,
}

/// Sorts what is unknown. A twin was made by this account's own user for somebody who has the very same from us already;
/// what the user's owner made by hand looks alike, but is no loss to anybody. Others are strangers, who matter only where
/// they are to be removed.
pub fn sort(
    unknown: Vec<Assignment>,
    grants: &[row::Grant],
    users: Vec<row::KisiUser>,
    own_user: Option<i64>,
    role: Option<&str>,
    busy: &BTreeSet<Uuid>,
) -> Sorted {
    let mut known: BTreeMap<i64, Vec<row::KisiUser>> = BTreeMap::new();
    for user in users {
        if let Some(id) = user.kisi_id {
            known.entry(id).or_default().push(user);
        }
    }
    let mut sorted = Sorted::default();
    for row in unknown {
        let theirs = row.user_id.and_then(|id| known.get(&id));
        let theirs = theirs.map_or(&[][..], Vec::as_slice);
        if theirs.iter().any(|user| busy.contains(&user.member_id)) {
            continue;
        }
        let is_usual = role.is_none_or(|role| role == row.role_id);
        let has_the_same = |user: &&row::KisiUser| {
            grants.iter().any(|grant| {
                grant.kisi_user_id == user.id
                    && grant.kisi_id.is_some()
                    && window(grant.valid_from, grant.valid_until) == window_of(&row)
            })
        };
        let made_by_us = own_user.is_some() && row.created_by_id == own_user;
        let member = theirs.iter().find(|user| user.member_id != user.id);
        let twin = theirs.iter().find(has_the_same);
        if let Some(user) = twin.filter(|_| is_usual && made_by_us) {
            sorted.duplicate_assignments.push((user.clone(), row));
        } else if let Some(user) = member.filter(|_| is_usual) {
            sorted.of_members.push((user.clone(), row));
        } else {
            let met = theirs.iter().find(|user| user.member_id == user.id);
            sorted.of_strangers.push((met.cloned(), row));
        }
    }
    sorted
}
