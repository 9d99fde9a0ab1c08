//! The conditions of a mapping (`when`): whether an event or an element of a list counts. Values are compared as texts; a missing
//! value and null compare as "".

use serde_json::{Map, Value};

use super::{
    place::{Parse, Place, refuse_unknown_fields},
    template::Path,
};

const TESTS: [&str; 3] = ["is", "not", "exists"];

/// A parsed condition.
#[derive(Clone, Debug)]
pub enum Condition {
    /// All of these hold.
    All(Vec<Condition>),
    /// At least one of these holds.
    Any(Vec<Condition>),
    /// The value at the path is, or is not, one of these texts.
    OneOf {
        path: Path,
        texts: Vec<String>,
        expected: bool,
    },
    /// The path has, or has not, a value other than null and blank text.
    Exists { path: Path, expected: bool },
}

impl Condition {
    /// Parses a condition, or a list of conditions that all have to hold.
    pub fn parse(json: &Value, place: &Place) -> Parse<Self> {
        place.check_depth()?;
        match json {
            Value::Array(_) => Ok(Self::All(all(json, place)?)),
            Value::Object(fields) if fields.contains_key("any") => {
                refuse_unknown_fields(fields, &["any"], place)?;
                let any = fields.get("any").unwrap_or(&Value::Null);
                Ok(Self::Any(all(any, &place.at("any"))?))
            }
            Value::Object(fields) => Self::of_value(fields, place),
            _ => Err(place.wrong(
                r#"it has to be a condition such as {"at": "/data/kind", "is": "door"}, or a list of them"#,
            )),
        }
    }

    fn of_value(fields: &Map<String, Value>, place: &Place) -> Parse<Self> {
        refuse_unknown_fields(fields, &["at", "root", "is", "not", "exists"], place)?;
        let path = match (fields.get("at"), fields.get("root")) {
            (Some(at), None) => Path::of_text(at, &place.at("at"), false)?,
            (None, Some(root)) => Path::of_text(root, &place.at("root"), true)?,
            _ => return Err(place.wrong("it has to have either at or root: the path of the value")),
        };
        let mut tests = TESTS.into_iter().filter(|name| fields.contains_key(*name));
        let (Some(name), None) = (tests.next(), tests.next()) else {
            return Err(place.wrong("it has to have one of is, not and exists"));
        };
        let here = place.at(name);
        let operand = fields.get(name).unwrap_or(&Value::Null);
        if name == "exists" {
            let expected = operand.as_bool();
            let expected = expected.ok_or_else(|| here.wrong("it has to be true or false"))?;
            return Ok(Self::Exists { path, expected });
        }
        let operands = match operand {
            Value::Array(several) if !several.is_empty() => several.iter().collect(),
            one => vec![one],
        };
        let texts = operands.into_iter().map(text_of).collect::<Option<_>>();
        let texts = texts.ok_or_else(|| {
            here.wrong("it has to be a text, a number, true, false or null, or a list of them")
        })?;
        Ok(Self::OneOf {
            path,
            texts,
            expected: name == "is",
        })
    }

    /// Whether it holds. `value` returns the value at a path.
    pub fn holds<'v>(&self, value: &impl Fn(&Path) -> Option<&'v Value>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(value)),
            Self::Any(any) => any.iter().any(|one| one.holds(value)),
            Self::Exists { path, expected } => {
                let exists = value(path).is_some_and(|value| !super::fill::is_nothing(value));
                exists == *expected
            }
            Self::OneOf {
                path,
                texts,
                expected,
            } => {
                let is_one =
                    |value: &Value| text_of(value).is_some_and(|text| texts.contains(&text));
                let is_one = match value(path) {
                    Some(Value::Array(elements)) => elements.iter().any(is_one),
                    found => is_one(found.unwrap_or(&Value::Null)),
                };
                is_one == *expected
            }
        }
    }
}

fn all(json: &Value, place: &Place) -> Parse<Vec<Condition>> {
    let list = json.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| place.wrong("it has to be a list of conditions"))?;
    let one = |(index, one): (usize, &Value)| Condition::parse(one, &place.at(&index.to_string()));
    list.iter().enumerate().map(one).collect()
}

/// A value as text; "" for null, none for lists and objects.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}
