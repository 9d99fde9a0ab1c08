//! Resolves the fields of an object at once where they need not wait: most do not. The library makes a task, a waker and a
//! place in a queue for each field of each element of each list before it asks the first; here a field is asked when it is
//! its turn, and kept only where it has to wait.
//!
//! Promises the library's answer, with the fields in the order in which they were asked for. Leaves to the library what runs
//! under the guard, and directives that it would have to carry out. Never goes on after a field that failed: the executor
//! asks once more, under guard. Objects and interfaces take this module for the library where they are derived
//! (`crate = "crate::graphql::prompt"`).

pub use async_graphql::*;

use std::sync::Arc;

use async_graphql::parser::types::{Field, Selection, SelectionSet};

use super::reach::Reach;

pub mod text;
mod tree;

/// What derived code looks for in the library.
pub mod resolver_utils {
    pub use super::resolve_container;
    pub use async_graphql::resolver_utils::*;
}

/// The same for interfaces, whose values are resolved as the objects that they are.
pub mod interface {
    pub use async_graphql::*;

    /// What derived code looks for in the library.
    pub mod resolver_utils {
        use super::{ContextSelectionSet, ServerResult, Value};
        use crate::graphql::prompt::{OneOf, Unguarded};
        pub use async_graphql::resolver_utils::*;

        /// Resolves what is asked of a value.
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

/// In a request's data: no field is asked about, and none that fails is made null.
#[derive(Clone)]
pub struct Unguarded {
    /// How objects are kept.
    pub way: Way,
    /// Which objects are what a fragment is for.
    pub reach: Arc<Reach>,
}

/// How objects are kept until all of an answer is there.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// As JSON, as soon as their fields are there. For documents that ask for nothing twice: what was written cannot be merged.
    Text,
    /// As values; what is asked for twice is merged.
    Tree,
}

/// An interface whose value is one of several objects.
pub trait OneOf: resolver_utils::ContainerType {
    /// Resolves what is asked of the object.
    fn resolve_object<'a>(
        &'a self,
        context: &ContextSelectionSet<'a>,
    ) -> impl Future<Output = ServerResult<Value>> + Send;
}

/// Resolves what is asked of an object.
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

/// A field of the document.
type Asked<'a> = &'a Positioned<Field>;

/// The fields that are asked of an object, in their order, fragments unfolded. None where something is asked that is the
/// library's to do.
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
