//! Creates tables from one line each, `name:type` with `!` for a primary key column and `?` for a nullable one, so that
//! migrations are easy to read. The types are those that SQLite and PostgreSQL share: uuid, str, i64, i32, bool, bytes.

use sea_orm_migration::prelude::*;

/// Creates a table with its indexes. An index is a space-separated list of columns, optionally followed by `if` and the condition
/// of a partial index: a column that is not null, one that is null (`!column`), or one that has one of some values
/// (`column=ONE|OTHER`).
pub async fn create(
    manager: &SchemaManager<'_>,
    name: &str,
    columns: &str,
    indexes: &[&str],
    unique: &[&str],
) -> Result<(), DbErr> {
    let mut table = Table::create();
    table.table(Alias::new(name));
    let mut key = Index::create();
    for column in columns.split_whitespace() {
        let (field, rest) = column.split_once(':').ok_or_else(|| wrong(name, column))?;
        let kind = rest.trim_end_matches(['!', '?']);
        let mut definition = ColumnDef::new(Alias::new(field));
        match kind {
            "uuid" => definition.uuid(),
            "str" => definition.text(),
            "i64" => definition.big_integer(),
            "i32" => definition.integer(),
            "bool" => definition.boolean(),
            "bytes" => definition.blob(),
            _ => return Err(wrong(name, column)),
        };
        if rest.ends_with('?') {
            definition.null();
        } else {
            definition.not_null();
        }
        if rest.ends_with('!') {
            key.col(Alias::new(field));
        }
        table.col(&mut definition);
    }
    table.primary_key(&mut key);
    manager.create_table(table).await?;
    for index in indexes {
        create_index(manager, name, index, false).await?;
    }
    for index in unique {
        create_index(manager, name, index, true).await?;
    }
    Ok(())
}

/// Adds an index, written as in [`create`].
pub async fn create_index(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &str,
    is_unique: bool,
) -> Result<(), DbErr> {
    let mut index = Index::create();
    index
        .name(index_name(table, columns))
        .table(Alias::new(table));
    let (columns, only) = columns.split_once(" if ").unwrap_or((columns, ""));
    if let Some((column, words)) = only.split_once('=') {
        let words = words.split('|').map(|word| Expr::Constant(word.into()));
        index.and_where(Expr::col(Alias::new(column)).is_in(words));
    } else if let Some(column) = only.strip_prefix('!') {
        index.and_where(Expr::col(Alias::new(column)).is_null());
    } else if !only.is_empty() {
        index.and_where(Expr::col(Alias::new(only)).is_not_null());
    }
    for column in columns.split_whitespace() {
        index.col(Alias::new(column));
    }
    if is_unique {
        index.unique();
    }
    manager.create_index(index).await
}

/// Drops an index, written as in [`create`].
pub async fn drop_index(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &str,
) -> Result<(), DbErr> {
    let mut index = Index::drop();
    index
        .name(index_name(table, columns))
        .table(Alias::new(table));
    manager.drop_index(index).await
}

fn index_name(table: &str, columns: &str) -> String {
    format!("{table}_{}", columns.replace([' ', '=', '|', '!'], "_"))
}

/// Adds a column to a table.
pub async fn add_column(
    manager: &SchemaManager<'_>,
    table: &str,
    column: &mut ColumnDef,
) -> Result<(), DbErr> {
    let mut altered = Table::alter();
    altered.table(Alias::new(table)).add_column(column);
    manager.alter_table(altered).await
}

/// Drops a column of a table.
pub async fn drop_column(
    manager: &SchemaManager<'_>,
    table: &str,
    column: &str,
) -> Result<(), DbErr> {
    let mut altered = Table::alter();
    altered
        .table(Alias::new(table))
        .drop_column(Alias::new(column));
    manager.alter_table(altered).await
}

/// Drops a table with its indexes.
pub async fn drop(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    manager
        .drop_table(Table::drop().table(Alias::new(name)).to_owned())
        .await
}

fn wrong(table: &str, column: &str) -> DbErr {
    DbErr::Custom(format!("{table}: a column is name:type, not {column:?}"))
}
