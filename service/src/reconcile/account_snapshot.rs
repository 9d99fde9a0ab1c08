//! The data that all members of an account share in one turn of the loop: the account, its groups and places, what access
//! decisions depend on, and what has been learned about Kisi.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use access::{
    Abilities, Ability, AccessScope, Condition, Facts, Granularity, Rule, Span, SpanSet, Target,
};
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::{
    decide::{AccessContext, Layout},
    store::{
        self, Db, StoreError,
        convert::{self, id},
        facts::AsOf,
        row, setup,
    },
};

/// The data that all members of an account share.
pub struct AccountSnapshot {
    pub scope: store::ClubScope,
    pub account: row::KisiAccount,
    /// With those that are gone in Kisi.
    pub groups: HashMap<Uuid, row::Group>,
    pub places: HashMap<Uuid, row::Place>,
    /// The club's rules with the account's groups. The same evaluation answers the API.
    access_context: AccessContext,
    /// What this Kisi account supports, as far as learned. Shared by the members that are served at once.
    abilities: Mutex<Abilities>,
    /// Whether a rule of a managed group has a weekly schedule.
    pub(super) has_schedules: bool,
    /// Whether the account is being disconnected. Then no access is wanted in it.
    pub(super) is_leaving: bool,
}

impl AccountSnapshot {
    pub async fn load(db: &Db, account: row::KisiAccount) -> Result<Self, StoreError> {
        let scope = store::ClubScope::new(account.club_id);
        let groups = setup::groups(db.read(), scope, account.id).await?;
        Self::with_groups(db, account, groups).await
    }

    /// Like `load`, with these groups instead of the stored ones.
    pub(super) async fn with_groups(
        db: &Db,
        account: row::KisiAccount,
        groups: Vec<row::Group>,
    ) -> Result<Self, StoreError> {
        let scope = store::ClubScope::new(account.club_id);
        let places = setup::places(db.read(), scope, account.id).await?;
        let layout = Layout::of_groups(&groups);
        let access_context =
            AccessContext::with_layout(db.read(), scope, AsOf::Now, layout).await?;
        let targets = groups.iter().map(|group| Target::Group(id(group.id)));
        let mut rules = targets.flat_map(|target| access_context.rules_for(target));
        let has_schedules = rules.any(|rule| {
            let mut conditions = rule.current().into_iter().flat_map(|it| &it.conditions);
            conditions.any(|condition| matches!(condition, Condition::Schedule(_)))
        });
        Ok(Self {
            scope,
            groups: groups.into_iter().map(|row| (row.id, row)).collect(),
            places: places.into_iter().map(|row| (row.id, row)).collect(),
            access_context,
            abilities: Mutex::new(convert::abilities(&account)),
            has_schedules,
            is_leaving: account.status == row::KisiStatus::Disconnecting,
            account,
        })
    }

    /// Whether a group has an enabled rule.
    pub(super) fn has_rule(&self, group: Uuid) -> bool {
        let rules = self.access_context.rules_for(Target::Group(id(group)));
        let mut current = rules.into_iter().flat_map(Rule::current);
        current.any(|version| version.enabled)
    }

    /// The club's time zone.
    pub(super) fn zone(&self) -> &TimeZone {
        &self.access_context.zone
    }

    /// When a grant of this scope has to let somebody in.
    pub(super) fn spans(&self, facts: &Facts, scope: AccessScope, around: Span) -> SpanSet {
        self.access_context.spans(facts, scope, around)
    }

    pub fn abilities(&self) -> Abilities {
        *self.lock_abilities()
    }

    fn lock_abilities(&self) -> MutexGuard<'_, Abilities> {
        (self.abilities.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores newly learned abilities. Returns all known ones.
    pub(super) fn learn(
        &self,
        change: Option<Ability>,
        duplicate_assignments: Option<Ability>,
    ) -> Abilities {
        let mut abilities = self.lock_abilities();
        abilities.change_window = change.unwrap_or(abilities.change_window);
        abilities.duplicate_assignments =
            duplicate_assignments.unwrap_or(abilities.duplicate_assignments);
        *abilities
    }

    /// Stores the unit to which Kisi rounds windows. False if the same or a coarser one is known.
    pub(super) fn learn_granularity(&self, unit: Granularity) -> bool {
        let mut abilities = self.lock_abilities();
        let is_coarser = unit > abilities.granularity;
        if is_coarser {
            abilities.granularity = unit;
        }
        is_coarser
    }
}
