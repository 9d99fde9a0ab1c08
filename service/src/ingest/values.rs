//! Values in the JSON rows of platforms, as adapters and readers take them. Pure.

use serde_json::Value;

/// A member of a row that is a text and not blank.
pub fn text<'a>(row: &'a Value, name: &str) -> Option<&'a str> {
    row.get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
}

/// An id as text, to compare ids: a text that is not blank, or a number.
pub fn id(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(id) if !id.trim().is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// A person's name from its parts, as far as the row has them.
pub fn joined_name(row: &Value, parts: [&str; 2]) -> Option<String> {
    let parts = parts.into_iter().filter_map(|part| text(row, part));
    let parts: Vec<&str> = parts.map(str::trim).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}
