//! Reads JSON field by field and remembers the path, so that whoever sent a wrong one is told which, what it holds and what
//! it may hold. Used by adapters; believes nothing and never panics.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use access::Instant;
use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value};

use super::NotUnderstood;
use crate::{ingest::statement::Moment, sentinel};

/// How many characters of a name are kept.
const LONGEST_NAME: usize = 200;

const AN_INSTANT: &str = "an RFC 3339 instant, such as 2026-01-05T09:30:00Z";

/// A JSON value and how to get there.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    path: String,
    value: &'a Value,
    asked: Asked,
}

/// Which members each object of a body was asked for, by where the object lies in memory.
type Asked = Rc<RefCell<HashMap<*const Value, Vec<&'static str>>>>;

/// A member of an object that nobody asked for, though the object was read.
#[derive(Clone, Debug)]
pub struct Unread<'a> {
    /// How to get there.
    pub path: String,
    /// Its name.
    pub name: &'a str,
    /// What it holds.
    pub value: &'a Value,
    /// The names that its object was asked for.
    pub known: Vec<&'static str>,
}

/// What a reading gives.
pub type Read<T> = Result<T, NotUnderstood>;

impl<'a> Field<'a> {
    /// The whole body.
    pub fn root(value: &'a Value) -> Self {
        Self {
            path: String::new(),
            value,
            asked: Asked::default(),
        }
    }

    /// Every member that was not asked for, of every object that was read from here on.
    pub fn unread(&self) -> Vec<Unread<'a>> {
        let mut found = Vec::new();
        unread(&self.asked.borrow(), self.value, &self.path, &mut found);
        found
    }

    fn ask(&self, name: &'static str) {
        let mut asked = self.asked.borrow_mut();
        let names = asked.entry(std::ptr::from_ref(self.value)).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }

    /// Says what is wrong with this field.
    pub fn wrong(&self, expected: &str) -> NotUnderstood {
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
        NotUnderstood {
            field: Some(self.path.clone()).filter(|path| !path.is_empty()),
            message: format!("{name} {holds}; it has to be {expected}"),
            kind: None,
        }
    }

    /// A member, null where it is not there.
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
            asked: self.asked.clone(),
        }
    }

    /// Whether the member was said at all, be it null.
    pub fn says(&self, name: &'static str) -> bool {
        self.ask(name);
        self.value.get(name).is_some()
    }

    /// None for null and for what is not there.
    pub fn present(self) -> Option<Field<'a>> {
        (!self.value.is_null()).then_some(self)
    }

    /// An object, or an error.
    pub fn object(&self) -> Read<&'a Map<String, Value>> {
        self.value
            .as_object()
            .ok_or_else(|| self.wrong("an object"))
    }

    /// The elements of an array, or an error.
    pub fn list(&self) -> Read<Vec<Field<'a>>> {
        let elements = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        Ok(elements
            .iter()
            .enumerate()
            .map(|(index, value)| Field {
                path: format!("{}[{index}]", self.path),
                value,
                asked: self.asked.clone(),
            })
            .collect())
    }

    /// The elements of an array; none where there is no array.
    pub fn list_or_empty(self) -> Read<Vec<Field<'a>>> {
        self.present()
            .map_or_else(|| Ok(Vec::new()), |field| field.list())
    }

    /// Text with something in it, without NUL (which PostgreSQL cannot hold).
    pub fn text(&self) -> Read<String> {
        match self.value {
            Value::String(text) if !text.trim().is_empty() && !text.contains('\0') => {
                Ok(text.clone())
            }
            _ => Err(self.wrong("a text")),
        }
    }

    /// Text that may be left out, null or blank.
    pub fn optional_text(&self) -> Read<Option<String>> {
        match self.value {
            Value::Null => Ok(None),
            Value::String(text) if text.trim().is_empty() => Ok(None),
            _ => self.text().map(Some),
        }
    }

    /// A name, cut at what people can read and an index can hold; none where it is left out, null or blank.
    pub fn name(&self) -> Read<Option<String>> {
        Ok(self.optional_text()?.map(|name| cut(&name)))
    }

    /// The texts of an array, all of them: a tag that is left out would be access that is missing. One that is longer than any
    /// rule may name stays longer than that, so that it is no other. None where there is no array.
    pub fn tags(self) -> Read<Option<Vec<String>>> {
        let Some(field) = self.present() else {
            return Ok(None);
        };
        let all = field.list()?;
        let tag = |one: &Field<'_>| Ok(one.text()?.chars().take(LONGEST_NAME + 1).collect());
        all.iter().map(tag).collect::<Read<_>>().map(Some)
    }

    /// An id: text, or a whole number, which means its digits. At most 500 bytes.
    pub fn id(&self) -> Read<String> {
        let id = match self.value {
            Value::Number(number) if number.is_u64() || number.is_i64() => number.to_string(),
            Value::String(_) => self.text()?,
            _ => return Err(self.wrong("an id: a text or a whole number")),
        };
        if id.len() > 500 {
            Err(self.wrong("an id of at most 500 bytes"))
        } else {
            Ok(id)
        }
    }

    /// One of several words.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Read<T> {
        let found = self
            .value
            .as_str()
            .and_then(|text| words.iter().find(|(word, _)| *word == text));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(&format!("one of {}", all.join(", ")))
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
            .ok_or_else(|| self.wrong(AN_INSTANT))
    }

    /// An RFC 3339 instant from which on something is so; none for null, and for a date that stands for none.
    pub fn since(self) -> Read<Option<Instant>> {
        let Some(field) = self.present() else {
            return Ok(None);
        };
        let at = field.value.as_str().and_then(sentinel::parse);
        at.map(sentinel::start)
            .ok_or_else(|| field.wrong(AN_INSTANT))
    }

    /// A start: an RFC 3339 instant or a local date. None for null, and for a date that stands for none.
    pub fn start(&self) -> Read<Option<Moment>> {
        self.moment(sentinel::start, sentinel::start_day)
    }

    /// An end: an RFC 3339 instant or a local date. None for null, and for a date that stands for none.
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
                _ => Err(self.wrong("an RFC 3339 instant or a date")),
            };
        };
        if text.len() == 10
            && let Ok(date) = text.parse::<Date>()
        {
            return Ok(day(date).map(Moment::On));
        }
        let at = sentinel::parse(text).ok_or_else(|| {
            self.wrong(
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
    found: &mut Vec<Unread<'a>>,
) {
    match value {
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                unread(asked, element, &format!("{path}[{index}]"), found);
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
                    unread(asked, value, &path, found);
                } else {
                    let known = known.clone();
                    found.push(Unread {
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

/// A sender's own name for a field, as a message can show it and a database can hold it.
fn printable(name: &str) -> String {
    let letters = name.chars().take(60);
    letters
        .map(|letter| if letter.is_control() { '?' } else { letter })
        .collect()
}

/// Puts a field into an object that is being made.
pub fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn cut(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}
