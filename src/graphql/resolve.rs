//! Resolves the fields of an object in document order, polls each at once, and queues only those that have to wait: most do
//! not. async-graphql allocates a task, a waker and a queue entry for each field of each list element before it polls the
//! first. Objects, interfaces and unions use this module in place of the library in their derives (see `crate = ` in their
//! attributes); the service wraps its roots in [`Root`].
//!
//! Follows the execution section of the GraphQL specification: fields with the same response key are one field with the
//! selections of all; a failed field is null if its type is nullable, and otherwise its parent fails; every failure is recorded
//! once, with its path. When a non-null field fails, siblings that are still waiting are dropped, as the specification allows.

pub use async_graphql::*;

use std::{borrow::Cow, sync::Arc};

use async_graphql::parser::types::Field;

mod collect;
pub mod json;
mod root;

pub use root::{Root, RootFields};

/// The names that derived code expects in the library.
pub mod resolver_utils {
    pub use super::resolve_container;
    pub use async_graphql::resolver_utils::*;
}

/// The replacement for interfaces and unions, whose values are resolved as their concrete objects.
pub mod interface {
    pub use async_graphql::*;

    /// The names that derived code expects in the library.
    pub mod resolver_utils {
        use super::{ContextSelectionSet, ServerResult, Value};
        use crate::graphql::resolve::OneOf;
        pub use async_graphql::resolver_utils::*;

        /// Resolves the selection on an interface or union value.
        pub async fn resolve_container<'a, T: OneOf>(
            context: &ContextSelectionSet<'a>,
            value: &'a T,
        ) -> ServerResult<Value> {
            #[cfg(test)]
            if crate::graphql::resolve::is_by_library(context) {
                let by_library = async_graphql::resolver_utils::resolve_container(context, value);
                return Box::pin(by_library).await;
            }
            value.resolve_object(context).await
        }
    }
}

/// An interface or union value, which is one of several objects. Implemented by `one_of!`.
pub trait OneOf: ContainerType {
    /// Resolves the selection on the concrete object.
    fn resolve_object<'a>(
        &'a self,
        context: &ContextSelectionSet<'a>,
    ) -> impl Future<Output = ServerResult<Value>> + Send;
}

/// Implements [`OneOf`] for an enum with one object per variant.
macro_rules! one_of {
    ($name:ident: $($variant:ident),+) => {
        impl $crate::graphql::resolve::OneOf for $name {
            async fn resolve_object<'a>(
                &'a self,
                context: &async_graphql::ContextSelectionSet<'a>,
            ) -> async_graphql::ServerResult<async_graphql::Value> {
                match self {
                    $(Self::$variant(object) => {
                        $crate::graphql::resolve::resolve_container(context, object).await
                    })+
                }
            }
        }
    };
}
pub(super) use one_of;

/// Resolves the selection on an object.
pub async fn resolve_container<'a, T: ContainerType>(
    context: &ContextSelectionSet<'a>,
    object: &'a T,
) -> ServerResult<Value> {
    #[cfg(test)]
    if is_by_library(context) {
        let by_library = async_graphql::resolver_utils::resolve_container(context, object);
        return Box::pin(by_library).await;
    }
    let fields = collect::fields(context, &T::type_name(), None);
    json::resolve(context, object, &fields).await
}

/// Request data of tests: the library resolves the request, for comparison.
#[cfg(test)]
pub(in crate::graphql) struct ByLibrary;

#[cfg(test)]
fn is_by_library<T>(context: &ContextBase<'_, T>) -> bool {
    context.data_opt::<ByLibrary>().is_some()
}

async fn resolve_field<T: ContainerType>(
    context: &ContextSelectionSet<'_>,
    object: &T,
    field: &Positioned<Field>,
) -> ServerResult<Value> {
    let context = context.with_field(field);
    match object.resolve_field(&context).await {
        Ok(value) => Ok(value.unwrap_or_default()),
        Err(error) => fail(&context, &T::type_name(), error),
    }
}

/// The source of an error that only propagates a null: the failure itself is recorded already.
struct Recorded;

/// Whether an error only propagates a null. Such errors are left out of the response.
pub(in crate::graphql) fn is_recorded(error: &ServerError) -> bool {
    error.source::<Recorded>().is_some()
}

/// Records the failure of a field of the type `parent`. Gives null if the field is nullable.
#[cold]
fn fail(context: &Context<'_>, parent: &str, mut error: ServerError) -> ServerResult<Value> {
    if !is_recorded(&error) {
        if error.path.is_empty() {
            error = context.set_error_path(error);
        }
        context.add_error(error);
    }
    let object = context.schema_env.registry.types.get(parent);
    let field = object.and_then(|object| object.field_by_name(&context.item.node.name.node));
    if field.is_some_and(|field| !field.ty.ends_with('!')) {
        return Ok(Value::Null);
    }
    Err(propagated())
}

/// An error that only propagates a null.
fn propagated() -> ServerError {
    let mut error = ServerError::new("a non-null field failed", None);
    error.source = Some(Arc::new(Recorded));
    error
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// A derive without `crate = ` would leave out failed fields and lose the order of the document.
    #[test]
    fn every_derive_of_an_output_type_uses_this_module() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/graphql");
        let mut folders = vec![source];
        let mut count = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let lines: Vec<&str> = text.lines().map(str::trim).collect();
                for (index, line) in lines.iter().enumerate() {
                    let is_derive = line.starts_with("#[derive(");
                    let kinds = ["SimpleObject", "MergedObject", "Union", "Interface"];
                    let is_output = is_derive && kinds.iter().any(|kind| line.contains(kind));
                    let is_object = ["#[Object", "#[async_graphql::Object"]
                        .iter()
                        .any(|attribute| line.starts_with(attribute));
                    if is_output || is_object {
                        let attributes = lines[index..lines.len().min(index + 3)].concat();
                        let is_replaced = attributes.contains("crate = \"crate::graphql::resolve");
                        assert!(is_replaced, "{}: {line}", path.display());
                        count += 1;
                    }
                }
            }
        }
        assert!(count > 70, "{count}");
    }
}
