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
    ConnectionTrait, DatabaseBackend, EntityTrait, QueryTrait, Select, Statement, Values,
    sea_query::{ArrayType, Value},
};
use uuid::Uuid;

use crate::store::{Scope, bulk};

/// What makes a text: the name that its caller gives it, whether it is PostgreSQL's, and how many values it has.
type Key = (&'static str, bool, usize);

static KEPT: LazyLock<RwLock<HashMap<Key, Arc<str>>>> = LazyLock::new(RwLock::default);

/// A statement for rows of a club, among ids where some are given. `name` is the same for the same statement alone.
pub fn statement<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    name: &'static str,
    scope: Scope,
    ids: Option<&[Uuid]>,
    select: impl FnOnce() -> Select<E>,
) -> Statement {
    let backend = connection.get_database_backend();
    let values = values(backend, scope, ids);
    let key = (name, backend == DatabaseBackend::Postgres, values.0.len());
    let known = KEPT.read().unwrap_or_else(PoisonError::into_inner);
    let text = known.get(&key).cloned();
    drop(known);
    if let Some(text) = text {
        debug_assert_eq!(
            select().build(backend).sql,
            *text,
            "two statements are called {name}"
        );
        return Statement::from_sql_and_values(backend, &*text, values);
    }
    let statement = select().build(backend);
    if statement.values.as_ref() == Some(&values) {
        let mut kept = KEPT.write().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key, statement.sql.as_str().into());
    }
    statement
}

/// The club, then the ids as `one_of` has them.
fn values(backend: DatabaseBackend, scope: Scope, ids: Option<&[Uuid]>) -> Values {
    let mut values = vec![Value::from(scope.club)];
    match (ids, backend) {
        (Some(ids), DatabaseBackend::Postgres) => {
            let ids = ids.iter().copied().map(Value::from).collect();
            values.push(Value::Array(ArrayType::Uuid, Some(Box::new(ids))));
        }
        (Some(ids), _) => values.extend(bulk::of_few_lengths(ids).map(Value::from)),
        (None, _) => {}
    }
    Values(values)
}
