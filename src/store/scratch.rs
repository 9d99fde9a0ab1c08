//! Copies what a club's access follows from into another database, where a change can be tried without anybody waiting for it.
//! Nothing that is secret in the clear, no bodies and no history.

use entity::*;
use sea_orm::ConnectionTrait;

use super::{Scope, StoreError, bulk};

macro_rules! copied {
    ($($table:ident),* $(,)?) => {
        /// Copies a club. Rows that change meanwhile are copied as they are when their table's turn comes.
        pub async fn copy(
            from: &impl ConnectionTrait,
            to: &impl ConnectionTrait,
            scope: Scope,
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
    rule,
    share,
    suspension,
);
