//! The index of deliveries by status begins with the status, so that PostgreSQL cannot take it for a search by source and the
//! sender's id: as long as it has no statistics, every index that begins with the source looks equally good to it, and the plan
//! stays while the table grows.

use sea_orm_migration::prelude::*;

use crate::table::{create_index, drop_index};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const BEFORE: &str = "source_id status";
const AFTER: &str = "status source_id";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "delivery", BEFORE).await?;
        create_index(manager, "delivery", AFTER, false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "delivery", AFTER).await?;
        create_index(manager, "delivery", BEFORE, false).await
    }
}
