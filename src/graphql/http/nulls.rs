//! Puts null where a field failed, as the GraphQL specification requires: async-graphql omits a failed field, whatever its type,
//! so that callers would miss keys, even of non-null fields.
//!
//! A failed field becomes null, or if it is non-null, the nearest nullable value around it. Costs one check of a flag while
//! nothing fails, and changes no other values. The guard's extension calls it around each field and around the whole response,
//! with one instance per request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_graphql::extensions::ResolveInfo;
use async_graphql::{
    PathSegment, QueryPathNode, QueryPathSegment, Response, ServerError, ServerResult, Value,
};

/// The failures of one request, or of one event of a subscription.
#[derive(Default)]
pub(super) struct Nulls {
    any: AtomicBool,
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    /// The paths of failed non-null fields, whose null still has to propagate to a parent.
    propagating: Vec<Vec<PathSegment>>,
    /// The errors of failed fields.
    errors: Vec<ServerError>,
}

impl Nulls {
    fn failures(&self) -> MutexGuard<'_, Failures> {
        // No code that holds the lock can panic halfway through a change.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Completes a field, after all fields within it are complete.
    pub(super) fn complete_field(
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
                // Failures within this field are covered by its own null.
                failures
                    .propagating
                    .retain(|failed| !failed.starts_with(&path));
                if error.path.is_empty() {
                    error.path.clone_from(&path);
                }
                failures.errors.push(error);
                if info.is_non_null() {
                    failures.propagating.push(path);
                }
                self.any.store(true, Ordering::Release);
                Ok(Some(Value::Null))
            }
        }
    }

    fn around_failures(&self, info: &FieldPlace<'_>, mut value: Value) -> Value {
        let path = path_of(info.path);
        let mut failures = self.failures();
        let (within, elsewhere): (Vec<_>, Vec<_>) = std::mem::take(&mut failures.propagating)
            .into_iter()
            .partition(|failed| failed.len() > path.len() && failed.starts_with(&path));
        failures.propagating = elsewhere;
        let mut lost = false;
        for failed in within {
            let inner = failed.get(path.len()..).unwrap_or_default();
            lost |= null_around(&mut value, info.return_type, inner);
        }
        if lost {
            failures.propagating.push(path);
        }
        value
    }

    /// Resets the state that an earlier event of the subscription left.
    pub(super) fn begin(&self) {
        *self.failures() = Failures::default();
        self.any.store(false, Ordering::Release);
    }

    /// Completes the response: data is null if a failure has propagated out of the root.
    pub(super) fn finish(&self, mut response: Response) -> Response {
        if self.any.load(Ordering::Acquire) {
            let failures = std::mem::take(&mut *self.failures());
            if !failures.propagating.is_empty() {
                response.data = Value::Null;
            }
            response.errors.extend(failures.errors);
        }
        response
    }
}

/// The path and declared type of a field, kept from its `ResolveInfo` while the field is resolved.
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

    fn is_non_null(&self) -> bool {
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

/// Sets the object of a failed field to null, and the values around it as far as their types require; `inner` is the path from
/// the value to the field. Returns true if the value itself is now null but non-null by its type.
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
