//! Puts null where a field failed, as the GraphQL specification asks: async-graphql leaves a failed
//! field out, whatever its type, so that callers would miss keys and find holes in types that
//! promise none.
//!
//! Promises that a failed field is null, or where it may not be, the nearest thing around it that
//! may. Never costs more than a look at a flag while nothing fails, and never touches a value that
//! did not fail. The guard's extension calls it around each field and around the whole, one
//! instance a request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_graphql::extensions::ResolveInfo;
use async_graphql::{
    PathSegment, QueryPathNode, QueryPathSegment, Response, ServerError, ServerResult, Value,
};

/// What failed in one request, or in one item of a subscription.
#[derive(Default)]
pub(super) struct Nulls {
    any: AtomicBool,
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    /// Where a field failed that may not be null, so that what is around it has to be.
    outward: Vec<Vec<PathSegment>>,
    /// The errors of fields that are null by now.
    errors: Vec<ServerError>,
}

impl Nulls {
    fn failures(&self) -> MutexGuard<'_, Failures> {
        // Nothing that holds the lock can panic half-way through a change.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of a field, after all within it has become what it is.
    pub(super) fn of_field(
        &self,
        info: &FieldPlace<'_>,
        result: ServerResult<Option<Value>>,
    ) -> ServerResult<Option<Value>> {
        match result {
            Ok(Some(value)) if self.any.load(Ordering::Acquire) => {
                Ok(Some(self.around_failures(info, value)))
            }
            Ok(value) => Ok(value),
            Err(mut error) => {
                let path = path_of(info.path);
                let mut failures = self.failures();
                // What failed further in is part of what is lost with this field.
                failures.outward.retain(|failed| !failed.starts_with(&path));
                if error.path.is_empty() {
                    error.path.clone_from(&path);
                }
                failures.errors.push(error);
                if info.must_be() {
                    failures.outward.push(path);
                }
                self.any.store(true, Ordering::Release);
                Ok(Some(Value::Null))
            }
        }
    }

    fn around_failures(&self, info: &FieldPlace<'_>, mut value: Value) -> Value {
        let path = path_of(info.path);
        let mut failures = self.failures();
        let (within, elsewhere): (Vec<_>, Vec<_>) = std::mem::take(&mut failures.outward)
            .into_iter()
            .partition(|failed| failed.len() > path.len() && failed.starts_with(&path));
        failures.outward = elsewhere;
        let mut lost = false;
        for failed in within {
            let inner = failed.get(path.len()..).unwrap_or_default();
            lost |= null_around(&mut value, info.return_type, inner);
        }
        if lost {
            failures.outward.push(path);
        }
        value
    }

    /// Forgets what an earlier item of a subscription left.
    pub(super) fn begin(&self) {
        *self.failures() = Failures::default();
        self.any.store(false, Ordering::Release);
    }

    /// Completes the whole: no data where a root field that may not be null failed.
    pub(super) fn finish(&self, mut response: Response) -> Response {
        if self.any.load(Ordering::Acquire) {
            let failures = std::mem::take(&mut *self.failures());
            if !failures.outward.is_empty() {
                response.data = Value::Null;
            }
            response.errors.extend(failures.errors);
        }
        response
    }
}

/// Where a field stands and what type it promises, kept from its `ResolveInfo` while the field is
/// resolved.
pub(super) struct FieldPlace<'a> {
    path: &'a QueryPathNode<'a>,
    return_type: &'a str,
}

impl<'a> FieldPlace<'a> {
    pub(super) fn of(info: &ResolveInfo<'a>) -> Self {
        Self {
            path: info.path_node,
            return_type: info.return_type,
        }
    }

    fn must_be(&self) -> bool {
        self.return_type.ends_with('!')
    }
}

fn path_of(node: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let mut path: Vec<PathSegment> = std::iter::once(node)
        .chain(node.parents())
        .map(|node| match node.segment {
            QueryPathSegment::Index(index) => PathSegment::Index(index),
            QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
        })
        .collect();
    path.reverse();
    path
}

/// Makes the object null whose field failed, and what is around it as far as the types ask; `inner`
/// leads from the value to that field. True where the value is null and may not be.
fn null_around(value: &mut Value, kind: &str, inner: &[PathSegment]) -> bool {
    let lost = match (inner, &mut *value) {
        ([PathSegment::Index(index), rest @ ..], Value::List(items)) => {
            let list = kind.trim_end_matches('!');
            let element = list
                .strip_prefix('[')
                .and_then(|list| list.strip_suffix(']'));
            let item = items.get_mut(*index);
            item.is_some_and(|item| null_around(item, element.unwrap_or_default(), rest))
        }
        _ => true,
    };
    if lost {
        *value = Value::Null;
    }
    lost && kind.ends_with('!')
}
