//! Erasure of people: its state and report on the member, and hashes by which later events about an erased person are recognised.

use sea_orm_migration::prelude::*;

use crate::table::{add_column, create, create_index, drop, drop_column, drop_index};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const PENDING: &str = "id if erasure=ENDING_ACCESS";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["erasure", "erasure_report"] {
            let mut column = ColumnDef::new(Alias::new(column));
            add_column(manager, "member", column.text().null()).await?;
        }
        create_index(manager, "member", PENDING, false).await?;
        let columns = "id:uuid! club_id:uuid member_id:uuid hash_key:bytes hash:bytes";
        let indexes = ["club_id", "member_id"];
        create(manager, "erased_identifier", columns, &indexes, &[]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, "erased_identifier").await?;
        drop_index(manager, "member", PENDING).await?;
        drop_column(manager, "member", "erasure_report").await?;
        drop_column(manager, "member", "erasure").await
    }
}
