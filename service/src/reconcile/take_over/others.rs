//! Finds the owners of assignments in a group without a stored grant: members, by Kisi user or exact e-mail, or strangers.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Reading;
use crate::{
    app::App,
    reconcile::{
        execute::GROUP_ROLE,
        member_state::MemberState,
        sweep::{
            compare::{self, Differences},
            conclude::Conclusions,
            email_matches::{known_users, match_by_email},
        },
    },
    store::{ClubScope, StoreError, row, sweep},
};

/// The assignments of a group that are not stored yet.
pub struct Others {
    /// The unknown assignments, as the first read of the group would store them.
    pub conclusions: Conclusions,
    /// Users of members that were found in the list by e-mail.
    matched: Vec<row::KisiUser>,
    /// The grants of members that would be stored.
    of_members: BTreeMap<Uuid, Vec<row::Grant>>,
    /// Assignments of strangers, including stored ones, and of members with another role, with that member. By Kisi's id.
    pub strangers: Vec<(Option<Uuid>, i64)>,
}

impl Others {
    pub async fn of(
        app: &App,
        account: &row::KisiAccount,
        group: &row::Group,
        reading: &Reading,
    ) -> Result<Self, StoreError> {
        let (db, scope, now) = (
            app.db.read(),
            ClubScope::new(account.club_id),
            app.clock.now(),
        );
        let at = (row::ScopeKind::Group, group.id);
        let grants = sweep::grants_at(db, scope, account.id, at).await?;
        let busy: BTreeSet<Uuid> = compare::in_flight(&grants).collect();
        let differences = Differences::of(reading.rows.clone(), &grants, Some(GROUP_ROLE), &busy);
        let mut unknown = differences.unknown;
        let mut users = known_users(db, scope, account.id, &unknown).await?;
        let matched = match_by_email(db, scope, account.id, &unknown, &users).await?;
        users.extend(matched.iter().cloned());
        let is_member = |user: &&row::KisiUser| user.member_id != user.id;
        let members: BTreeMap<i64, Uuid> = (users.iter().filter(is_member))
            .filter_map(|user| Some((user.kisi_id?, user.member_id)))
            .collect();
        if group.managed && group.read_at.is_some() {
            // An assignment that this service just created for a member may be in the list and not stored yet.
            let own = account.kisi_user_id;
            unknown.retain(|row| {
                let is_members = row.user_id.is_some_and(|id| members.contains_key(&id));
                !is_members || own.is_none() || row.created_by_id != own
            });
        }
        let own = account.kisi_user_id;
        let mut classified =
            compare::classify(unknown, &grants, users, own, Some(GROUP_ROLE), &busy);
        classified.matched.clone_from(&matched);
        let is_strangers =
            |grant: &&row::Grant| grant.external && grant.member_id == grant.kisi_user_id;
        let known = grants.iter().filter(is_strangers);
        let known = known.filter_map(|grant| Some((None, grant.kisi_id?)));
        let new = classified.of_strangers.iter().map(|(_, row)| {
            let member = row.user_id.and_then(|id| members.get(&id)).copied();
            (member, row.id)
        });
        let strangers = known.chain(new).collect();
        let conclusions = Conclusions::of_group(scope, account.id, group, classified, now);
        Ok(Self {
            of_members: conclusions.of_members(),
            conclusions,
            matched,
            strangers,
        })
    }

    /// Changes a member's state to what it would be after the list was stored.
    pub fn apply_to(&self, member_state: &mut MemberState) {
        let id = member_state.due.member_id;
        for user in self.matched.iter().filter(|user| user.member_id == id) {
            member_state.users.retain(|known| known.id != user.id);
            member_state.users.push(user.clone());
        }
        let grants = self.of_members.get(&id).into_iter().flatten();
        member_state.grants.extend(grants.cloned());
    }
}
