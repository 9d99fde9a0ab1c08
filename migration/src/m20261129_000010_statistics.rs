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

/// All tables of this version.
const TABLES: [&str; 49] = [
    "access_group",
    "account_owner",
    "announced_problem",
    "arrival",
    "check_in",
    "club",
    "company",
    "company_person",
    "company_version",
    "delivery",
    "delivery_member",
    "due",
    "entitlement",
    "entitlement_person",
    "entitlement_version",
    "erased_identifier",
    "group_lock",
    "history",
    "kisi_account",
    "kisi_event",
    "kisi_grant",
    "kisi_listener",
    "kisi_login",
    "kisi_user",
    "lease",
    "location",
    "lock",
    "member",
    "offering",
    "person",
    "person_past",
    "person_version",
    "place",
    "process",
    "read_request",
    "reading",
    "rejection",
    "revocation",
    "rule",
    "share",
    "source",
    "source_version",
    "suspension",
    "token",
    "unlock_request",
    "webhook_attempt",
    "webhook_endpoint",
    "webhook_message",
    "write_probe",
];

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
    for table in TABLES {
        let alter = format!("ALTER TABLE \"{table}\" {change}");
        connection.execute_unprepared(&alter).await?;
    }
    Ok(())
}
