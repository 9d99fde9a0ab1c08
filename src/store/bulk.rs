//! Many rows in few statements. One multi-row statement costs about what a single-row one does, so everything on the road
//! of a webhook goes through here. Chunks stay below the bind limits of both databases (SQLite: 32,766).

use sea_orm::{
    ConnectionTrait, EntityTrait, IntoActiveModel, Iterable, ModelTrait, sea_query::OnConflict,
};

use uuid::Uuid;

use super::{StoreError, fold};

const MOST_BINDS: usize = 30_000;
/// How many values one `IN` list may have.
pub const MOST_VALUES: usize = 10_000;

/// Inserts rows.
pub async fn insert<M>(connection: &impl ConnectionTrait, rows: Vec<M>) -> Result<(), StoreError>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: Send,
{
    insert_on(connection, rows, None).await
}

/// Inserts rows; what becomes of those that are there already is said by `conflict`.
pub async fn insert_on<M>(
    connection: &impl ConnectionTrait,
    rows: Vec<M>,
    conflict: Option<OnConflict>,
) -> Result<(), StoreError>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: Send,
{
    let width = <M::Entity as EntityTrait>::Column::iter().count().max(1);
    let mut rows = rows
        .into_iter()
        .map(IntoActiveModel::into_active_model)
        .peekable();
    while rows.peek().is_some() {
        let chunk: Vec<_> = rows.by_ref().take(MOST_BINDS / width).collect();
        let mut statement = M::Entity::insert_many(chunk);
        if let Some(conflict) = &conflict {
            statement = statement.on_conflict(conflict.clone());
        }
        statement.exec_without_returning(connection).await?;
    }
    Ok(())
}

/// A row that is listed and looked for by its name.
pub trait Named {
    /// Folds the name, as it is now.
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

/// Inserts rows that have a name, as `insert_on` does: the folded name always follows from the name.
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

/// The ids, the last one repeated up to a power of two: each length is a statement of its own, which each connection would
/// prepare and keep, and long ones are large.
pub fn of_few_lengths(ids: &[Uuid]) -> impl Iterator<Item = Uuid> {
    let length = ids.len().next_power_of_two().min(MOST_VALUES);
    let again = ids.last().into_iter().cycle().copied();
    let missing = length.saturating_sub(ids.len());
    ids.iter().copied().chain(again.take(missing))
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
            let list: Vec<Uuid> = of_few_lengths(&ids[..count]).collect();
            assert_eq!(&list[..count], &ids[..count]);
            let last = count.checked_sub(1).map(|last| ids[last]);
            assert!(list[count..].iter().all(|id| Some(*id) == last));
            lengths.insert(list.len());
        }
        assert!(lengths.len() < 20, "{lengths:?}");
        assert!(lengths.iter().all(|length| *length <= MOST_VALUES));
    }
}
