//! The places, locks and groups of a club as last read from Kisi, and which group opens which lock. Objects that are gone in Kisi
//! are left out, because nobody can pass there.

use std::collections::HashMap;

use uuid::Uuid;

use crate::store::{ClubScope, Connection, StoreError, row, setup};

/// Each list is sorted by name.
#[derive(Debug)]
pub struct Layout {
    pub places: Vec<row::Place>,
    pub locks: Vec<row::Lock>,
    pub groups: Vec<row::Group>,
    lock_at: HashMap<Uuid, usize>,
    group_at: HashMap<Uuid, usize>,
    /// For each lock the indexes into `groups`, ascending; and for each group the indexes into `locks`.
    opened_by: HashMap<Uuid, Vec<usize>>,
    opens: HashMap<Uuid, Vec<usize>>,
}

impl Layout {
    pub async fn load(connection: &impl Connection, scope: ClubScope) -> Result<Self, StoreError> {
        let places = setup::all_places(connection, scope).await?;
        let locks = setup::all_locks(connection, scope).await?;
        let groups = setup::all_groups(connection, scope).await?;
        let pairs = setup::group_locks(connection, scope).await?;
        Ok(Self::new(places, locks, groups, &pairs))
    }

    /// The groups alone, for callers that need no decisions about locks. The rows may contain some that are gone.
    pub fn of_groups(groups: &[row::Group]) -> Self {
        let groups = groups.iter().filter(|group| group.gone_at.is_none());
        Self::new(Vec::new(), Vec::new(), groups.cloned().collect(), &[])
    }

    fn new(
        places: Vec<row::Place>,
        locks: Vec<row::Lock>,
        groups: Vec<row::Group>,
        pairs: &[row::GroupLock],
    ) -> Self {
        let at = |ids: Vec<Uuid>| {
            ids.into_iter()
                .enumerate()
                .map(|(at, id)| (id, at))
                .collect()
        };
        let lock_at: HashMap<Uuid, usize> = at(locks.iter().map(|lock| lock.id).collect());
        let group_at: HashMap<Uuid, usize> = at(groups.iter().map(|group| group.id).collect());
        let mut opened_by: HashMap<Uuid, Vec<usize>> = HashMap::new();
        let mut opens: HashMap<Uuid, Vec<usize>> = HashMap::new();
        for pair in pairs {
            let places = (group_at.get(&pair.group_id), lock_at.get(&pair.lock_id));
            if let (Some(group), Some(lock)) = places {
                opened_by.entry(pair.lock_id).or_default().push(*group);
                opens.entry(pair.group_id).or_default().push(*lock);
            }
        }
        for ordered in opened_by.values_mut().chain(opens.values_mut()) {
            ordered.sort_unstable();
        }
        Self {
            places,
            locks,
            groups,
            lock_at,
            group_at,
            opened_by,
            opens,
        }
    }

    /// `None` for a lock that is gone in Kisi.
    pub fn lock(&self, id: Uuid) -> Option<&row::Lock> {
        self.locks.get(*self.lock_at.get(&id)?)
    }

    /// `None` for a group that is gone in Kisi.
    pub fn group(&self, id: Uuid) -> Option<&row::Group> {
        self.groups.get(*self.group_at.get(&id)?)
    }

    /// The groups that contain a lock, by name.
    pub fn groups_of(&self, lock: Uuid) -> impl Iterator<Item = &row::Group> {
        let places = self.opened_by.get(&lock).into_iter().flatten();
        places.filter_map(|at| self.groups.get(*at))
    }

    /// The managed groups that contain a lock, by name.
    pub fn managed_groups_of(&self, lock: Uuid) -> impl Iterator<Item = &row::Group> {
        self.groups_of(lock).filter(|group| group.managed)
    }

    /// The locks that a group contains, by name.
    pub fn locks_of(&self, group: Uuid) -> impl Iterator<Item = &row::Lock> {
        let places = self.opens.get(&group).into_iter().flatten();
        places.filter_map(|at| self.locks.get(*at))
    }
}
