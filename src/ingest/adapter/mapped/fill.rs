//! Fills the templates of a mapping from a sender's body. Remembers where in the body each canonical field came from, so that
//! what is wrong is said by the sender's own names. A pure function of the body, the template and the source's time zone.

use std::collections::BTreeMap;

use access::Instant;
use jiff::{
    civil::{Date, DateTime},
    fmt::strtime,
    tz::TimeZone,
};
use serde_json::{Map, Value};

use super::template::{Path, Template, Words, Written};
use crate::{
    ingest::adapter::{NotUnderstood, field::Read},
    sentinel,
};

/// A body, being read by a mapping.
pub struct Body<'a> {
    root: &'a Value,
    zone: TimeZone,
    /// Where in the body the canonical fields came from.
    origins: BTreeMap<String, String>,
}

/// What a template gave.
#[derive(Default)]
struct Filled {
    /// None where nothing is said at all.
    value: Option<Value>,
    /// It asked the body for something, and the body had it; none where it did not ask.
    led: Option<bool>,
}

/// Where filling stands: in the body, and in the canonical event.
#[derive(Clone, Copy)]
struct Here<'a> {
    element: &'a Value,
    pointer: &'a str,
    field: &'a str,
}

impl<'a> Body<'a> {
    /// A body from a source in this time zone.
    pub fn new(root: &'a Value, zone: TimeZone) -> Self {
        let origins = BTreeMap::new();
        Self {
            root,
            zone,
            origins,
        }
    }

    /// The value of a canonical field; none where nothing is said of it.
    pub fn fill(&mut self, template: &Template, field: &str) -> Read<Option<Value>> {
        let root = Here {
            element: self.root,
            pointer: "",
            field,
        };
        Ok(self.at(template, root)?.value)
    }

