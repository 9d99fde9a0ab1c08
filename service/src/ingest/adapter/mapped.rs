//! Translates arbitrary JSON and forms by the mapping of their source: the mapping turns them into canonical events, and
//! `canonical` validates them like any sender's. A pure function. An event type that the mapping does not list is an error unless
//! the mapping ignores others, and errors name the sender's own fields. The documentation is docs/mapping.md.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::TranslateError;
use crate::ingest::{signature::Verified, statement::Event};

mod condition;
mod fill;
mod form;
mod place;
mod shape;
mod template;
#[cfg(test)]
mod tests;
mod translate;

use condition::Condition;
pub use place::MappingError;
use place::{Parse, Place, refuse_unknown_fields, tables};
use shape::{KINDS, Kind, Shape};
use template::{Path, Template, fields_of};
pub use translate::Translated;

/// The size limit of a mapping, in bytes.
const LARGEST: usize = 64 * 1024;

/// A parsed and validated mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The list of the events in a body; none if a body is one event.
    each: Option<Path>,
    kind: Template,
    timestamp: Option<Template>,
    events: Vec<(String, Meaning)>,
    /// Types that `events` does not list are ignored rather than failed.
    ignores_others: bool,
}

#[derive(Clone, Debug)]
enum Meaning {
    /// The type is ignored.
    Ignored,
    /// The canonical events.
    Events(Vec<Canonical>),
}

/// How a canonical event is made.
#[derive(Clone, Debug)]
struct Canonical {
    kind: &'static Kind,
    /// One event for each element of this list; one event if there is none.
    each: Option<Path>,
    when: Option<Condition>,
    /// The event's time, if it differs from the mapping's.
    timestamp: Option<Template>,
    data: Template,
}

impl Mapping {
    /// Parses and validates a mapping.
    ///
    /// # Errors
    /// The first fault, with the path of keys that leads to it.
    pub fn parse(json: &Value) -> Parse<Self> {
        let root = Place::default();
        let fields = json
            .as_object()
            .ok_or_else(|| root.wrong("it has to be an object with type and events"))?;
        if json.to_string().len() > LARGEST {
            return Err(root.wrong(format!("it has to have {LARGEST} bytes at most")));
        }
        let known = ["each", "type", "timestamp", "events", "others", "tables"];
        refuse_unknown_fields(fields, &known, &root)?;
        let root = Place::root(tables(fields.get("tables"))?);
        let part = |name: &str| {
            let json = fields.get(name);
            json.map(|json| Template::parse(json, &root.at(name), Shape::Plain))
                .transpose()
        };
        let kind = part("type")?.ok_or_else(|| {
            root.at("type")
                .wrong("it is required: the path of the event's type, such as /event")
        })?;
        let timestamp = part("timestamp")?;
        let here = root.at("events");
        let types = fields.get("events").and_then(Value::as_object);
        let types = types.filter(|types| !types.is_empty()).ok_or_else(|| {
            here.wrong("it has to be an object from each event type of the sender to its meaning")
        })?;
        let events = types
            .iter()
            .map(|(name, json)| Ok((name.clone(), Meaning::parse(json, &here.at(name))?)));
        let events = events.collect::<Parse<_>>()?;
        let ignores_others = match fields.get("others").map(Value::as_str) {
            None | Some(Some("fail")) => false,
            Some(Some("ignore")) => true,
            Some(_) => return Err(root.at("others").wrong("it has to be fail or ignore")),
        };
        Ok(Self {
            each: each(fields, &root)?,
            kind,
            timestamp,
            events,
            ignores_others,
        })
    }
}

impl Meaning {
    fn parse(json: &Value, place: &Place) -> Parse<Self> {
        match json {
            Value::String(word) if word == "ignore" => Ok(Self::Ignored),
            Value::Array(all) if !all.is_empty() => {
                let one = |(index, json): (usize, &Value)| {
                    let here = place.at(&index.to_string());
                    let fields = json.as_object();
                    let fields = fields
                        .ok_or_else(|| here.wrong("it has to be an object with is and data"))?;
                    Canonical::parse(fields, &here)
                };
                let events = all.iter().enumerate().map(one).collect::<Parse<_>>()?;
                Ok(Self::Events(events))
            }
            Value::Object(fields) => Ok(Self::Events(vec![Canonical::parse(fields, place)?])),
            _ => Err(place.wrong(
                "it has to be an object with is and data, a list of them, or the word ignore",
            )),
        }
    }
}

impl Canonical {
    fn parse(fields: &Map<String, Value>, place: &Place) -> Parse<Self> {
        let known = ["is", "each", "when", "timestamp", "data"];
        refuse_unknown_fields(fields, &known, place)?;
        let name = fields.get("is").and_then(Value::as_str);
        let kind = KINDS.iter().find(|kind| Some(kind.name) == name);
        let kind = kind.ok_or_else(|| {
            let all: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            let words = format!("it has to be one of {}", all.join(", "));
            place.at("is").wrong(words)
        })?;
        let when = fields.get("when");
        let when = when.map(|json| Condition::parse(json, &place.at("when")));
        let timestamp = fields.get("timestamp");
        let timestamp =
            timestamp.map(|json| Template::parse(json, &place.at("timestamp"), Shape::Plain));
        Ok(Self {
            kind,
            each: each(fields, place)?,
            when: when.transpose()?,
            timestamp: timestamp.transpose()?,
            data: data(fields, kind, &place.at("data"))?,
        })
    }
}

fn each(fields: &Map<String, Value>, place: &Place) -> Parse<Option<Path>> {
    let each = fields.get("each");
    each.map(|json| Path::of_text(json, &place.at("each"), false))
        .transpose()
}

fn data(fields: &Map<String, Value>, kind: &Kind, here: &Place) -> Parse<Template> {
    let data = fields.get("data").and_then(Value::as_object);
    let data = data.ok_or_else(|| {
        let name = kind.name;
        here.wrong(format!(
            "it has to be an object: where each field of {name} comes from"
        ))
    })?;
    let fields = fields_of(data, kind.parts, here)?;
    let is_given = |name: &&str| data.contains_key(*name);
    if !kind.one_of.is_empty() && !kind.one_of.iter().any(is_given) {
        let names = kind.one_of.join(" or ");
        return Err(here.wrong(format!("it has to have {names}: say where it comes from")));
    }
    Ok(Template::Object(fields))
}

/// Translates a body by the mapping of its source. `zone` is the source's time zone, for local times.
pub fn translate(
    mapping: Option<&str>,
    zone: &str,
    verified: &Verified,
) -> Result<Event, TranslateError> {
    let whole = |message: String| TranslateError {
        field: None,
        message,
        kind: None,
    };
    let mapping: Value = mapping
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| {
            whole(
                "the source has no mapping: set one (updateSource), then replay this delivery"
                    .to_owned(),
            )
        })?;
    let mapping = Mapping::parse(&mapping).map_err(|problem| {
        whole(format!("the mapping is invalid at {}: {problem}; fix it (updateSource), then replay this delivery", problem.path.join(".")))
    })?;
    let zone = TimeZone::get(zone)
        .map_err(|_| whole(format!("the source's time zone {zone} is not known")))?;
    Ok(mapping.translate(verified, zone)?.event)
}
