//! The kind of a source's problem, so that who can fix it is known, and how many requests arrived in each hour, which shows a
//! source that has gone silent or fails more and more. The hours so far are counted from the stored deliveries.

use sea_orm_migration::prelude::*;

use crate::table::{add_column, create, drop, drop_column};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "source";
const COLUMNS: [&str; 2] = ["problem_kind", "problem_since"];

/// The kinds of the stored problems, from what is stored beside their texts; the next reading replaces them.
const KINDS: &str = "UPDATE source SET problem_since = COALESCE(last_read_at, created_at), problem_kind = CASE \
     WHEN reading_doubt = 'COLLAPSED' OR reading_doubt = 'CONFIRMATION_NEEDED' THEN 'READING_COLLAPSED' \
     WHEN unknown_statuses IS NOT NULL THEN 'UNKNOWN_STATUSES' \
     WHEN credentials IS NULL THEN 'EVENTS_INCOMPLETE' \
     ELSE 'PLATFORM_UNAVAILABLE' END WHERE problem IS NOT NULL";

/// The hours of the 31 days before the latest delivery.
const HOURS: &str = "INSERT INTO arrival (source_id, hour, club_id, requests, failed, rejected, last_at) \
     SELECT source_id, received_at / 3600000000, club_id, COUNT(*), \
     SUM(CASE WHEN status = 'FAILED' THEN 1 ELSE 0 END), 0, MAX(received_at) FROM delivery \
     WHERE external_id NOT LIKE 'read:%' AND received_at > \
     (SELECT MAX(received_at) - 2678400000000 FROM delivery) \
     GROUP BY source_id, received_at / 3600000000, club_id";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut kind = ColumnDef::new(Alias::new("problem_kind"));
        add_column(manager, TABLE, kind.text().null()).await?;
        let mut since = ColumnDef::new(Alias::new("problem_since"));
        add_column(manager, TABLE, since.big_integer().null()).await?;
        let columns = "source_id:uuid! hour:i64! club_id:uuid requests:i64 failed:i64 rejected:i64 \
                       last_at:i64";
        create(manager, "arrival", columns, &["club_id"], &[]).await?;
        let connection = manager.get_connection();
        connection.execute_unprepared(KINDS).await?;
        connection.execute_unprepared(HOURS).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, "arrival").await?;
        for name in COLUMNS {
            drop_column(manager, TABLE, name).await?;
        }
        Ok(())
    }
}
