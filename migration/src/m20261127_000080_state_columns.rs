//! State that was told from texts becomes columns and values: an account that is being disconnected, which cause a mark and a
//! revocation belong to, and whether a held revocation names its source as the likelier fault.

use sea_orm_migration::prelude::*;

use crate::table::add_column;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const DISCONNECTING: &str = "UPDATE kisi_account SET status = 'DISCONNECTING', problem = NULL \
                             WHERE status <> 'DISCONNECTED' AND problem LIKE 'disconnecting: %'";

const SUSPECTED: &str =
    "UPDATE revocation SET outage_suspected = TRUE WHERE cause LIKE '%likelier at fault%'";

/// Causes without a delivery were one cause where their texts were equal: they get the id of their oldest revocation.
const CAUSES: [&str; 3] = [
    "UPDATE revocation SET cause_id = COALESCE(delivery_id, (SELECT oldest.id FROM revocation AS oldest \
     WHERE oldest.club_id = revocation.club_id AND oldest.cause = revocation.cause ORDER BY oldest.id LIMIT 1))",
    "UPDATE due SET cause_id = cause_delivery WHERE cause_delivery IS NOT NULL",
    "UPDATE due SET cause_id = (SELECT revocation.cause_id FROM revocation WHERE revocation.club_id = due.club_id \
     AND revocation.cause = due.cause AND revocation.delivery_id IS NULL ORDER BY revocation.id LIMIT 1) \
     WHERE cause_delivery IS NULL AND EXISTS (SELECT 1 FROM revocation WHERE revocation.club_id = due.club_id \
     AND revocation.cause = due.cause AND revocation.delivery_id IS NULL)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let nil = uuid::Uuid::nil();
        for table in ["due", "revocation"] {
            let mut cause = ColumnDef::new(Alias::new("cause_id"));
            add_column(manager, table, cause.uuid().not_null().default(nil)).await?;
        }
        let mut suspected = ColumnDef::new(Alias::new("outage_suspected"));
        add_column(
            manager,
            "revocation",
            suspected.boolean().not_null().default(false),
        )
        .await?;
        let connection = manager.get_connection();
        for statement in [DISCONNECTING, SUSPECTED].into_iter().chain(CAUSES) {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let added = [
            ("revocation", "outage_suspected"),
            ("revocation", "cause_id"),
            ("due", "cause_id"),
        ];
        for (table, column) in added {
            let mut altered = Table::alter();
            altered
                .table(Alias::new(table))
                .drop_column(Alias::new(column));
            manager.alter_table(altered).await?;
        }
        let connection = manager.get_connection();
        connection
            .execute_unprepared(
                "UPDATE kisi_account SET status = 'CONNECTED', \
                 problem = 'disconnecting: its assignments are being removed' WHERE status = 'DISCONNECTING'",
            )
            .await?;
        Ok(())
    }
}
