//! Whose the assignments in a group are that nobody here knows of: members', by Kisi's user or by exact e-mail, or strangers'.

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
            email_matches::{holders, met},
        },
    },
    store::{ClubScope, StoreError, row, sweep},
};

/// See the module.
pub struct Others {
    /// What was unknown until now, as the first reading of the group would write it down.
    pub conclusions: Conclusions,
    /// Members whom Kisi turned out to know.
    met: Vec<row::KisiUser>,
    /// The grants of members that would be written down.
    of_members: BTreeMap<Uuid, Vec<row::Grant>>,
    /// Assignments of strangers, those that are known already too; with the member where it is one's with another role.
    pub strangers: Vec<(Option<Uuid>, i64)>,
}

impl Others {
    /// Of what was read.
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
        let found = Differences::of(reading.rows.clone(), &grants, Some(GROUP_ROLE), &busy);
        let mut unknown = found.unknown;
        let mut users = holders(db, scope, account.id, &unknown).await?;
        let met = met(db, scope, account.id, &unknown, &users).await?;
        users.extend(met.iter().cloned());
        let is_member = |user: &&row::KisiUser| user.member_id != user.id;
        let members: BTreeMap<i64, Uuid> = (users.iter().filter(is_member))
            .filter_map(|user| Some((user.kisi_id?, user.member_id)))
            .collect();
        if group.managed && group.read_at.is_some() {
            // What this service has just made for a member may be in the list and not stored yet.
            let own = account.kisi_user_id;
            unknown.retain(|row| {
                let is_members = row.user_id.is_some_and(|id| members.contains_key(&id));
                !is_members || own.is_none() || row.created_by_id != own
            });
        }
        let own = account.kisi_user_id;
        let mut sorted = compare::sort(unknown, &grants, users, own, Some(GROUP_ROLE), &busy);
        sorted.met.clone_from(&met);
        let is_strangers =
            |grant: &&row::Grant| grant.external && grant.member_id == grant.kisi_user_id;
        let known = grants.iter().filter(is_strangers);
        let known = known.filter_map(|grant| Some((None, grant.kisi_id?)));
        let new = sorted.of_strangers.iter().map(|(_, row)| {
            let member = row.user_id.and_then(|id| members.get(&id)).copied();
            (member, row.id)
        });
        let strangers = known.chain(new).collect();
        let conclusions = Conclusions::of_group(scope, account.id, group, sorted, now);
        Ok(Self {
            of_members: conclusions.of_members(),
            conclusions,
            met,
            strangers,
        })
    }

    /// What a case would be once the list was written down.
    pub fn add_to(&self, member_state: &mut MemberState) {
        let id = member_state.due.member_id;
        for user in self.met.iter().filter(|user| user.member_id == id) {
            member_state.users.retain(|known| known.id != user.id);
            member_state.users.push(user.clone());
        }
        let grants = self.of_members.get(&id).into_iter().flatten();
        member_state.grants.extend(grants.cloned());
    }
}
