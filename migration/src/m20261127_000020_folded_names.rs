//! Adds names in a form for sorting and searching, without case and accents. PostgreSQL compares them bytewise, as SQLite does,
//! so that both sort alike.

use entity::fold::fold;
use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DatabaseBackend},
};
use uuid::Uuid;

#[derive(DeriveMigrationName)]
pub struct Migration;

const FOLDED: &str = "folded_name";
const TABLES: [&str; 7] = [
    "place",
    "lock",
    "access_group",
    "member",
    "offering",
    "location",
    "rule",
];
/// Tables whose lists are read from an index on the folded name.
const INDEXED: [&str; 6] = [
    "place",
    "lock",
    "access_group",
    "member",
    "offering",
    "location",
];
/// How many rows one statement updates.
const CHUNK: u64 = 400;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TABLES {
            let mut column = ColumnDef::new(Alias::new(FOLDED));
            column.text().not_null().default("");
            if manager.get_database_backend() == DatabaseBackend::Postgres {
                column.extra("COLLATE \"C\"");
            }
            let mut altered = Table::alter();
            altered.table(Alias::new(name)).add_column(column);
            manager.alter_table(altered).await?;
            fill(manager, name, FOLDED, &["name"]).await?;
        }
        fill(manager, "member", "search", &["name", "email"]).await?;
        for name in INDEXED {
            manager.drop_index(dropped(name, "name")).await?;
            manager.create_index(index(name, FOLDED)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in INDEXED {
            manager.drop_index(dropped(name, FOLDED)).await?;
            manager.create_index(index(name, "name")).await?;
        }
        for name in TABLES {
            let mut altered = Table::alter();
            altered
                .table(Alias::new(name))
                .drop_column(Alias::new(FOLDED));
            manager.alter_table(altered).await?;
        }
        Ok(())
    }
}

fn index_name(table: &str, column: &str) -> String {
    format!("{table}_club_id_{column}_id")
}

fn index(table: &str, column: &str) -> IndexCreateStatement {
    let mut index = Index::create();
    index
        .name(index_name(table, column))
        .table(Alias::new(table));
    for column in ["club_id", column, "id"] {
        index.col(Alias::new(column));
    }
    index.to_owned()
}

fn dropped(table: &str, column: &str) -> IndexDropStatement {
    Index::drop()
        .name(index_name(table, column))
        .table(Alias::new(table))
        .to_owned()
}

/// Folds the texts of some columns, a space-separated list, into another column.
async fn fill(
    manager: &SchemaManager<'_>,
    table: &str,
    into: &str,
    from: &[&str],
) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let id = || Expr::col(Alias::new("id"));
    let mut last = Uuid::nil();
    loop {
        let mut select = Query::select();
        select
            .column(Alias::new("id"))
            .columns(from.iter().map(|column| Alias::new(*column)))
            .from(Alias::new(table))
            .and_where(id().gt(last))
            .order_by(Alias::new("id"), Order::Asc)
            .limit(CHUNK);
        let rows = connection.query_all(&select).await?;
        let mut folded = CaseStatement::new();
        let mut ids = Vec::with_capacity(rows.len());
        for row in &rows {
            let row_id: Uuid = row.try_get("", "id")?;
            let mut texts = Vec::with_capacity(from.len());
            for column in from {
                texts.push(
                    row.try_get::<Option<String>>("", column)?
                        .unwrap_or_default(),
                );
            }
            folded = folded.case(id().eq(row_id), fold(&texts.join(" ")));
            ids.push(row_id);
        }
        let Some(end) = ids.last().copied() else {
            return Ok(());
        };
        let mut update = Query::update();
        update
            .table(Alias::new(table))
            .value(Alias::new(into), folded)
            .and_where(id().is_in(ids));
        connection.execute(&update).await?;
        last = end;
    }
}
