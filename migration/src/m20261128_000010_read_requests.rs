//! The objects whose reading webhooks asked for, so that they are read alone.

use sea_orm_migration::prelude::*;

use crate::table::create;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "read_request";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = "id:uuid! club_id:uuid source_id:uuid object:str?";
        create(manager, TABLE, columns, &["source_id id", "club_id"], &[]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut dropped = Table::drop();
        manager
            .drop_table(dropped.table(Alias::new(TABLE)).to_owned())
            .await
    }
}
