//! Adds the columns and tables for suspicious input: warnings of a delivery, a doubtful reading of a source, and rejected webhook
//! requests.

use sea_orm_migration::prelude::*;

use crate::table::{create, drop};

#[derive(DeriveMigrationName)]
pub struct Migration;

const COLUMNS: [(&str, &str); 2] = [("delivery", "warnings"), ("source", "reading_doubt")];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in COLUMNS {
            let mut column = ColumnDef::new(Alias::new(column));
            let mut altered = Table::alter();
            altered
                .table(Alias::new(table))
                .add_column(column.text().null());
            manager.alter_table(altered).await?;
        }
        let columns =
            "source_id:uuid! hour:i64! club_id:uuid requests:i64 last_at:i64 last_reason:str";
        create(manager, "rejection", columns, &[], &[]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, "rejection").await?;
        for (table, column) in COLUMNS.iter().rev() {
            let mut altered = Table::alter();
            altered
                .table(Alias::new(*table))
                .drop_column(Alias::new(*column));
            manager.alter_table(altered).await?;
        }
        Ok(())
    }
}
