//! Fills the templates of a mapping from a sender's body. Remembers which path of the body each canonical field came from, so
//! that errors can name the sender's own fields. A pure function of the body, the template and the source's time zone.

use std::collections::BTreeMap;

use access::Instant;
use jiff::{
    civil::{Date, DateTime},
    fmt::strtime,
    tz::TimeZone,
};
use serde_json::{Map, Value};

use super::{
    condition::{Condition, text_of},
    shape::Part,
    template::{Notation, Path, Template, ValueMap},
};
use crate::{
    ingest::adapter::{TranslateError, field::Read},
    sentinel,
};

/// The field of a canonical event that has all others.
pub const EVENT_DATA: &str = "data";

pub struct Body<'a> {
    root: &'a Value,
    zone: TimeZone,
    /// By canonical field: the JSON pointer into the body.
    origins: BTreeMap<String, String>,
}

/// The result of filling a template.
#[derive(Default)]
struct Filled {
    /// None if the field is absent.
    value: Option<Value>,
    /// Whether the body had a value for the template; none if the template consists of constants.
    has_body_value: Option<bool>,
    /// The body says that there is no value: it has a null at the path or above it.
    says_none: bool,
}

/// An element of the body, and where it is.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    pub value: &'a Value,
    /// A JSON pointer into the body.
    pub pointer: &'a str,
}

/// The current position in the body and in the canonical event.
#[derive(Clone, Copy)]
struct Position<'a> {
    element: &'a Value,
    pointer: &'a str,
    field: &'a str,
}

impl<'a> Body<'a> {
    /// `zone` is the source's time zone.
    pub fn new(root: &'a Value, zone: TimeZone) -> Self {
        let origins = BTreeMap::new();
        Self {
            root,
            zone,
            origins,
        }
    }

