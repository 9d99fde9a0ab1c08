//! Check-ins: whether a source's platform is told who opened a door for a registration, and what is to be told or was.

use sea_orm_migration::prelude::*;

use crate::table::{add_column, create, drop, drop_column};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "source";
const COLUMN: &str = "check_in";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut wanted = ColumnDef::new(Alias::new(COLUMN));
        add_column(manager, TABLE, wanted.boolean().not_null().default(false)).await?;
        let columns = "id:uuid! club_id:uuid source_id:uuid entitlement_id:uuid external_id:str \
                       member_id:uuid lock_id:uuid opened_at:i64 state:str due_at:i64 attempts:i64 \
                       tried_at:i64? problem_kind:str?";
        let indexes = ["club_id", "source_id state", "due_at if state=WAITING"];
        create(manager, "check_in", columns, &indexes, &["entitlement_id"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, "check_in").await?;
        drop_column(manager, TABLE, COLUMN).await
    }
}
