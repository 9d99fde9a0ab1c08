//! Statistics of a table from the time when it was nearly empty are worse than none: to PostgreSQL all indexes then seem equally
//! good, and a connection keeps what it chose while the table grows. So a table is vacuumed and analysed only after changes enough for
//! a table that is filled. A table without statistics is assumed to be large enough for an index to matter.

use sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const SET: &str = "SET (autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 1000)";
const RESET: &str = "RESET (autovacuum_vacuum_threshold, autovacuum_analyze_threshold)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        alter_all_tables(manager, SET).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        alter_all_tables(manager, RESET).await
    }
}

async fn alter_all_tables(manager: &SchemaManager<'_>, change: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if connection.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(());
    }
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()";
    let alter = format!(
        "DO $$ DECLARE name text; BEGIN FOR name IN {tables} LOOP \
         EXECUTE format('ALTER TABLE %I {change}', name); END LOOP; END $$"
    );
    connection.execute_unprepared(&alter).await?;
    Ok(())
}
