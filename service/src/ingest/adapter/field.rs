//! Reads untrusted JSON field by field and remembers each field's path, so that an error names the field, its value and the
//! expected values. Used by adapters; never panics.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use access::Instant;
use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value};

use super::TranslateError;
use crate::{ingest::statement::Moment, sentinel};

/// Names are cut to this many characters.
const LONGEST_NAME: usize = 200;

const AN_INSTANT: &str = "an RFC 3339 instant, such as 2026-01-05T09:30:00Z";

/// A JSON value and its path.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    path: String,
    value: &'a Value,
    read_names: ReadNames,
}

/// The member names that were read of each object, by the object's address in memory.
type ReadNames = Rc<RefCell<HashMap<*const Value, Vec<&'static str>>>>;

/// A member that no adapter read, of an object that was read.
#[derive(Clone, Debug)]
pub struct Unread<'a> {
    pub path: String,
    pub name: &'a str,
    pub value: &'a Value,
    /// The names of the members that were read of the same object.
    pub known: Vec<&'static str>,
}

pub type Read<T> = Result<T, TranslateError>;

impl<'a> Field<'a> {
    pub fn root(value: &'a Value) -> Self {
        Self {
            path: String::new(),
            value,
            read_names: ReadNames::default(),
        }
    }

    /// The members that were not read, of every object that was read below this field.
    pub fn unread(&self) -> Vec<Unread<'a>> {
        let mut unread_fields = Vec::new();
        unread(
            &self.read_names.borrow(),
            self.value,
            &self.path,
            &mut unread_fields,
        );
        unread_fields
    }

    fn ask(&self, name: &'static str) {
        let mut asked = self.read_names.borrow_mut();
        let names = asked.entry(std::ptr::from_ref(self.value)).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }

    /// An error for this field: its path, its value and what is expected.
    pub fn error(&self, expected: &str) -> TranslateError {
        let holds = match self.value {
            Value::Null => "is missing".to_owned(),
            other => {
                let text = other.to_string();
                let short: String = text.chars().take(60).collect();
                format!(
                    "is {short}{}",
                    if short.len() < text.len() { "…" } else { "" }
                )
            }
        };
        let name = if self.path.is_empty() {
            "the body"
        } else {
            &self.path
        };
        TranslateError {
            field: Some(self.path.clone()).filter(|path| !path.is_empty()),
            message: format!("{name} {holds}; it has to be {expected}"),
            kind: None,
        }
    }

    /// A member; null if it is absent.
    pub fn at(&self, name: &'static str) -> Field<'a> {
        self.ask(name);
        let path = if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        };
        Field {
            path,
            value: self.value.get(name).unwrap_or(&Value::Null),
            read_names: self.read_names.clone(),
        }
    }

    /// Whether the member is present, including as null.
    pub fn contains(&self, name: &'static str) -> bool {
        self.ask(name);
        self.value.get(name).is_some()
    }

    /// None for null and for absent fields.
    pub fn present(self) -> Option<Field<'a>> {
        (!self.value.is_null()).then_some(self)
    }

    pub fn object(&self) -> Read<&'a Map<String, Value>> {
        self.value
            .as_object()
            .ok_or_else(|| self.error("an object"))
    }

    pub fn list(&self) -> Read<Vec<Field<'a>>> {
        let elements = self.value.as_array().ok_or_else(|| self.error("a list"))?;
        Ok(elements
            .iter()
            .enumerate()
            .map(|(index, value)| Field {
                path: format!("{}[{index}]", self.path),
                value,
                read_names: self.read_names.clone(),
            })
            .collect())
    }

    /// An element of this array that was parsed by itself.
    pub fn entry<'e>(&self, index: usize, value: &'e Value) -> Field<'e> {
        Field {
            path: format!("{}[{index}]", self.path),
            value,
            read_names: ReadNames::default(),
        }
    }

    /// The elements of an array; empty for null and for absent fields.
    pub fn list_or_empty(self) -> Read<Vec<Field<'a>>> {
        self.present()
            .map_or_else(|| Ok(Vec::new()), |field| field.list())
    }

    /// Text that is not blank and has no NUL (which PostgreSQL cannot store).
    pub fn text(&self) -> Read<String> {
        match self.value {
            Value::String(text) if !text.trim().is_empty() && !text.contains('\0') => {
                Ok(text.clone())
            }
            _ => Err(self.error("a text")),
        }
    }

    /// Text that may be absent, null or blank.
    pub fn optional_text(&self) -> Read<Option<String>> {
        match self.value {
            Value::Null => Ok(None),
            Value::String(text) if text.trim().is_empty() => Ok(None),
            _ => self.text().map(Some),
        }
    }

    /// A name, cut to `LONGEST_NAME` characters; none if it is absent, null or blank.
    pub fn name(&self) -> Read<Option<String>> {
        Ok(self.optional_text()?.map(|name| cut(&name)))
    }

    /// All texts of an array: a tag that is left out would be missing access. A tag longer than any that a rule may name is cut
    /// one character above that limit, so that it equals no rule's tag. None if the field is absent or null.
    pub fn tags(self) -> Read<Option<Vec<String>>> {
        let Some(field) = self.present() else {
            return Ok(None);
        };
        let all = field.list()?;
        let tag = |one: &Field<'_>| Ok(one.text()?.chars().take(LONGEST_NAME + 1).collect());
        all.iter().map(tag).collect::<Read<_>>().map(Some)
    }

    /// An id: text, or a whole number, which becomes its digits. At most 500 bytes.
    pub fn id(&self) -> Read<String> {
        let id = match self.value {
            Value::Number(number) if number.is_u64() || number.is_i64() => number.to_string(),
            Value::String(_) => self.text()?,
            _ => return Err(self.error("an id: a text or a whole number")),
        };
        if id.len() > 500 {
            Err(self.error("an id of at most 500 bytes"))
        } else {
            Ok(id)
        }
    }

    /// One of several allowed words, translated to its value.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Read<T> {
        let entry = self
            .value
            .as_str()
            .and_then(|text| words.iter().find(|(word, _)| *word == text));
        entry.map(|(_, value)| *value).ok_or_else(|| {
            let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.error(&format!("one of {}", all.join(", ")))
        })
    }

    /// An RFC 3339 instant.
    pub fn instant(&self) -> Read<Instant> {
        let parsed = self
            .value
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok());
        parsed
            .map(Instant::from_timestamp)
            .ok_or_else(|| self.error(AN_INSTANT))
    }

    /// The beginning of a state, as an RFC 3339 instant; none for null, and for a date that senders use for "none".
    pub fn since(self) -> Read<Option<Instant>> {
        let Some(field) = self.present() else {
            return Ok(None);
        };
        let at = field.value.as_str().and_then(sentinel::parse);
        at.map(sentinel::start)
            .ok_or_else(|| field.error(AN_INSTANT))
    }

    /// A start: an RFC 3339 instant or a local date. None for null, and for a date that senders use for "none".
    pub fn start(&self) -> Read<Option<Moment>> {
        self.moment(sentinel::start, sentinel::start_day)
    }

    /// An end: an RFC 3339 instant or a local date. None for null, and for a date that senders use for "none".
    pub fn end(&self) -> Read<Option<Moment>> {
        self.moment(sentinel::end, sentinel::end_day)
    }

    fn moment(
        &self,
        instant: fn(Instant) -> Option<Instant>,
        day: fn(Date) -> Option<Date>,
    ) -> Read<Option<Moment>> {
        let Some(text) = self.value.as_str() else {
            return match self.value {
                Value::Null => Ok(None),
                _ => Err(self.error("an RFC 3339 instant or a date")),
            };
        };
        if text.len() == 10
            && let Ok(date) = text.parse::<Date>()
        {
            return Ok(day(date).map(Moment::On));
        }
        let at = sentinel::parse(text).ok_or_else(|| {
            self.error(
                "an RFC 3339 instant, such as 2026-01-05T09:30:00Z, or a date, such as 2026-01-05",
            )
        })?;
        Ok(instant(at).map(Moment::At))
    }
}

fn unread<'a>(
    asked: &HashMap<*const Value, Vec<&'static str>>,
    value: &'a Value,
    path: &str,
    unread_fields: &mut Vec<Unread<'a>>,
) {
    match value {
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                unread(asked, element, &format!("{path}[{index}]"), unread_fields);
            }
        }
        Value::Object(fields) => {
            let Some(known) = asked.get(&std::ptr::from_ref(value)) else {
                return;
            };
            for (name, value) in fields {
                let path = if path.is_empty() {
                    printable(name)
                } else {
                    format!("{path}.{}", printable(name))
                };
                if known.iter().any(|one| one == name) {
                    unread(asked, value, &path, unread_fields);
                } else {
                    let known = known.clone();
                    unread_fields.push(Unread {
                        path,
                        name,
                        value,
                        known,
                    });
                }
            }
        }
        _ => {}
    }
}

/// The sender's name of a field, made safe for messages and for the database.
fn printable(name: &str) -> String {
    let letters = name.chars().take(60);
    letters
        .map(|letter| if letter.is_control() { '?' } else { letter })
        .collect()
}

/// Inserts a field into a JSON object; does nothing for other values.
pub fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn cut(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}
