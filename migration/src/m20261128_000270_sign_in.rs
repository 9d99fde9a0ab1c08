//! Sessions of staff who signed in with an identity provider: tokens with the provider's id of the person. The list of tokens leaves
//! them out, as it does member sessions.

use sea_orm_migration::prelude::*;

use crate::table::{add_column, drop_column};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut subject = ColumnDef::new(Alias::new("subject"));
        add_column(manager, "token", subject.text().null()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_column(manager, "token", "subject").await
    }
}
