//! Builds the bodies of canonical events. Pure functions; a person is a one-word name, from which the id and the e-mail address
//! are derived.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The person `name`, with an e-mail address at example.com.
pub fn person(name: &str) -> Value {
    json!({ "id": name, "email": email(name), "name": name })
}

/// The e-mail address of the person `name`. An address is returned unchanged.
pub fn email(name: &str) -> String {
    if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@example.com")
    }
}

/// An active membership of the plan `unlimited`, without start and end.
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

/// The event body with its type, time and data.
pub fn event(kind: &str, at: Timestamp, data: &Value) -> Value {
    json!({ "type": kind, "timestamp": at.to_string(), "data": data })
}

/// `base` with its fields replaced by those of `over`; null removes a field.
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

/// All e-mail addresses in a body.
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