    /// The whole body.
    pub fn whole(&self) -> Element<'a> {
        Element {
            value: self.root,
            pointer: "",
        }
    }

    /// The value of a canonical field; none if the field is absent. Paths begin at the element.
    pub fn fill(
        &mut self,
        template: &Template,
        element: Element<'_>,
        field: &str,
    ) -> Read<Option<Value>> {
        let here = Position {
            element: element.value,
            pointer: element.pointer,
            field,
        };
        Ok(self.at(template, here)?.value)
    }

    /// Whether a condition holds for an element; none holds always.
    pub fn holds(&self, when: Option<&Condition>, element: &Value) -> bool {
        let root = self.root;
        let value = |path: &Path| {
            let from = if path.from_root { root } else { element };
            from.pointer(&path.pointer)
        };
        when.is_none_or(|when| when.holds(&value))
    }

    /// Forgets where the fields of the event before came from.
    pub fn begin_event(&mut self) {
        self.origins.clear();
    }

    /// Adds the sender's own path to an error about a canonical field.
    pub fn with_sender_path(&self, wrong: TranslateError) -> TranslateError {
        let Some(field) = &wrong.field else {
            return wrong;
        };
        let inside = |(name, _): &(&String, &String)| {
            name.strip_prefix(field.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        // An absent field has no origin, but its parts were looked up somewhere.
        let own = [field.clone(), format!("{field}.id")];
        let own = own.iter().find_map(|name| self.origins.get(name));
        let any = || self.origins.iter().find(inside).map(|(_, pointer)| pointer);
        let Some(pointer) = own.or_else(any) else {
            return wrong;
        };
        TranslateError {
            message: format!("{} (the mapping takes it from {pointer})", wrong.message),
            field: Some(pointer.clone()),
            kind: wrong.kind,
        }
    }

    fn at(&mut self, template: &Template, here: Position<'_>) -> Read<Filled> {
        match template {
            Template::Value(value) => Ok(Filled {
                value: Some(value.clone()),
                ..Filled::default()
            }),
            Template::Path(path) => self.path(path, here),
            Template::Join(parts, with) => self.join(parts, with, here),
            Template::First(choices) => {
                // A null says that there is none, which is more than a missing value says.
                let mut nothing = Filled::default();
                for choice in choices {
                    let filled = self.at(choice, here)?;
                    match &filled.value {
                        Some(value) if !is_nothing(value) => return Ok(filled),
                        _ if nothing.value.is_none() => nothing = filled,
                        _ => {}
                    }
                }
                Ok(nothing)
            }
            Template::Each(list, when, item) => self.each(list, when.as_ref(), item, here),
            Template::Several(items) => self.several(items, here),
            Template::List(list) => {
                let filled = self.at(list, here)?;
                let value = match filled.value {
                    Some(value) if is_nothing(&value) => Some(Value::Array(Vec::new())),
                    value => value,
                };
                Ok(Filled { value, ..filled })
            }
            Template::Object(fields) => self.object(fields, here),
        }
    }

    fn object(&mut self, fields: &[(Part, Template)], here: Position<'_>) -> Read<Filled> {
        let (mut object, mut has_body_value) = (Map::new(), None);
        let (mut is_absent, mut says_none) = (false, false);
        for (part, template) in fields {
            let field = format!("{}.{}", here.field, part.name);
            let filled = self.at(
                template,
                Position {
                    field: &field,
                    ..here
                },
            )?;
            has_body_value = either(has_body_value, filled.has_body_value);
            says_none |= filled.says_none;
            // The mapping says by its words that there is no value, so there is no such object.
            let is_none = filled.value == Some(Value::Null) && template.has_words();
            is_absent |= part.needed && is_none && here.field != EVENT_DATA;
            if let Some(value) = filled.value {
                object.insert(part.name.to_owned(), value);
            }
        }
        // An object for which the body has no value is absent, even if the mapping has constants for it.
        let is_present = has_body_value != Some(false) && !is_absent;
        Ok(Filled {
            value: is_present.then_some(Value::Object(object)),
            has_body_value: has_body_value.map(|has| has && !is_absent),
            says_none,
        })
    }

    /// A list of single values. Without a value it is empty if the body says that there is none, and absent otherwise.
    fn several(&mut self, items: &[Template], here: Position<'_>) -> Read<Filled> {
        let (mut list, mut says_none, mut has_body_value) = (Vec::new(), false, None);
        for item in items {
            let field = format!("{}[{}]", here.field, list.len());
            let position = Position {
                field: &field,
                ..here
            };
            let filled = self.at(item, position)?;
            has_body_value = either(has_body_value, filled.has_body_value);
            says_none |= filled.says_none;
            list.extend(filled.value.filter(|value| !is_nothing(value)));
        }
        Ok(Filled {
            value: (says_none || !list.is_empty()).then_some(Value::Array(list)),
            has_body_value,
            says_none,
        })
    }

    fn path(&mut self, path: &Path, here: Position<'_>) -> Read<Filled> {
        let (element, base) = if path.from_root {
            (self.root, "")
        } else {
            (here.element, here.pointer)
        };
        let pointer = format!("{base}{}", path.pointer);
        let body_value = element.pointer(&path.pointer);
        // If several paths were tried, the one that had the value is kept.
        let is_there = body_value.is_some_and(|value| !is_nothing(value));
        if is_there || !self.origins.contains_key(here.field) {
            self.origins.insert(here.field.to_owned(), pointer.clone());
        }
        let value = match (&path.value_map, body_value) {
            (Some(words), _) => look_up(words, body_value, &pointer)?,
            (None, None) => None,
            (None, Some(value)) if is_nothing(value) => Some(value.clone()),
            (None, Some(value)) => Some(self.read(&path.written, value, &pointer)?),
        };
        let has_body_value = Some(value.as_ref().is_some_and(|value| !is_nothing(value)));
        Ok(Filled {
            value,
            has_body_value,
            says_none: has_null(element, &path.pointer),
        })
    }

    fn read(&self, written: &Notation, value: &Value, pointer: &str) -> Read<Value> {
        match written {
            Notation::AsIs => Ok(value.clone()),
            Notation::Since1970 { per_second } => since_1970(value, *per_second)
                .map(|at| Value::from(sentinel::format(at)))
                .ok_or_else(|| {
                    let expected = if *per_second == 1 {
                        "a number of seconds since 1970"
                    } else {
                        "a number of milliseconds since 1970"
                    };
                    error_at(pointer, value, expected)
                }),
            Notation::Local { format, zone } => {
                let zone = zone.as_ref().unwrap_or(&self.zone);
                let read = value
                    .as_str()
                    .and_then(|text| local(text.trim(), format.as_deref(), zone));
                read.map(Value::from).ok_or_else(|| {
                    let how = format
                        .as_deref()
                        .unwrap_or("a local time such as 2026-01-05 09:30");
                    error_at(pointer, value, &format!("written as {how}"))
                })
            }
            Notation::Split(by) => {
                let text = value
                    .as_str()
                    .ok_or_else(|| error_at(pointer, value, "a text"))?;
                let parts = text.split(by.as_str()).map(str::trim);
                Ok(parts
                    .filter(|part| !part.is_empty())
                    .map(Value::from)
                    .collect())
            }
        }
    }

    fn join(&mut self, parts: &[Template], with: &str, here: Position<'_>) -> Read<Filled> {
        let (mut texts, mut has_value, mut says_none) = (Vec::new(), None, false);
        for part in parts {
            let filled = self.at(part, here)?;
            says_none |= filled.says_none;
            if filled.has_body_value.is_some() {
                has_value = Some(has_value.unwrap_or(false) || filled.has_body_value == Some(true));
            }
            texts.extend(match filled.value {
                Some(Value::String(text)) if !text.trim().is_empty() => {
                    Some(text.trim().to_owned())
                }
                Some(Value::Number(number)) => Some(number.to_string()),
                _ => None,
            });
        }
        // A join of nothing but constants is absent if the body has none of the other parts.
        let is_present = has_value != Some(false) && !texts.is_empty();
        let value = is_present.then(|| Value::from(texts.join(with)));
        Ok(Filled {
            value,
            has_body_value: has_value,
            says_none,
        })
    }

    fn each(
        &mut self,
        list: &Path,
        when: Option<&Condition>,
        item: &Template,
        here: Position<'_>,
    ) -> Read<Filled> {
        let pointer = format!("{}{}", here.pointer, list.pointer);
        self.origins
            .entry(here.field.to_owned())
            .or_insert_with(|| pointer.clone());
        let elements = match here.element.pointer(&list.pointer) {
            missing @ (None | Some(Value::Null)) => {
                return Ok(Filled {
                    value: missing.cloned(),
                    has_body_value: Some(false),
                    says_none: has_null(here.element, &list.pointer),
                });
            }
            Some(Value::Array(elements)) => elements,
            Some(other) => return Err(error_at(&pointer, other, "a list")),
        };
        let mut items = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            if !self.holds(when, element) {
                continue;
            }
            let filled = self.at(
                item,
                Position {
                    element,
                    pointer: &format!("{pointer}/{index}"),
                    field: &format!("{}[{}]", here.field, items.len()),
                },
            )?;
            items.extend(filled.value);
        }
        // An empty list is a value too.
        Ok(Filled {
            value: Some(Value::Array(items)),
            has_body_value: Some(true),
            says_none: false,
        })
    }
}

fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (None, told) | (told, None) => told,
        (Some(one), Some(other)) => Some(one || other),
    }
}

/// Whether an element has a null at a pointer or above it.
fn has_null(element: &Value, pointer: &str) -> bool {
    let ends = pointer.match_indices('/').map(|(at, _)| at).skip(1);
    let parts = ends
        .chain([pointer.len()])
        .filter_map(|end| pointer.get(..end));
    parts
        .filter_map(|part| element.pointer(part))
        .any(Value::is_null)
}

pub fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Translates a sender's value by the mapping's value map. A missing value is looked up as "".
fn look_up(words: &ValueMap, found: Option<&Value>, pointer: &str) -> Read<Option<Value>> {
    let found_or_null = found.unwrap_or(&Value::Null);
    let key = text_of(found_or_null)
        .ok_or_else(|| error_at(pointer, found_or_null, "a word, a number, true or false"))?;
    let value = words.values.get(&key).or(words.otherwise.as_ref());
    if value.is_some() || key.is_empty() {
        return Ok(value.cloned());
    }
    Err({
        let keys: Vec<&str> = words.values.keys().map(String::as_str).collect();
        let expected = format!(
            "one of {}, which the mapping knows; or add the new value to words",
            keys.join(", ")
        );
        error_at(pointer, found_or_null, &expected)
    })
}

