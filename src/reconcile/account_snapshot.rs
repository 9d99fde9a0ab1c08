//! The data that all members of an account share in one turn of the loop: the account, its groups and places, the club's time
//! zone, the rules, and what has been learned about Kisi.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use access::{Abilities, Ability, Granularity, Rule, Target};
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::store::{self, Db, StoreError, clubs, facts::AsOf, row, rules, setup};

/// The data that all members of an account share.
pub struct AccountSnapshot {
    pub scope: store::ClubScope,
    pub account: row::KisiAccount,
    pub groups: HashMap<Uuid, row::Group>,
    pub places: HashMap<Uuid, row::Place>,
    pub zone: TimeZone,
    /// The rules of each managed group.
    pub(super) rules: HashMap<Uuid, Vec<Rule>>,
    /// What this Kisi account supports, as far as learned. Shared by the members that are served at once.
    abilities: Mutex<Abilities>,
    /// Whether a rule has a weekly schedule.
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
        let mut by_group: HashMap<Uuid, Vec<Rule>> = HashMap::new();
        let mut has_schedules = false;
        for rule in rules::load(db.read(), scope, AsOf::Now).await? {
            let Target::Group(group) = rule.target else {
                continue;
            };
            let group = Uuid::from_u128(group.0);
            if groups
                .iter()
                .any(|row| row.id == group && row.managed && row.gone_at.is_none())
            {
                let conditions = rule
                    .current()
                    .into_iter()
                    .flat_map(|version| &version.conditions);
                has_schedules |= conditions
                    .into_iter()
                    .any(|condition| matches!(condition, access::Condition::Schedule(_)));
                by_group.entry(group).or_default().push(rule);
            }
        }
        let club = clubs::get(db.read(), scope).await?;
        let zone = club.and_then(|club| TimeZone::get(&club.time_zone).ok());
        Ok(Self {
            scope,
            zone: zone.unwrap_or(TimeZone::UTC),
            groups: groups.into_iter().map(|row| (row.id, row)).collect(),
            places: places.into_iter().map(|row| (row.id, row)).collect(),
            rules: by_group,
            has_schedules,
            abilities: Mutex::new(abilities(&account)),
            is_leaving: account.status == row::KisiStatus::Disconnecting,
            account,
        })
    }

    /// Whether a group has an enabled rule.
    pub(super) fn has_rule(&self, group: Uuid) -> bool {
        let rules = self.rules.get(&group).into_iter().flatten();
        let mut current = rules.flat_map(Rule::current);
        current.any(|version| version.enabled)
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

fn abilities(account: &row::KisiAccount) -> Abilities {
    let ability = |stored| match stored {
        row::Ability::Unknown => Ability::Unknown,
        row::Ability::Yes => Ability::Yes,
        row::Ability::No => Ability::No,
    };
    Abilities {
        change_window: ability(account.change_window),
        duplicate_assignments: ability(account.duplicate_assignments),
        granularity: Granularity::from_seconds(account.granularity_s),
    }
}