    /// Puts the sender's own path beside that of a canonical field.
    pub fn by_its_names(&self, wrong: NotUnderstood) -> NotUnderstood {
        let Some(field) = &wrong.field else {
            return wrong;
        };
        let inside = |(name, _): &(&String, &String)| {
            name.strip_prefix(field.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        // What is left out has no origin, but its parts were looked for somewhere.
        let own = [field.clone(), format!("{field}.id")];
        let own = own.iter().find_map(|name| self.origins.get(name));
        let any = || self.origins.iter().find(inside).map(|(_, pointer)| pointer);
        let Some(pointer) = own.or_else(any) else {
            return wrong;
        };
        NotUnderstood {
            message: format!("{} (the mapping takes it from {pointer})", wrong.message),
            field: Some(pointer.clone()),
            kind: wrong.kind,
        }
    }

    fn at(&mut self, template: &Template, here: Here<'_>) -> Read<Filled> {
        match template {
            Template::Value(value) => Ok(Filled {
                value: Some(value.clone()),
                led: None,
            }),
            Template::Path(path) => self.path(path, here),
            Template::Join(parts, with) => self.join(parts, with, here),
            Template::First(choices) => {
                let mut last = Filled::default();
                for choice in choices {
                    last = self.at(choice, here)?;
                    if last.value.as_ref().is_some_and(|value| !is_nothing(value)) {
                        break;
                    }
                }
                Ok(last)
            }
            Template::Each(list, item) => self.each(list, item, here),
            Template::List(list) => {
                let filled = self.at(list, here)?;
                let value = match filled.value {
                    Some(value) if is_nothing(&value) => Some(Value::Array(Vec::new())),
                    value => value,
                };
                Ok(Filled { value, ..filled })
            }
            Template::Object(fields) => {
                let (mut object, mut led) = (Map::new(), None);
                for (name, template) in fields {
                    let field = format!("{}.{name}", here.field);
                    let filled = self.at(
                        template,
                        Here {
                            field: &field,
                            ..here
                        },
                    )?;
                    led = match (led, filled.led) {
                        (None, told) | (told, None) => told,
                        (Some(one), Some(other)) => Some(one || other),
                    };
                    if let Some(value) = filled.value {
                        object.insert(name.clone(), value);
                    }
                }
                // An object of which the body says nothing is not there; its constants do not make it so.
                let value = (led != Some(false)).then_some(Value::Object(object));
                Ok(Filled { value, led })
            }
        }
    }

    fn path(&mut self, path: &Path, here: Here<'_>) -> Read<Filled> {
        let (element, base) = if path.from_root {
            (self.root, "")
        } else {
            (here.element, here.pointer)
        };
        let pointer = format!("{base}{}", path.pointer);
        let found = element.pointer(&path.pointer);
        // Of several that a value was looked for at, the one that had it.
        let is_there = found.is_some_and(|value| !is_nothing(value));
        if is_there || !self.origins.contains_key(here.field) {
            self.origins.insert(here.field.to_owned(), pointer.clone());
        }
        let value = match (&path.words, found) {
            (Some(words), _) => meant(words, found, &pointer)?,
            (None, None) => None,
            (None, Some(value)) if is_nothing(value) => Some(value.clone()),
            (None, Some(value)) => Some(self.read(&path.written, value, &pointer)?),
        };
        let led = Some(value.as_ref().is_some_and(|value| !is_nothing(value)));
        Ok(Filled { value, led })
    }

    fn read(&self, written: &Written, value: &Value, pointer: &str) -> Read<Value> {
        match written {
            Written::AsIs => Ok(value.clone()),
            Written::Since1970 { per_second } => since_1970(value, *per_second)
                .map(|at| Value::from(sentinel::format(at)))
                .ok_or_else(|| {
                    let expected = if *per_second == 1 {
                        "a number of seconds since 1970"
                    } else {
                        "a number of milliseconds since 1970"
                    };
                    wrong(pointer, value, expected)
                }),
            Written::Local { format, zone } => {
                let zone = zone.as_ref().unwrap_or(&self.zone);
                let read = value
                    .as_str()
                    .and_then(|text| local(text.trim(), format.as_deref(), zone));
                read.map(Value::from).ok_or_else(|| {
                    let how = format
                        .as_deref()
                        .unwrap_or("a local time such as 2026-01-05 09:30");
                    wrong(pointer, value, &format!("written as {how}"))
                })
            }
            Written::Split(by) => {
                let text = value
                    .as_str()
                    .ok_or_else(|| wrong(pointer, value, "a text"))?;
                let parts = text.split(by.as_str()).map(str::trim);
                Ok(parts
                    .filter(|part| !part.is_empty())
                    .map(Value::from)
                    .collect())
            }
        }
    }

    fn join(&mut self, parts: &[Template], with: &str, here: Here<'_>) -> Read<Filled> {
        let (mut texts, mut asked) = (Vec::new(), None);
        for part in parts {
            let filled = self.at(part, here)?;
            if filled.led.is_some() {
                asked = Some(asked.unwrap_or(false) || filled.led == Some(true));
            }
            texts.extend(match filled.value {
                Some(Value::String(text)) if !text.trim().is_empty() => {
                    Some(text.trim().to_owned())
                }
                Some(Value::Number(number)) => Some(number.to_string()),
                _ => None,
            });
        }
        // Constants alone are nothing to say.
        let said = asked != Some(false) && !texts.is_empty();
        let value = said.then(|| Value::from(texts.join(with)));
        Ok(Filled { value, led: asked })
    }

    fn each(&mut self, list: &Path, item: &Template, here: Here<'_>) -> Read<Filled> {
        let pointer = format!("{}{}", here.pointer, list.pointer);
        self.origins
            .entry(here.field.to_owned())
            .or_insert_with(|| pointer.clone());
        let elements = match here.element.pointer(&list.pointer) {
            found @ (None | Some(Value::Null)) => {
                let (value, led) = (found.cloned(), Some(false));
                return Ok(Filled { value, led });
            }
            Some(Value::Array(elements)) => elements,
            Some(other) => return Err(wrong(&pointer, other, "a list")),
        };
        let mut made = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let filled = self.at(
                item,
                Here {
                    element,
                    pointer: &format!("{pointer}/{index}"),
                    field: &format!("{}[{}]", here.field, made.len()),
                },
            )?;
            made.extend(filled.value);
        }
        // A list that is there is said, be it empty.
        Ok(Filled {
            value: Some(Value::Array(made)),
            led: Some(true),
        })
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// What the sender's word means. Where there is none, the word "" stands for it, if the mapping has that.
fn meant(words: &Words, found: Option<&Value>, pointer: &str) -> Read<Option<Value>> {
    let said = match found {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(yes)) => yes.to_string(),
        Some(other) => return Err(wrong(pointer, other, "a word, a number, true or false")),
    };
    let value = words.known.get(&said).or(words.otherwise.as_ref());
    if value.is_some() || said.is_empty() {
        return Ok(value.cloned());
    }
    Err({
        let known: Vec<&str> = words.known.keys().map(String::as_str).collect();
        let expected = format!(
            "one of {}, which the mapping knows; add it to the words",
            known.join(", ")
        );
        wrong(pointer, found.unwrap_or(&Value::Null), &expected)
    })
}

/// None for what is no number, and for a number whose unit is a finer one: to take that for a date far away would make an end
/// no end.
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
            .any(|factor| PRESENT_AGE.contains(&(micros / factor)));
    (!is_of_a_finer_unit).then_some(at)
}

/// How many times finer than a second or a millisecond the units are that a number may have been meant in.
const FINER: [i128; 3] = [1_000, 1_000_000, 1_000_000_000];

/// 1980 to 2200, in microseconds since 1970: what a number is likely to mean.
const PRESENT_AGE: std::ops::Range<i128> = 315_532_800_000_000..7_258_118_400_000_000;

#[expect(
    clippy::cast_possible_truncation,
    reason = "it saturates, and what is beyond is an end of time"
)]
fn micros_of(micros: f64) -> i128 {
    micros as i128
}

/// An instant, or a date where no time is told. A time that names its own offset keeps it.
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

fn wrong(pointer: &str, value: &Value, expected: &str) -> NotUnderstood {
    let holds = match value {
        Value::Null => "is missing".to_owned(),
        other => {
            let text = other.to_string();
            let short: String = text.chars().take(60).collect();
            let more = if short.len() < text.len() { "…" } else { "" };
            format!("is {short}{more}")
        }
    };
    NotUnderstood {
        field: Some(pointer.to_owned()),
        message: format!("{pointer} {holds}; it has to be {expected}"),
        kind: None,
    }
}
