//! A door that a member may open.

use access::Decision;
use async_graphql::SimpleObject;

use super::{lock::Lock, scalar::DateTime};
use crate::store::row;

/// A lock that a member may open at this instant.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::prompt")]
pub struct Door {
    /// The lock.
    lock: Lock,
    /// Until when the member may open it, where that is known.
    until: Option<DateTime>,
    /// False where Kisi refuses an unlock that does not come from a phone at the reader.
    remote_unlockable: bool,
}

impl Door {
    /// A lock with the decision that allows it.
    pub fn new(lock: row::Lock, decision: &Decision) -> Self {
        let until = decision.until.map(|until| DateTime(until.micros()));
        Self {
            remote_unlockable: !lock.restricted,
            lock: Lock(lock),
            until,
        }
    }
}
