//! Caches the SQL of frequent statements that differ only in the club and the ids: building such a statement takes longer than
//! sending it.
//!
//! A cached statement equals the one that would be built. Statements with other values are built each time. Lists of ids are
//! padded to few lengths, so that the cache stays small.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use sea_orm::{
    ConnectionTrait, DatabaseBackend, Statement, Values,
    sea_query::{ArrayType, SelectStatement, Value},
};
use uuid::Uuid;

use crate::{ClubScope, bulk};

/// The cache key: the caller's name of the statement, whether it is for PostgreSQL, and its number of id values.
type Key = (&'static str, bool, usize);

/// A statement's SQL and the order of its values.
#[derive(Clone)]
struct CachedStatement {
    text: Arc<str>,
    values: Arc<[Part]>,
}

/// One or several of a statement's values.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Part {
    Club,
    Ids,
    /// The offset that keeps an inner query apart: see `bulk::postgres`.
    NoOffset,
}

static CACHE: LazyLock<RwLock<HashMap<Key, CachedStatement>>> = LazyLock::new(RwLock::default);

/// A statement for rows of a club with these ids. `name` must be unique to the statement.
pub fn statement(
    connection: &impl ConnectionTrait,
    name: &'static str,
    (scope, ids): (ClubScope, &[Uuid]),
    select: impl FnOnce() -> SelectStatement,
) -> Statement {
    let backend = connection.get_database_backend();
    let (club, ids) = (Value::from(scope.club), values(backend, ids));
    let no_offset = Value::from(0_u64);
    let key = (name, backend == DatabaseBackend::Postgres, ids.len());
    if let Some(CachedStatement { text, values }) = cached(&key) {
        let built = || backend.build(&select()).sql;
        debug_assert_eq!(
            built(),
            *text,
            "two different statements share the name {name}"
        );
        let values = values.iter().flat_map(|part| match part {
            Part::Club => std::slice::from_ref(&club),
            Part::Ids => ids.as_slice(),
            Part::NoOffset => std::slice::from_ref(&no_offset),
        });
        let values = Values(values.cloned().collect());
        return Statement::from_sql_and_values(backend, &*text, values);
    }
    let statement = backend.build(&select());
    let values = statement.values.as_ref().map(|values| values.0.as_slice());
    if let Some(parts) = parts(values.unwrap_or_default(), &club, &ids) {
        let kept = CachedStatement {
            text: statement.sql.as_str().into(),
            values: parts.into(),
        };
        let mut all = CACHE.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(key, kept);
    }
    statement
}

fn cached(key: &Key) -> Option<CachedStatement> {
    let all = CACHE.read().unwrap_or_else(PoisonError::into_inner);
    all.get(key).cloned()
}

/// The ids as statement values, in the same form as in `store::one_of`.
fn values(backend: DatabaseBackend, ids: &[Uuid]) -> Vec<Value> {
    match backend {
        DatabaseBackend::Postgres => {
            let ids = ids.iter().copied().map(Value::from).collect();
            vec![Value::Array(ArrayType::Uuid, Some(Box::new(ids)))]
        }
        _ => bulk::pad(ids).map(Value::from).collect(),
    }
}

/// The order of club and ids in `values`; `None` if there are other values.
fn parts(mut values: &[Value], club: &Value, ids: &[Value]) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while let Some(first) = values.first() {
        let (part, length) = if first == club {
            (Part::Club, 1)
        } else if values.starts_with(ids) {
            (Part::Ids, ids.len())
        } else if *first == Value::from(0_u64) {
            (Part::NoOffset, 1)
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
    fn only_statements_whose_values_are_the_club_and_the_ids_are_cached() {
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
        let offset = [value(1), Value::from(0_u64)];
        assert_eq!(
            parts(&offset, &club, &ids),
            Some(vec![Part::Club, Part::NoOffset])
        );
        for other in [&[1, 2][..], &[1, 3, 2], &[1, 2, 3, 4], &[4]] {
            assert_eq!(of(other), None, "{other:?}");
        }
        assert_eq!(parts(&[Value::from(7)], &club, &ids), None);
    }
}
