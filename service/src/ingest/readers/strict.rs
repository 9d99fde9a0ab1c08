//! Fields of platforms' rows that decide who has access. A value of another type than the documented one fails the reading: taken
//! for an absent value, it would end access, or give access without an end. Pure.

use serde_json::Value;

use super::failure::ReadError;
use crate::ingest::values;

fn wrong(path: &str, name: &str, expected: &str) -> ReadError {
    ReadError::odd(path, format!("{name} is neither {expected} nor null"))
}

/// A text; none if it is absent, null or blank.
pub fn text<'a>(path: &str, row: &'a Value, name: &str) -> Result<Option<&'a str>, ReadError> {
    match row.get(name) {
        None | Some(Value::Null | Value::String(_)) => Ok(values::text(row, name)),
        Some(_) => Err(wrong(path, name, "a text")),
    }
}

/// An object; none if it is absent or null.
pub fn object<'a>(path: &str, row: &'a Value, name: &str) -> Result<Option<&'a Value>, ReadError> {
    match row.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(object @ Value::Object(_)) => Ok(Some(object)),
        Some(_) => Err(wrong(path, name, "an object")),
    }
}

/// A list; empty if it is absent or null.
pub fn list<'a>(path: &str, row: &'a Value, name: &str) -> Result<&'a [Value], ReadError> {
    match row.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(all)) => Ok(all),
        Some(_) => Err(wrong(path, name, "a list")),
    }
}

/// Checks that fields are texts, null or absent.
pub fn texts(path: &str, row: &Value, names: &[&str]) -> Result<(), ReadError> {
    names
        .iter()
        .try_for_each(|name| text(path, row, name).map(drop))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_type_is_not_taken_for_an_absent_value() {
        let row = json!({ "text": "a", "blank": " ", "null": null, "object": {}, "list": [1], "number": 1 });
        assert_eq!(text("p", &row, "text").unwrap(), Some("a"));
        for absent in ["blank", "null", "other"] {
            assert_eq!(text("p", &row, absent).unwrap(), None);
        }
        assert!(object("p", &row, "object").unwrap().is_some());
        assert_eq!(list("p", &row, "list").unwrap().len(), 1);
        assert!(list("p", &row, "null").unwrap().is_empty());
        for name in ["object", "list", "number"] {
            assert!(text("p", &row, name).is_err(), "{name}");
        }
        assert!(object("p", &row, "list").is_err());
        assert!(list("p", &row, "object").is_err());
        let problem = texts("p", &row, &["text", "number"]).unwrap_err();
        assert_eq!(problem.to_string(), "p: number is neither a text nor null");
    }
}
