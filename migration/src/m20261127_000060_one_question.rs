//! Allows at most one open revocation per member, target and account.

use sea_orm_migration::prelude::*;

use crate::table::{create_index, drop_index};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The open states. Rows that are only counted for the window of the brake may repeat.
const OPEN: &str = "('ASKED', 'HELD', 'PASSED', 'APPROVED', 'DISMISSED')";

/// The unique index over the same states.
const OPEN_REVOCATION: &str =
    "account_id member_id scope_kind scope_id if state=ASKED|HELD|PASSED|APPROVED|DISMISSED";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        // Of two open rows the later one is deleted; if the first does not settle it, the reconcile loop adds a new one.
        connection
            .execute_unprepared(&format!(
                "DELETE FROM revocation WHERE state IN {OPEN} AND EXISTS (SELECT 1 FROM revocation AS earlier \
                 WHERE earlier.state IN {OPEN} AND earlier.account_id = revocation.account_id \
                 AND earlier.member_id = revocation.member_id AND earlier.scope_kind = revocation.scope_kind \
                 AND earlier.scope_id = revocation.scope_id AND earlier.id < revocation.id)"
            ))
            .await?;
        create_index(manager, "revocation", OPEN_REVOCATION, true).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "revocation", OPEN_REVOCATION).await
    }
}
