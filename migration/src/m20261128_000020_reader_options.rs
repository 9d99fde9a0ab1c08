//! What a club says about its platform's data, and the statuses of memberships that the last reading could not understand.

use sea_orm_migration::prelude::*;

use crate::table::add_column;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "source";
const TEXTS: [&str; 2] = ["membership_statuses", "unknown_statuses"];
const PRIMARY_ONLY: &str = "primary_only";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TEXTS {
            let mut text = ColumnDef::new(Alias::new(name));
            add_column(manager, TABLE, text.text().null()).await?;
        }
        let mut primary = ColumnDef::new(Alias::new(PRIMARY_ONLY));
        add_column(manager, TABLE, primary.boolean().not_null().default(false)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TEXTS.into_iter().chain([PRIMARY_ONLY]) {
            let mut altered = Table::alter();
            altered
                .table(Alias::new(TABLE))
                .drop_column(Alias::new(name));
            manager.alter_table(altered.to_owned()).await?;
        }
        Ok(())
    }
}
