//! Whom the loop wrote about while a list was being read: what the list says of them may be older than what is known here,
//! so the comparison leaves them to the next sweep. In memory, since only the holder of the lease writes.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

/// See the module.
#[derive(Debug, Default)]
pub struct RecentWrites(Mutex<BTreeSet<Uuid>>);

impl RecentWrites {
    /// A list is about to be read: forgets what was before.
    pub fn begin(&self) {
        self.members().clear();
    }

    /// Something is about to be written down of a member.
    pub fn add(&self, member: Uuid) {
        self.members().insert(member);
    }

    /// Everybody since the reading began. To be asked after the grants were loaded.
    pub fn all(&self) -> BTreeSet<Uuid> {
        self.members().clone()
    }

    fn members(&self) -> MutexGuard<'_, BTreeSet<Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
