//! A door that a member may open.

use access::Decision;
use async_graphql::SimpleObject;

use super::{
    lock::Lock,
    restriction::{self, UnlockRestriction},
    scalar::DateTime,
};
use crate::{store::row, unlock::restriction::Restriction};

/// A lock that a member may open at this instant.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::prompt")]
pub struct Door {
    /// The lock.
    lock: Lock,
    /// Until when the member may open it, where that is known.
    until: Option<DateTime>,
    /// Whether Kisi takes an unlock from anywhere and at any time: false where there are unlockRestrictions.
    remote_unlockable: bool,
    /// What in Kisi's settings can make Kisi refuse an unlock of this door; empty where nothing can.
    unlock_restrictions: Vec<UnlockRestriction>,
}

impl Door {
    /// A lock with the decision that allows it, and what can keep Kisi from opening it.
    pub fn new(lock: row::Lock, decision: &Decision, restrictions: Vec<Restriction>) -> Self {
        let until = decision.until.map(|until| DateTime(until.micros()));
        Self {
            remote_unlockable: restrictions.is_empty(),
            unlock_restrictions: restriction::shown(restrictions),
            lock: Lock(lock),
            until,
        }
    }
}
