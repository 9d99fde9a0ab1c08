//! Running processes, and which of them works on which Kisi account; indexes for what one process does for all accounts.

use sea_orm_migration::prelude::*;

use crate::table::{create, create_index, drop, drop_index};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, "process", "holder:str! expires_at:i64", &[], &[]).await?;
        let columns = "account_id:uuid! owner:str epoch:i64";
        create(manager, "account_owner", columns, &["owner"], &[]).await?;
        create_index(manager, "unlock_request", "state account_id", false).await?;
        create_index(manager, "kisi_event", "received_at", false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "kisi_event", "received_at").await?;
        drop_index(manager, "unlock_request", "state account_id").await?;
        drop(manager, "account_owner").await?;
        drop(manager, "process").await
    }
}
