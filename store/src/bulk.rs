//! Multi-row inserts and reads by ids. A multi-row statement costs about as much as a single-row one, so all writes on the path of a webhook use
//! this module. Chunks stay below the bind limits of both databases (SQLite: 32,766).

use std::{borrow::Borrow, collections::HashSet};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, FromQueryResult, IdenStatic,
    IntoActiveModel, Iterable, ModelTrait, QueryFilter, QueryTrait, Select,
    sea_query::{InsertStatement, OnConflict, Query, SelectStatement},
};

use uuid::Uuid;

use super::{ClubScope, StoreError, fold, scope::OfClub};

pub mod postgres;

/// The maximum number of values of one statement. Its memory grows by several hundred bytes for each, and a longer statement is
/// no faster.
const MOST_BINDS: usize = 8_000;
/// The maximum number of values of one `IN` list.
pub const MOST_VALUES: usize = 10_000;

pub async fn insert<M>(
    connection: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = M, IntoIter: Send>,
) -> Result<(), StoreError>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: Send,
{
    insert_on(connection, rows, None).await
}

/// Inserts rows, which are taken as each statement is built; `conflict` handles rows that already exist.
pub async fn insert_on<M>(
    connection: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = M, IntoIter: Send>,
    conflict: Option<OnConflict>,
) -> Result<(), StoreError>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: Send,
{
    let mut rows = (rows.into_iter().map(IntoActiveModel::into_active_model)).peekable();
    while rows.peek().is_some() {
        let statement = next_insert::<M>(connection, &mut rows, conflict.clone())?;
        let built = connection.get_database_backend().build(&statement);
        drop(statement);
        connection.execute_raw(built).await?;
    }
    Ok(())
}

/// Like `insert_on`; returns a column of the rows that were inserted, or updated because of `conflict`.
pub async fn insert_returning<M>(
    connection: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = M, IntoIter: Send>,
    conflict: OnConflict,
    column: <M::Entity as EntityTrait>::Column,
) -> Result<Vec<Uuid>, StoreError>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: Send,
{
    let mut rows = (rows.into_iter().map(IntoActiveModel::into_active_model)).peekable();
    let mut written = Vec::new();
    while rows.peek().is_some() {
        let mut statement = next_insert::<M>(connection, &mut rows, Some(conflict.clone()))?;
        statement.returning(Query::returning().column(column));
        let built = connection.get_database_backend().build(&statement);
        drop(statement);
        for row in connection.query_all_raw(built).await? {
            written.push(row.try_get("", column.as_str())?);
        }
    }
    Ok(written)
}

/// The insert of as many of the rows as fit into one statement.
fn next_insert<M>(
    connection: &impl ConnectionTrait,
    rows: &mut impl Iterator<Item = <M::Entity as EntityTrait>::ActiveModel>,
    conflict: Option<OnConflict>,
) -> Result<InsertStatement, StoreError>
where
    M: ModelTrait,
{
    let width = <M::Entity as EntityTrait>::Column::iter().count().max(1);
    let chunk: Vec<_> = rows.take(MOST_BINDS / width).collect();
    if connection.get_database_backend() == DatabaseBackend::Postgres {
        return Ok(postgres::insert(chunk, conflict)?);
    }
    let mut statement = M::Entity::insert_many(chunk).into_query();
    conflict.map(|conflict| statement.on_conflict(conflict));
    Ok(statement)
}

/// A row with a folded name, by which it is sorted and searched.
pub trait Named {
    /// Sets the folded name from the current name.
    fn fold_name(&mut self);
}

macro_rules! named {
    ($($table:ident),*) => {
        $(impl Named for entity::$table::Model {
            fn fold_name(&mut self) {
                self.folded_name = fold(&self.name);
            }
        })*
    };
}

named!(place, lock, access_group, member, offering, location, rule);

/// Like `insert_on`, and sets the folded names first.
pub async fn insert_named<M>(
    connection: &impl ConnectionTrait,
    mut rows: Vec<M>,
    conflict: Option<OnConflict>,
) -> Result<(), StoreError>
where
    M: Named + ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: Send,
{
    rows.iter_mut().for_each(Named::fold_name);
    insert_on(connection, rows, conflict).await
}

