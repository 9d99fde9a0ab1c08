//! Renames tables, columns and stored values to the usual terms of the field.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [(&str, &str); 1] = [("press", "unlock_request")];

/// Table (new name), old column, new column.
const COLUMNS: [(&str, &str, &str); 5] = [
    ("unlock_request", "press_key", "idempotency_key"),
    ("due", "weight", "brake_policy"),
    ("kisi_account", "twins", "duplicate_assignments"),
    ("kisi_grant", "stray", "external"),
    ("kisi_listener", "stands", "registered"),
];

/// Table and column (new names), old value, new value.
const VALUES: [(&str, &str, &str, &str); 5] = [
    ("due", "brake_policy", "JUDGED", "ENFORCE"),
    ("due", "brake_policy", "BY_NAME", "EXEMPT"),
    ("due", "brake_policy", "OWN_WORD", "PREAPPROVED"),
    (
        "person_version",
        "aspect",
        "UNLISTED",
        "ABSENT_FROM_SNAPSHOT",
    ),
    (
        "company_version",
        "aspect",
        "UNLISTED",
        "ABSENT_FROM_SNAPSHOT",
    ),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (from, to) in TABLES {
            rename_table(manager, from, to).await?;
        }
        for (table, from, to) in COLUMNS {
            rename_column(manager, table, from, to).await?;
        }
        for (table, column, from, to) in VALUES {
            replace(manager, table, column, [from, to]).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column, from, to) in VALUES {
            replace(manager, table, column, [to, from]).await?;
        }
        for (table, from, to) in COLUMNS {
            rename_column(manager, table, to, from).await?;
        }
        for (from, to) in TABLES {
            rename_table(manager, to, from).await?;
        }
        Ok(())
    }
}

async fn rename_table(manager: &SchemaManager<'_>, from: &str, to: &str) -> Result<(), DbErr> {
    let mut renamed = Table::rename();
    renamed.table(Alias::new(from), Alias::new(to));
    manager.rename_table(renamed).await
}

async fn rename_column(
    manager: &SchemaManager<'_>,
    table: &str,
    from: &str,
    to: &str,
) -> Result<(), DbErr> {
    let mut altered = Table::alter();
    altered
        .table(Alias::new(table))
        .rename_column(Alias::new(from), Alias::new(to));
    manager.alter_table(altered).await
}

async fn replace(
    manager: &SchemaManager<'_>,
    table: &str,
    column: &str,
    [from, to]: [&str; 2],
) -> Result<(), DbErr> {
    let mut update = Query::update();
    update
        .table(Alias::new(table))
        .value(Alias::new(column), to)
        .and_where(Expr::col(Alias::new(column)).eq(from));
    manager.execute(update).await
}
