//! Adds what unlocks in Kisi depend on: restrictions of locks and groups, the location of the member, and when roles were
//! checked. Existing accounts are read again at once, because earlier versions checked roles by weaker criteria.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The bit for "the person must be at the reader", the only restriction that was stored before.
const AT_READER: i32 = 1;

const NUMBERS: [(&str, &str); 3] = [
    ("press", "latitude_e7"),
    ("press", "longitude_e7"),
    ("kisi_account", "roles_judged_at"),
];
const SETS: [&str; 2] = ["lock", "access_group"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in NUMBERS {
            let mut column = ColumnDef::new(Alias::new(column));
            add(manager, table, column.big_integer().null()).await?;
        }
        for table in SETS {
            let mut column = ColumnDef::new(Alias::new("restrictions"));
            add(manager, table, column.integer().not_null().default(0)).await?;
        }
        let mut kept = Query::update();
        kept.table(Alias::new("lock"))
            .value(Alias::new("restrictions"), AT_READER)
            .and_where(Expr::col(Alias::new("restricted")).eq(true));
        manager.execute(kept).await?;
        drop_column(manager, "lock", "restricted").await?;
        let mut due = Query::update();
        due.table(Alias::new("kisi_account"))
            .value(Alias::new("read_due_at"), 0i64);
        manager.execute(due).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = ColumnDef::new(Alias::new("restricted"));
        add(manager, "lock", column.boolean().not_null().default(false)).await?;
        let mut kept = Query::update();
        kept.table(Alias::new("lock"))
            .value(Alias::new("restricted"), true)
            .and_where(Expr::col(Alias::new("restrictions")).ne(0));
        manager.execute(kept).await?;
        for table in SETS {
            drop_column(manager, table, "restrictions").await?;
        }
        for (table, column) in NUMBERS {
            drop_column(manager, table, column).await?;
        }
        Ok(())
    }
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

async fn drop_column(manager: &SchemaManager<'_>, table: &str, column: &str) -> Result<(), DbErr> {
    let mut altered = Table::alter();
    altered
        .table(Alias::new(table))
        .drop_column(Alias::new(column));
    manager.alter_table(altered).await
}
