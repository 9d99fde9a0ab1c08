//! How a source outside the known schemes signs its requests, and who dismissed a failed delivery, when and why.

use sea_orm_migration::prelude::*;

use crate::table::{add_column, drop_column};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const COLUMNS: [(&str, &str); 4] = [
    ("source", "signature_rule"),
    ("delivery", "dismissed_at"),
    ("delivery", "dismissed_by"),
    ("delivery", "dismissed_reason"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in COLUMNS {
            let mut column = ColumnDef::new(Alias::new(name));
            let column = match name {
                "dismissed_at" => column.big_integer(),
                _ => column.text(),
            };
            add_column(manager, table, column.null()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in COLUMNS {
            drop_column(manager, table, name).await?;
        }
        Ok(())
    }
}
