//! Resolves objects to values in memory, merging fields with the same response key.

use std::{future::poll_fn, task::Poll};

use async_graphql::{
    ContextSelectionSet, Name, ServerResult, Value,
    indexmap::{IndexMap, map::Entry},
    resolver_utils::ContainerType,
};
use futures_util::future::{BoxFuture, FutureExt};

use super::{Asked, is_typename, resolve_field};

/// A field with its value, or with the future that resolves it.
enum Slot<'a> {
    Has(Value),
    Waits(BoxFuture<'a, ServerResult<Value>>),
}

/// Resolves these fields of an object concurrently.
pub(super) async fn resolve<'a, T: ContainerType>(
    context: &ContextSelectionSet<'a>,
    object: &'a T,
    fields: &[Asked<'a>],
) -> ServerResult<Value> {
    let mut slots: Vec<Slot> = fields
        .iter()
        .map(|field| {
            if is_typename(field) {
                return Slot::Has(Value::String(T::type_name().into_owned()));
            }
            Slot::Waits(resolve_field(context, object, field).boxed())
        })
        .collect();
    poll_fn(|task| {
        let mut all_there = true;
        for slot in &mut slots {
            if let Slot::Waits(waiting) = slot {
                match waiting.as_mut().poll(task) {
                    Poll::Ready(value) => *slot = Slot::Has(value?),
                    Poll::Pending => all_there = false,
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
    Ok(put_together(fields, slots))
}

fn put_together(fields: &[Asked<'_>], slots: Vec<Slot<'_>>) -> Value {
    let mut object = IndexMap::with_capacity(slots.len());
    for (field, slot) in fields.iter().zip(slots) {
        if let Slot::Has(value) = slot {
            insert(&mut object, field.node.response_key().node.clone(), value);
        }
    }
    // async-graphql gives null for an object without selected fields.
    if object.is_empty() {
        Value::Null
    } else {
        Value::Object(object)
    }
}

/// Fields with the same response key are merged into one, with the selections of both.
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
