//! At most one open question for the brake about a member's access to one target in one account.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

/// What is open; entries that are only counted for the brake's window may repeat.
const OPEN: &str = "('ASKED', 'HELD', 'PASSED', 'APPROVED', 'DISMISSED')";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        // Of two open questions the later goes: the loop asks again where the first does not answer it.
        connection
            .execute_unprepared(&format!(
                "DELETE FROM revocation WHERE state IN {OPEN} AND EXISTS (SELECT 1 FROM revocation AS earlier \
                 WHERE earlier.state IN {OPEN} AND earlier.account_id = revocation.account_id \
                 AND earlier.member_id = revocation.member_id AND earlier.scope_kind = revocation.scope_kind \
                 AND earlier.scope_id = revocation.scope_id AND earlier.id < revocation.id)"
            ))
            .await?;
        // The query builder knows no partial indexes.
        connection
            .execute_unprepared(&format!(
                "CREATE UNIQUE INDEX revocation_open ON revocation (account_id, member_id, scope_kind, scope_id) \
                 WHERE state IN {OPEN}"
            ))
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared("DROP INDEX revocation_open")
            .await?;
        Ok(())
    }
}
