//! The texts of statements that are asked again and again, and differ in the club and the ids alone: to put one together
//! takes longer than to send it.
//!
//! Promises the statement that was put together. Keeps no text of a statement that has other values: it is put together each
//! time. Few lengths of lists make few texts.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use sea_orm::{
    ConnectionTrait, DatabaseBackend, Statement, Values,
    sea_query::{ArrayType, SelectStatement, Value},
};
use uuid::Uuid;

use crate::store::{Scope, bulk};

/// What makes a text: the name that its caller gives it, whether it is PostgreSQL's, and how many ids it has.
type Key = (&'static str, bool, usize);

/// A text, and what its values are, one after the other.
#[derive(Clone)]
struct Kept {
    text: Arc<str>,
    values: Arc<[Part]>,
}

/// One of a text's values, or several.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Part {
    Club,
    Ids,
}

static KEPT: LazyLock<RwLock<HashMap<Key, Kept>>> = LazyLock::new(RwLock::default);

/// A statement for rows of a club, about ids. `name` is the same for the same statement alone.
pub fn statement(
    connection: &impl ConnectionTrait,
    name: &'static str,
    (scope, ids): (Scope, &[Uuid]),
    select: impl FnOnce() -> SelectStatement,
) -> Statement {
    let backend = connection.get_database_backend();
    let (club, ids) = (Value::from(scope.club), values(backend, ids));
    let key = (name, backend == DatabaseBackend::Postgres, ids.len());
    if let Some(Kept { text, values }) = known(&key) {
        let built = || backend.build(&select()).sql;
        debug_assert_eq!(built(), *text, "two statements are called {name}");
        let values = values.iter().flat_map(|part| match part {
            Part::Club => std::slice::from_ref(&club),
            Part::Ids => ids.as_slice(),
        });
        let values = Values(values.cloned().collect());
        return Statement::from_sql_and_values(backend, &*text, values);
    }
    let statement = backend.build(&select());
    let values = statement.values.as_ref().map(|values| values.0.as_slice());
    if let Some(parts) = parts(values.unwrap_or_default(), &club, &ids) {
        let kept = Kept {
            text: statement.sql.as_str().into(),
            values: parts.into(),
        };
        let mut all = KEPT.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(key, kept);
    }
    statement
}

fn known(key: &Key) -> Option<Kept> {
    let all = KEPT.read().unwrap_or_else(PoisonError::into_inner);
    all.get(key).cloned()
}

/// The ids as `one_of` has them.
fn values(backend: DatabaseBackend, ids: &[Uuid]) -> Vec<Value> {
    match backend {
        DatabaseBackend::Postgres => {
            let ids = ids.iter().copied().map(Value::from).collect();
            vec![Value::Array(ArrayType::Uuid, Some(Box::new(ids)))]
        }
        _ => bulk::of_few_lengths(ids).map(Value::from).collect(),
    }
}

/// What values are made of; none where there are others among them.
fn parts(mut values: &[Value], club: &Value, ids: &[Value]) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while let Some(first) = values.first() {
        let (part, length) = if first == club {
            (Part::Club, 1)
        } else if values.starts_with(ids) {
            (Part::Ids, ids.len())
        } else {
            return None;
        };
        parts.push(part);
        values = values.get(length..)?;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_where_its_values_are_the_club_and_the_ids_alone() {
        let value = |id: u128| Value::from(Uuid::from_u128(id));
        let (club, ids) = (value(1), [value(2), value(3)]);
        let of = |ids: &[u128]| {
            let values: Vec<Value> = ids.iter().map(|id| value(*id)).collect();
            parts(&values, &club, &[value(2), value(3)])
        };
        assert_eq!(of(&[]), Some(Vec::new()));
        assert_eq!(
            of(&[1, 2, 3, 1]),
            Some(vec![Part::Club, Part::Ids, Part::Club])
        );
        assert_eq!(of(&[2, 3, 2, 3]), Some(vec![Part::Ids, Part::Ids]));
        for other in [&[1, 2][..], &[1, 3, 2], &[1, 2, 3, 4], &[4]] {
            assert_eq!(of(other), None, "{other:?}");
        }
        assert_eq!(parts(&[Value::from(7)], &club, &ids), None);
    }
}
