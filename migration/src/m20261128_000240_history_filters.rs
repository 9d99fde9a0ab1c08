//! Indexes for the history by rule and by actor. Most entries have neither, so the indexes leave those out.

use sea_orm_migration::prelude::*;

use crate::table::{create_index, drop_index};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: [&str; 2] = ["rule_id id if rule_id", "club_id actor id if actor"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for columns in INDEXES {
            create_index(manager, "history", columns, false).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for columns in INDEXES {
            drop_index(manager, "history", columns).await?;
        }
        Ok(())
    }
}
