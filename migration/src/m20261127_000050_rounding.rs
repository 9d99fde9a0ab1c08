//! Adds the unit to which Kisi rounds windows, and the requested window where Kisi responded with another one.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const ACCOUNT: &str = "kisi_account";
const GRANT: &str = "kisi_grant";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Whole seconds until another unit is learned.
        let mut granularity = column("granularity_s");
        add(
            manager,
            ACCOUNT,
            granularity.big_integer().not_null().default(1),
        )
        .await?;
        for end in ["asked_from", "asked_until"] {
            add(manager, GRANT, column(end).big_integer().null()).await?;
        }
        let mut differs = column("asked_differs");
        add(manager, GRANT, differs.boolean().not_null().default(false)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let added = [
            (ACCOUNT, "granularity_s"),
            (GRANT, "asked_from"),
            (GRANT, "asked_until"),
            (GRANT, "asked_differs"),
        ];
        for (table, column) in added {
            let mut altered = Table::alter();
            altered
                .table(Alias::new(table))
                .drop_column(Alias::new(column));
            manager.alter_table(altered).await?;
        }
        Ok(())
    }
}

fn column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name))
}

async fn add(
    manager: &SchemaManager<'_>,
    table: &str,
    column: &mut ColumnDef,
) -> Result<(), DbErr> {
    let mut altered = Table::alter();
    altered.table(Alias::new(table)).add_column(column);
    manager.alter_table(altered).await
}
