//! Frees the e-mail addresses of a removed source's people. Called in the transaction that removes the source.

use uuid::Uuid;

use std::collections::BTreeSet;

use super::apply::assign_members;
use crate::store::{
    ClubScope, Connection, StoreError, due,
    working_set::{self, Keys},
};

/// Reassigns the addresses of a removed source's people to other members who claim them, and marks the affected members due.
pub async fn free_addresses(
    connection: &impl Connection,
    scope: ClubScope,
    source: Uuid,
    now: i64,
    cause: &due::Cause,
) -> Result<(), StoreError> {
    let keys = Keys {
        everybody_of: [source].into(),
        ..Keys::default()
    };
    let mut set = working_set::load(connection, scope, now, &keys).await?;
    let changed = assign_members::assign_members(&mut set, &BTreeSet::new());
    set.save(connection).await?;
    due::mark(connection, scope, changed, now, cause).await?;
    Ok(())
}