/// The rows of `select` whose column is one of `ids`; runs no statement if `ids` is empty.
pub async fn select_by_ids<E: OfClub>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    column: E::Column,
    ids: impl IntoIterator<Item = impl Borrow<Uuid>>,
) -> Result<Vec<<E as EntityTrait>::Model>, StoreError> {
    let ids = distinct(ids.into_iter().map(|id| *id.borrow()));
    let mut rows = Vec::new();
    for chunk in ids.chunks(MOST_VALUES) {
        let statement = by_ids(connection, select.clone().into_query(), column, chunk);
        let statement = connection.get_database_backend().build(&statement);
        let chunk = E::Model::find_by_statement(statement);
        rows.extend(chunk.all(connection).await?);
    }
    Ok(rows)
}

/// Each of the ids once, in the order of their first appearance.
pub fn distinct(ids: impl IntoIterator<Item = Uuid>) -> Vec<Uuid> {
    let mut seen = HashSet::new();
    ids.into_iter().filter(|id| seen.insert(*id)).collect()
}

/// Limits `select` to the rows whose column is one of these distinct ids, at most `MOST_VALUES`.
pub fn by_ids(
    connection: &impl ConnectionTrait,
    mut select: SelectStatement,
    column: impl ColumnTrait,
    ids: &[Uuid],
) -> SelectStatement {
    match connection.get_database_backend() {
        DatabaseBackend::Postgres => postgres::select_by_values(select, column, ids.to_vec()),
        _ => select.and_where(column.is_in(pad(ids))).take(),
    }
}

/// The rows of the club that `select`, which selects its column of the club, finds with one of these distinct texts in a column; runs
/// no statement if there are none. An index has to begin with the columns of the conditions of `select` and end with the column.
pub async fn select_by_texts<E: OfClub, R: FromQueryResult + Send>(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    select: Select<E>,
    column: E::Column,
    texts: impl IntoIterator<Item = impl Into<String>>,
) -> Result<Vec<R>, StoreError> {
    let texts: Vec<String> = texts.into_iter().map(Into::into).collect();
    let backend = connection.get_database_backend();
    let mut rows = Vec::new();
    for chunk in texts.chunks(MOST_VALUES) {
        let select = select.clone();
        let statement = match backend {
            DatabaseBackend::Postgres => {
                postgres::select_by_texts(scope, select, column, chunk.to_vec())
            }
            _ => select
                .filter(column.is_in(chunk))
                .filter(scope.without_index::<E>())
                .into_query(),
        };
        let statement = backend.build(&statement);
        rows.extend(R::find_by_statement(statement).all(connection).await?);
    }
    Ok(rows)
}

/// Pads values to a power of two, at most `MOST_VALUES`, by repeating the last one. Each length is a separate statement that each
/// connection prepares and caches, and long statements are large.
pub fn pad<T: Copy>(values: &[T]) -> impl Iterator<Item = T> {
    let length = values.len().next_power_of_two().min(MOST_VALUES);
    let again = values.last().into_iter().cycle().copied();
    let missing = length.saturating_sub(values.len());
    values.iter().copied().chain(again.take(missing))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn lists_of_any_length_make_few_statements() {
        let ids: Vec<Uuid> = (0..MOST_VALUES as u128).map(Uuid::from_u128).collect();
        let mut lengths = HashSet::new();
        for count in (0..=1_000).chain([MOST_VALUES - 1, MOST_VALUES]) {
            let list: Vec<Uuid> = pad(&ids[..count]).collect();
            assert_eq!(&list[..count], &ids[..count]);
            let last = count.checked_sub(1).map(|last| ids[last]);
            assert!(list[count..].iter().all(|id| Some(*id) == last));
            lengths.insert(list.len());
        }
        assert!(lengths.len() < 20, "{lengths:?}");
        assert!(lengths.iter().all(|length| *length <= MOST_VALUES));
    }
}
