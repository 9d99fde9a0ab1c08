//! Indexes for the lists of shares, suspensions and tokens of a club. Member sessions are in the table of tokens, and are left out.

use sea_orm_migration::prelude::*;

use crate::table::{create_index, drop_index};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

/// Table and columns.
const INDEXES: [(&str, &str); 3] = [
    ("share", "club_id id"),
    ("suspension", "club_id id"),
    ("token", "club_id name id if !member_id"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in INDEXES {
            create_index(manager, table, columns, false).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in INDEXES {
            drop_index(manager, table, columns).await?;
        }
        Ok(())
    }
}
