//! Bodies of canonical events, as a sender writes them. Pure; people are known by one word, from which everything of theirs
//! is made.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Somebody called `name`, with an address at example.com.
pub fn person(name: &str) -> Value {
    json!({ "id": name, "email": email(name), "name": name })
}

/// The address of somebody called `name`; an address stays what it is.
pub fn email(name: &str) -> String {
    if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@example.com")
    }
}

/// An active membership of the plan `unlimited`, without ends.
pub fn membership(id: &str, who: &str) -> Value {
    json!({ "id": id, "plan": { "id": "unlimited", "name": "unlimited" }, "member": person(who), "status": "active" })
}

/// A confirmed booking of the room `oak`.
pub fn booking(
    id: &str,
    who: &str,
    starts_at: Timestamp,
    ends_at: Timestamp,
    guests: &[&str],
) -> Value {
    let guests: Vec<Value> = guests.iter().map(|name| person(name)).collect();
    json!({
        "id": id, "kind": "room", "item": { "id": "oak", "name": "oak" }, "member": person(who), "guests": guests,
        "status": "confirmed", "starts_at": starts_at.to_string(), "ends_at": ends_at.to_string(),
    })
}

/// The whole body.
pub fn event(kind: &str, at: Timestamp, data: &Value) -> Value {
    json!({ "type": kind, "timestamp": at.to_string(), "data": data })
}

/// `base` with the fields of `over` in place of its own; null takes one away.
pub fn with(base: Value, over: Value) -> Value {
    let mut fields: Map<String, Value> = base.as_object().unwrap().clone();
    for (name, value) in over.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    Value::Object(fields)
}

/// Every address that a body names.
pub fn addresses(body: &Value) -> Vec<String> {
    match body {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value.as_str() {
                Some(text) if name == "email" => vec![text.trim().to_lowercase()],
                _ => addresses(value),
            })
            .collect(),
        Value::Array(all) => all.iter().flat_map(addresses).collect(),
        _ => Vec::new(),
    }
}
