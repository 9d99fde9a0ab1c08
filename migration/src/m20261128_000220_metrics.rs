//! Indexes for the metrics, which count open work and held revocations of all clubs.

use sea_orm_migration::prelude::*;

use crate::table::{create_index, drop_index};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const OPEN: &str = "due_open";
const HELD: &str = "state if state=HELD";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = |name| Expr::col(Alias::new(name));
        let mut open = Index::create();
        open.name(OPEN)
            .table(Alias::new("due"))
            .col(Alias::new("account_id"))
            .col(Alias::new("due_at"))
            .and_where(column("generation").gt(column("settled_generation")));
        manager.create_index(open).await?;
        create_index(manager, "revocation", HELD, false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "revocation", HELD).await?;
        let mut open = Index::drop();
        open.name(OPEN).table(Alias::new("due"));
        manager.drop_index(open).await
    }
}
