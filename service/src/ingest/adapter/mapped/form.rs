//! Form-encoded bodies as JSON: an object of texts. `a[b]` becomes an object within an object, and a name that is repeated or ends
//! in `[]` a list.

use serde_json::{Map, Value};

use crate::ingest::adapter::TranslateError;

/// The most fields of a form, and the most brackets of a name.
const MOST_FIELDS: usize = 2_000;
const MOST_BRACKETS: usize = 8;

/// Decodes a form.
pub fn parse(body: &[u8]) -> Result<Value, TranslateError> {
    let mut root = Value::Object(Map::new());
    for (index, (name, value)) in form_urlencoded::parse(body).enumerate() {
        if index == MOST_FIELDS {
            return Err(error(&name, "the form has more than 2000 fields"));
        }
        let Some(path) = path(&name) else {
            let message = "a name is written a, a[b] or a[], with at most 8 brackets";
            return Err(error(&name, message));
        };
        if !put(&mut root, &path, value.into_owned()) {
            return Err(error(
                &name,
                "the form has this name as a text and as an object",
            ));
        }
    }
    Ok(root)
}

fn error(name: &str, message: &str) -> TranslateError {
    let short: String = name.chars().take(60).collect();
    TranslateError {
        field: Some(short.clone()),
        message: format!("the form's field {short:?}: {message}"),
        kind: None,
    }
}

/// The keys of a name such as `a[b][]`; a blank last key means a list.
fn path(name: &str) -> Option<Vec<&str>> {
    let Some((first, rest)) = name.split_once('[') else {
        return Some(vec![name]);
    };
    let inner = rest.strip_suffix(']')?;
    let keys: Vec<&str> = inner.split("][").collect();
    let plain = |key: &&str| !key.contains(['[', ']']);
    let is_sound = keys.len() <= MOST_BRACKETS
        && keys.iter().all(plain)
        && keys.iter().rev().skip(1).all(|key| !key.is_empty());
    is_sound.then(|| [vec![first], keys].concat())
}

/// False if a part of the path is a text already.
fn put(at: &mut Value, path: &[&str], text: String) -> bool {
    match path {
        [] => {
            let before = at.take();
            *at = match before {
                Value::Null => Value::String(text),
                Value::Array(mut all) => {
                    all.push(Value::String(text));
                    Value::Array(all)
                }
                Value::String(first) => Value::from(vec![first, text]),
                other => {
                    *at = other;
                    return false;
                }
            };
            true
        }
        [""] => {
            if at.is_null() {
                *at = Value::Array(Vec::new());
            }
            put(at, &[], text)
        }
        [key, rest @ ..] => {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            let Value::Object(fields) = at else {
                return false;
            };
            put(fields.entry(*key).or_insert(Value::Null), rest, text)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_become_texts_lists_and_objects() {
        let body = b"event=created&member%5Bid%5D=7&member%5Bname%5D=Ada+L&tag=a&tag=b&plans%5B%5D=1&empty=";
        let expected = json!({
            "event": "created", "member": {"id": "7", "name": "Ada L"}, "tag": ["a", "b"], "plans": ["1"], "empty": ""
        });
        assert_eq!(parse(body), Ok(expected));
    }

    #[test]
    fn a_name_cannot_be_a_text_and_an_object() {
        for body in ["a=1&a[b]=2", "a[b]=2&a=1", "a[b=1", "a[][b]=1", "a[b]c=1"] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn many_fields_and_brackets_are_refused() {
        assert!(parse("a=1&".repeat(2_001).as_bytes()).is_err());
        assert!(parse(format!("a{}=1", "[b]".repeat(9)).as_bytes()).is_err());
        assert!(parse(format!("a{}=1", "[b]".repeat(8)).as_bytes()).is_ok());
    }
}
