//! The members about whom the loop wrote while a list was being read. The list may be older than the stored state, so
//! the comparison leaves these members to the next sweep. In memory, since only the process that owns the account writes.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

#[derive(Debug, Default)]
pub struct RecentWrites(Mutex<BTreeSet<Uuid>>);

impl RecentWrites {
    /// Clears the members. Call before reading a list.
    pub fn begin(&self) {
        self.members().clear();
    }

    /// Records a member. Call before writing about it.
    pub fn add(&self, member: Uuid) {
        self.members().insert(member);
    }

    /// The members written since the read began. Call after loading the grants.
    pub fn all(&self) -> BTreeSet<Uuid> {
        self.members().clone()
    }

    fn members(&self) -> MutexGuard<'_, BTreeSet<Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
