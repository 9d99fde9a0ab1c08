//! Objects as values, kept until all is there.

use std::{future::poll_fn, task::Poll};

use async_graphql::{
    ContextSelectionSet, Name, ServerResult, Value,
    indexmap::{IndexMap, map::Entry},
    resolver_utils::ContainerType,
};
use futures_util::future::{BoxFuture, FutureExt};

use super::{Asked, is_typename, resolve_field};

/// A field that has its value, or waits for it.
enum Slot<'a> {
    Has(Value),
    Waits(BoxFuture<'a, ServerResult<Value>>),
}

/// Resolves these fields of an object.
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
    // The library says so of an object of which nothing is asked.
    if object.is_empty() {
        Value::Null
    } else {
        Value::Object(object)
    }
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
