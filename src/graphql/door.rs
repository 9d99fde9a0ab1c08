//! The GraphQL type `Door`: a lock that a member may open now, with the Kisi settings that restrict unlocking it.

use access::Decision;
use async_graphql::SimpleObject;

use super::{
    lock::Lock,
    restriction::{self, UnlockRestriction},
    scalar::DateTime,
};
use crate::{store::row, unlock::restriction::Restriction};

/// A lock that the member may open now.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct Door {
    /// The lock that the member may open.
    lock: Lock,
    /// When the member's access to it ends; null if that is not known.
    until: Option<DateTime>,
    /// Whether Kisi accepts an unlock from anywhere at any time: false if there are unlockRestrictions.
    remote_unlockable: bool,
    /// The Kisi settings that can make Kisi refuse an unlock of this door; empty if there are none.
    unlock_restrictions: Vec<UnlockRestriction>,
}

impl Door {
    /// `decision` is the decision that allows the member to open the lock.
    pub fn new(lock: row::Lock, decision: &Decision, restrictions: Vec<Restriction>) -> Self {
        let until = decision.until.map(|until| DateTime(until.micros()));
        Self {
            remote_unlockable: restrictions.is_empty(),
            unlock_restrictions: restriction::to_graphql(restrictions),
            lock: Lock(lock),
            until,
        }
    }
}
