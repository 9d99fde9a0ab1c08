//! Resolves objects directly to JSON text: a page of members has several thousand fields, and each of them would otherwise be
//! a name, a hash and an entry in a map, only to be serialized and dropped. The collected fields have distinct response keys, so
//! no written text ever has to be merged.
//!
//! The text is passed on as [`Value::Binary`], which no scalar of the schema uses; [`write()`] copies it unchanged.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use async_graphql::{
    ContextSelectionSet, ServerError, ServerResult, Value, indexmap::IndexMap,
    resolver_utils::ContainerType,
};
use futures_util::future::{BoxFuture, FutureExt};

use super::{collect::Selected, resolve_field};

/// The estimated length of a field, in bytes.
const USUAL_LENGTH: usize = 40;

/// A field whose value is not available at once.
struct Gap<'a> {
    /// The position of its value in the text.
    at: usize,
    slot: Slot<'a>,
}

enum Slot<'a> {
    Waits(BoxFuture<'a, ServerResult<Value>>),
    Has(Value),
}

/// Resolves these fields of an object.
pub(super) async fn resolve<'a, T: ContainerType>(
    context: &'a ContextSelectionSet<'_>,
    object: &'a T,
    fields: &'a [Selected<'_>],
) -> ServerResult<Value> {
    if fields.is_empty() {
        return Ok(Value::Object(IndexMap::new()));
    }
    let mut text = Vec::new();
    let mut gaps: Vec<Gap> = Vec::new();
    poll_fn(|task| {
        if text.is_empty() {
            text.reserve(fields.len() * USUAL_LENGTH);
            begin(&mut text, &mut gaps, task, (context, object, fields))?;
        } else {
            for Gap { slot, .. } in &mut gaps {
                if let Slot::Waits(waiting) = slot
                    && let Poll::Ready(value) = waiting.as_mut().poll(task)
                {
                    *slot = Slot::Has(value?);
                }
            }
        }
        if gaps.iter().any(|gap| matches!(gap.slot, Slot::Waits(_))) {
            return Poll::Pending;
        }
        Poll::Ready(ServerResult::Ok(()))
    })
    .await?;
    filled(text, gaps).map(|text| Value::Binary(text.into()))
}

