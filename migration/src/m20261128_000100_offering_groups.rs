//! The Kisi groups to which a platform itself maps what it sells, with the version that stated them.

use sea_orm_migration::prelude::*;

use crate::table::{add_column, drop_column};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "offering";
const NUMBERS: [&str; 2] = ["kisi_group", "groups_happened_at"];
const TEXTS: [&str; 2] = ["item_groups", "groups_version_key"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in NUMBERS {
            let mut number = ColumnDef::new(Alias::new(name));
            add_column(manager, TABLE, number.big_integer().null()).await?;
        }
        for name in TEXTS {
            let mut text = ColumnDef::new(Alias::new(name));
            add_column(manager, TABLE, text.text().null()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in NUMBERS.into_iter().chain(TEXTS) {
            drop_column(manager, TABLE, name).await?;
        }
        Ok(())
    }
}
