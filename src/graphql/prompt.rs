//! Resolves the fields of an object in order, polls each at once, and queues only those that have to wait: most do not.
//! async-graphql allocates a task, a waker and a queue entry for each field of each element of each list before it polls the
//! first.
//!
//! Returns the same response as the library, with the fields in the order of the document. Requests that run under the guard
//! and directives that have to be executed are left to the library. Resolution stops at the first field that fails: the
//! executor then runs the query again under the guard. Objects and interfaces use this module in place of the library in
//! their derives (see `crate = ` in their attributes).

pub use async_graphql::*;

use std::sync::Arc;

use async_graphql::parser::types::{Field, Selection, SelectionSet};

use super::reach::Reach;

pub mod text;
mod tree;

/// The names that derived code expects in the library.
pub mod resolver_utils {
    pub use super::resolve_container;
    pub use async_graphql::resolver_utils::*;
}

/// The replacement for interfaces, whose values are resolved as their concrete objects.
pub mod interface {
    pub use async_graphql::*;

    /// The names that derived code expects in the library.
    pub mod resolver_utils {
        use super::{ContextSelectionSet, ServerResult, Value};
        use crate::graphql::prompt::{OneOf, Unguarded};
        pub use async_graphql::resolver_utils::*;

        /// Resolves the selection on an interface value.
        pub async fn resolve_container<'a, T: OneOf>(
            context: &ContextSelectionSet<'a>,
            value: &'a T,
        ) -> ServerResult<Value> {
            if context.data_opt::<Unguarded>().is_some() {
                return value.resolve_object(context).await;
            }
            let by_library = async_graphql::resolver_utils::resolve_container(context, value);
            Box::pin(by_library).await
        }
    }
}

/// Request data: fields are resolved without permission checks, and an error is not converted to null.
#[derive(Clone)]
pub struct Unguarded {
    /// How resolved objects are stored.
    pub way: Way,
    /// Decides which fragments apply to an object.
    pub reach: Arc<Reach>,
}

/// How resolved objects are stored until the response is complete.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// As JSON text, as soon as their fields are resolved. Only for documents that request no field twice: written text
    /// cannot be merged.
    Text,
    /// As values; fields that are requested twice are merged.
    Tree,
}

/// An interface value that is one of several objects.
pub trait OneOf: resolver_utils::ContainerType {
    /// Resolves the selection on the concrete object.
    fn resolve_object<'a>(
        &'a self,
        context: &ContextSelectionSet<'a>,
    ) -> impl Future<Output = ServerResult<Value>> + Send;
}

/// Resolves the selection on an object.
pub async fn resolve_container<'a, T: resolver_utils::ContainerType>(
    context: &ContextSelectionSet<'a>,
    object: &'a T,
) -> ServerResult<Value> {
    if let Some(Unguarded { way, reach }) = context.data_opt()
        && let Some(fields) = selected::<T>(context, reach)
    {
        return match way {
            Way::Text => text::resolve(context, object, &fields).await,
            Way::Tree => tree::resolve(context, object, &fields).await,
        };
    }
    let by_library = async_graphql::resolver_utils::resolve_container(context, object);
    Box::pin(by_library).await
}

async fn resolve_field<T: resolver_utils::ContainerType>(
    context: &ContextSelectionSet<'_>,
    object: &T,
    field: &Positioned<Field>,
) -> ServerResult<Value> {
    let context = context.with_field(field);
    let value = object.resolve_field(&context).await?;
    Ok(value.unwrap_or_default())
}

fn is_typename(field: &Positioned<Field>) -> bool {
    field.node.name.node == "__typename"
}

type Asked<'a> = &'a Positioned<Field>;

/// The selected fields of an object in document order, with fragments expanded. None if the selection has a part that only
/// the library handles, such as a directive.
fn selected<'a, T: resolver_utils::ContainerType>(
    context: &ContextSelectionSet<'a>,
    reach: &Reach,
) -> Option<Vec<Asked<'a>>> {
    let set = &context.item.node;
    let mut fields = Vec::with_capacity(set.items.len());
    let kind = T::type_name();
    unfold(&mut fields, (context, reach), set, &kind).then_some(fields)
}

fn unfold<'a>(
    fields: &mut Vec<Asked<'a>>,
    (context, reach): (&ContextSelectionSet<'a>, &Reach),
    set: &'a SelectionSet,
    on: &str,
) -> bool {
    set.items.iter().all(|item| match &item.node {
        Selection::Field(field) => {
            fields.push(field);
            field.node.directives.is_empty()
        }
        Selection::InlineFragment(inline) => {
            let fragment = &inline.node;
            let condition = fragment.type_condition.as_ref();
            let condition = condition.map(|condition| condition.node.on.node.as_str());
            let fits = condition.is_none_or(|it| reach.is(on, it));
            !fits || unfold(fields, (context, reach), &fragment.selection_set.node, on)
        }
        Selection::FragmentSpread(spread) => {
            let fragments = &context.query_env.fragments;
            let fragment = fragments.get(&spread.node.fragment_name.node);
            fragment.is_some_and(|fragment| {
                let condition = fragment.node.type_condition.node.on.node.as_str();
                !reach.is(on, condition)
                    || unfold(
                        fields,
                        (context, reach),
                        &fragment.node.selection_set.node,
                        on,
                    )
            })
        }
    })
}
