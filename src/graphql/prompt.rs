//! Resolves the fields of an object at once where they need not wait: most do not. The library makes a task, a waker and a
//! place in a queue for each field of each element of each list before it asks the first; here a field is asked when it is
//! its turn, and kept only where it has to wait.
//!
//! Promises the library's answer, with the fields in the order in which they were asked for. Leaves to the library what runs
//! under the guard, and directives that it would have to carry out. Never goes on after a field that failed: the executor
//! asks once more, under guard. Objects and interfaces take this module for the library where they are derived
//! (`crate = "crate::graphql::prompt"`).

use std::{
    future::{Future, poll_fn},
    task::Poll,
};

pub use async_graphql::*;

use async_graphql::{
    indexmap::{IndexMap, map::Entry},
    parser::types::{Field, Selection, SelectionSet},
    registry::Registry,
};
use futures_util::future::{BoxFuture, FutureExt};

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
pub struct Unguarded;

/// An interface whose value is one of several objects.
pub trait OneOf: resolver_utils::ContainerType {
    /// Resolves what is asked of the object.
    fn resolve_object<'a>(
        &'a self,
        context: &ContextSelectionSet<'a>,
    ) -> impl Future<Output = ServerResult<Value>> + Send;
}

/// A field that has its value, or waits for it.
enum Slot<'a> {
    Has(Value),
    Waits(BoxFuture<'a, ServerResult<Value>>),
}

/// Resolves what is asked of an object.
pub async fn resolve_container<'a, T: resolver_utils::ContainerType>(
    context: &ContextSelectionSet<'a>,
    object: &'a T,
) -> ServerResult<Value> {
    let selected = match context.data_opt::<Unguarded>() {
        Some(_) => Selected::of::<T>(context),
        None => None,
    };
    let Some(selected) = selected else {
        let by_library = async_graphql::resolver_utils::resolve_container(context, object);
        return Box::pin(by_library).await;
    };
    let mut slots = Vec::new();
    poll_fn(|task| {
        let mut all_there = true;
        if slots.is_empty() {
            slots.reserve_exact(selected.0.len());
            for field in &selected.0 {
                if is_typename(field) {
                    let name = T::type_name().into_owned();
                    slots.push(Slot::Has(Value::String(name)));
                    continue;
                }
                let mut value = resolve_field(context, object, field).boxed();
                slots.push(match value.as_mut().poll(task) {
                    Poll::Ready(value) => Slot::Has(value?),
                    Poll::Pending => {
                        all_there = false;
                        Slot::Waits(value)
                    }
                });
            }
        } else {
            for slot in &mut slots {
                if let Slot::Waits(waiting) = slot {
                    match waiting.as_mut().poll(task) {
                        Poll::Ready(value) => *slot = Slot::Has(value?),
                        Poll::Pending => all_there = false,
                    }
                }
            }
        }
        if all_there {
            Poll::Ready(ServerResult::Ok(()))
        } else {
            Poll::Pending
        }
    })
    .await?;
    Ok(selected.put_together(slots))
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

/// The fields that are asked of an object, in their order, fragments unfolded.
struct Selected<'a>(Vec<&'a Positioned<Field>>);

impl<'a> Selected<'a> {
    /// None where something is asked that is the library's to do.
    fn of<T: resolver_utils::ContainerType>(context: &ContextSelectionSet<'a>) -> Option<Self> {
        let set = &context.item.node;
        let mut selected = Self(Vec::with_capacity(set.items.len()));
        selected
            .unfold(context, set, T::type_name().as_ref())
            .then_some(selected)
    }

    fn unfold(
        &mut self,
        context: &ContextSelectionSet<'a>,
        set: &'a SelectionSet,
        on: &str,
    ) -> bool {
        set.items.iter().all(|item| match &item.node {
            Selection::Field(field) => {
                self.0.push(field);
                field.node.directives.is_empty()
            }
            Selection::InlineFragment(inline) => {
                let fragment = &inline.node;
                let condition = fragment.type_condition.as_ref();
                let condition = condition.map(|condition| condition.node.on.node.as_str());
                let fits = condition.is_none_or(|it| is(&context.schema_env.registry, on, it));
                !fits || self.unfold(context, &fragment.selection_set.node, on)
            }
            Selection::FragmentSpread(spread) => {
                let fragments = &context.query_env.fragments;
                let fragment = fragments.get(&spread.node.fragment_name.node);
                fragment.is_some_and(|fragment| {
                    let condition = fragment.node.type_condition.node.on.node.as_str();
                    !is(&context.schema_env.registry, on, condition)
                        || self.unfold(context, &fragment.node.selection_set.node, on)
                })
            }
        })
    }

    fn put_together(self, slots: Vec<Slot<'_>>) -> Value {
        let mut object = IndexMap::with_capacity(slots.len());
        for (field, slot) in self.0.into_iter().zip(slots) {
            if let Slot::Has(value) = slot {
                insert(&mut object, field.node.response_key().node.clone(), value);
            }
        }
        // The library says so of an object of which nothing is asked.
        if object.is_empty() {
            Value::Null
        } else {
            Value::Object(object)
        }
    }
}

/// Whether an object of a type is what a fragment is for.
fn is(registry: &Registry, on: &str, condition: &str) -> bool {
    let interfaces = registry.implements.get(on);
    on == condition || interfaces.is_some_and(|interfaces| interfaces.contains(condition))
}

/// A field that is asked for twice is one field, and has of its object what either asks.
fn insert(object: &mut IndexMap<Name, Value>, name: Name, value: Value) {
    match object.entry(name) {
        Entry::Vacant(place) => {
            place.insert(value);
        }
        Entry::Occupied(mut known) => merge(known.get_mut(), value),
    }
}

fn merge(known: &mut Value, value: Value) {
    match (known, value) {
        (Value::Object(known), Value::Object(more)) => {
            for (name, value) in more {
                insert(known, name, value);
            }
        }
        (Value::List(known), Value::List(more)) => {
            for (known, more) in known.iter_mut().zip(more) {
                merge(known, more);
            }
        }
        _ => {}
    }
}
