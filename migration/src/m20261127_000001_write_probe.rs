//! Adds the table that a process writes to in order to check that the database can store data.

use sea_orm_migration::prelude::*;

use crate::table::{create, drop};

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