/// None for other values than numbers, and for a number in a finer unit (such as milliseconds for seconds): read as a date far
/// away, it would turn an end into "no end".
fn since_1970(value: &Value, per_second: i64) -> Option<Instant> {
    let whole = match value {
        Value::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or(number.as_u64().map(i128::from)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let scale = i128::from(1_000_000 / per_second);
    let micros = match whole {
        Some(units) => units.saturating_mul(scale),
        None => {
            micros_of(value.as_f64()? * 1_000_000.0 / f64::from(i32::try_from(per_second).ok()?))
        }
    };
    let at = sentinel::from_micros(micros);
    let is_of_a_finer_unit = at == Instant::END
        && FINER
            .iter()
            .any(|factor| PLAUSIBLE_RANGE.contains(&(micros / factor)));
    (!is_of_a_finer_unit).then_some(at)
}

/// Factors between a second or a millisecond and the finer units in which the sender may have meant the number.
const FINER: [i128; 3] = [1_000, 1_000_000, 1_000_000_000];

/// The years 1980 to 2200, in microseconds since 1970: the plausible range of a timestamp.
const PLAUSIBLE_RANGE: std::ops::Range<i128> = 315_532_800_000_000..7_258_118_400_000_000;

#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, and such values are beyond the end of time anyway"
)]
fn micros_of(micros: f64) -> i128 {
    micros as i128
}

/// An instant, or a date if the text has no time of day. A time with an offset of its own keeps it.
fn local(text: &str, format: Option<&str>, zone: &TimeZone) -> Option<String> {
    let instant = |time: DateTime| {
        let at = || {
            let zoned = zone.to_ambiguous_zoned(time).compatible().ok()?;
            Some(Instant::from_timestamp(zoned.timestamp()))
        };
        sentinel::local(time).or_else(at).map(sentinel::format)
    };
    let Some(format) = format else {
        if text.len() == 10 {
            return Some(text.parse::<Date>().ok()?.to_string());
        }
        if let Some(at) = sentinel::parse(text) {
            return Some(sentinel::format(at));
        }
        return instant(text.parse().ok()?);
    };
    let read = strtime::parse(format, text).ok()?;
    if let Ok(at) = read.to_timestamp() {
        return Some(at.to_string());
    }
    match read.hour() {
        Some(_) => instant(read.to_datetime().ok()?),
        None => Some(read.to_date().ok()?.to_string()),
    }
}

/// A value of the body that is not what it has to be.
pub fn error_at(pointer: &str, value: &Value, expected: &str) -> TranslateError {
    let holds = match value {
        Value::Null => "is missing".to_owned(),
        other => {
            let text = other.to_string();
            let short: String = text.chars().take(60).collect();
            let more = if short.len() < text.len() { "…" } else { "" };
            format!("is {short}{more}")
        }
    };
    TranslateError {
        field: Some(pointer.to_owned()),
        message: format!("{pointer} {holds}; it has to be {expected}"),
        kind: None,
    }
}
