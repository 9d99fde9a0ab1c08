//! What a process writes to find out whether the database can store something.

use sea_orm_migration::prelude::*;

use crate::table::{create, drop};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, "write_probe", "id:i32! filler:bytes", &[], &[]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, "write_probe").await
    }
}
