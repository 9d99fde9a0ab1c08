//! Copies all data that a club's access depends on into another database, where a change can be tried without blocking the real
//! one. Secrets are copied only in sealed form; delivery bodies and the history are not copied.

use entity::*;
use sea_orm::ConnectionTrait;

use super::{ClubScope, StoreError, bulk};

macro_rules! copied {
    ($($table:ident),* $(,)?) => {
        /// Copies a club, table by table. The copy is not a snapshot: each table is read as it is at that moment.
        pub async fn copy(
            from: &impl ConnectionTrait,
            to: &impl ConnectionTrait,
            scope: ClubScope,
        ) -> Result<(), StoreError> {
            $(
                let rows = scope.find::<$table::Entity>().all(from).await?;
                bulk::insert(to, rows).await?;
            )*
            Ok(())
        }
    };
}

copied!(
    club,
    kisi_account,
    place,
    lock,
    access_group,
    group_lock,
    source,
    source_version,
    location,
    offering,
    member,
    person,
    person_past,
    person_version,
    company,
    company_version,
    company_person,
    entitlement,
    entitlement_version,
    entitlement_person,
    erased_identifier,
    rule,
    share,
    suspension,
);