/// Writes the fields that resolve at once, and records the others as gaps.
fn begin<'a, T: ContainerType>(
    text: &mut Vec<u8>,
    gaps: &mut Vec<Gap<'a>>,
    task: &mut Context<'_>,
    (context, object, fields): (&'a ContextSelectionSet<'_>, &'a T, &'a [Selected<'_>]),
) -> ServerResult<()> {
    for (index, field) in fields.iter().enumerate() {
        let field = field.field();
        text.push(if index == 0 { b'{' } else { b',' });
        // A GraphQL name contains no character that JSON escapes.
        text.push(b'"');
        text.extend_from_slice(field.node.response_key().node.as_bytes());
        text.extend_from_slice(b"\":");
        if field.node.name.node == "__typename" {
            text.push(b'"');
            text.extend_from_slice(T::type_name().as_bytes());
            text.push(b'"');
            continue;
        }
        let mut value = resolve_field(context, object, field).boxed();
        match value.as_mut().poll(task) {
            Poll::Ready(value) => write(text, &value?).map_err(unwritten)?,
            Poll::Pending => gaps.push(Gap {
                at: text.len(),
                slot: Slot::Waits(value),
            }),
        }
    }
    text.push(b'}');
    Ok(())
}

/// Inserts the values of the gaps into the text.
fn filled(text: Vec<u8>, gaps: Vec<Gap<'_>>) -> ServerResult<Vec<u8>> {
    if gaps.is_empty() {
        return Ok(text);
    }
    let missing = gaps.iter().map(|gap| match &gap.slot {
        Slot::Has(value) => length(value),
        Slot::Waits(_) => 0,
    });
    let mut whole = Vec::with_capacity(text.len() + missing.sum::<usize>());
    let mut rest = text.as_slice();
    let mut from = 0;
    for Gap { at, slot } in gaps {
        let (before, after) = rest.split_at(at - from);
        whole.extend_from_slice(before);
        if let Slot::Has(value) = slot {
            write(&mut whole, &value).map_err(unwritten)?;
        }
        (rest, from) = (after, at);
    }
    whole.extend_from_slice(rest);
    Ok(whole)
}

/// The length of a serialized value, estimated if it is not written yet.
fn length(value: &Value) -> usize {
    match value {
        Value::Binary(written) => written.len(),
        Value::List(values) => values.iter().map(|value| length(value) + 1).sum::<usize>() + 2,
        _ => USUAL_LENGTH,
    }
}

fn unwritten(problem: serde_json::Error) -> ServerError {
    ServerError::new(
        format!("a value cannot be serialized as JSON: {problem}"),
        None,
    )
}

/// Appends a value to a text as JSON; already serialized parts are copied unchanged.
///
/// # Errors
///
/// If a value cannot be serialized as JSON.
pub fn write(text: &mut Vec<u8>, value: &Value) -> Result<(), serde_json::Error> {
    match value {
        Value::Null => text.extend_from_slice(b"null"),
        Value::Binary(written) => text.extend_from_slice(written),
        Value::List(values) => {
            text.reserve(length(value));
            text.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                write(text, value)?;
            }
            text.push(b']');
        }
        Value::Object(fields) => {
            text.push(b'{');
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                serde_json::to_writer(&mut *text, name.as_str())?;
                text.push(b':');
                write(text, value)?;
            }
            text.push(b'}');
        }
        Value::String(_) | Value::Number(_) | Value::Boolean(_) | Value::Enum(_) => {
            serde_json::to_writer(text, value)?;
        }
    }
    Ok(())
}

/// A value without JSON text in it, as the library's own resolver gives it.
#[cfg(test)]
pub(in crate::graphql) fn to_plain(value: &Value) -> Value {
    let mut text = Vec::new();
    write(&mut text, value).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[cfg(test)]
mod tests {
    use async_graphql::{Name, Number, value};

    use super::*;

    fn written(value: &Value) -> String {
        let mut text = Vec::new();
        write(&mut text, value).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn values_are_written_as_serde_json_writes_them() {
        for value in [
            Value::Null,
            Value::Boolean(true),
            Value::Number(Number::from_f64(-1.5e300).unwrap()),
            Value::Enum(Name::new("ACTIVE")),
            Value::String("\"quoted\" \u{0}\n\u{2028} ü 🚪".to_owned()),
            value!({ "list": [1, [], {}, [null, "a\\b"]], "": { "k\"ey": true } }),
        ] {
            assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
        }
    }

    #[test]
    fn serialized_objects_are_copied_unchanged_at_any_depth() {
        let object = Value::Binary(br#"{"id":"1"}"#.as_slice().into());
        let mut whole = value!({ "first": 1 });
        if let Value::Object(fields) = &mut whole {
            let list = Value::List(vec![object.clone(), Value::Null, object]);
            fields.insert(Name::new("list"), list);
        }
        let expected = r#"{"first":1,"list":[{"id":"1"},null,{"id":"1"}]}"#;
        assert_eq!(written(&whole), expected);
    }

    #[test]
    fn the_values_of_gaps_are_inserted_at_their_positions() {
        let gap = |at, value| Gap {
            at,
            slot: Slot::Has(value),
        };
        let text = br#"{"a":,"b":2,"c":}"#.to_vec();
        let gaps = vec![gap(5, value!(1)), gap(16, value!([3, "x"]))];
        let filled = filled(text, gaps).unwrap();
        assert_eq!(
            String::from_utf8(filled).unwrap(),
            r#"{"a":1,"b":2,"c":[3,"x"]}"#
        );
    }
}
