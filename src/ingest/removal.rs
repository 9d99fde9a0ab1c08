//! What follows for addresses when a source is removed: its people claim theirs no more. Called in the transaction that removes it.

use uuid::Uuid;

use std::collections::BTreeSet;

use super::apply::who;
use crate::store::{
    Connection, Scope, StoreError, due,
    working_set::{self, Keys},
};

/// Gives the addresses of a removed source's people to those who claim them, and marks due whom that changes.
pub async fn free_addresses(
    connection: &impl Connection,
    scope: Scope,
    source: Uuid,
    now: i64,
    cause: &due::Cause,
) -> Result<(), StoreError> {
    let keys = Keys {
        everybody_of: [source].into(),
        ..Keys::default()
    };
    let mut set = working_set::load(connection, scope, now, &keys).await?;
    let changed = who::settle(&mut set, &BTreeSet::new());
    set.save(connection).await?;
    due::mark(connection, scope, changed, now, cause).await?;
    Ok(())
}
