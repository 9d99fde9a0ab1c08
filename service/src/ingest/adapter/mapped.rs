//! Translates arbitrary JSON by the mapping of its source: the mapping turns it into canonical events, and `canonical` validates
//! them like any sender's. A pure function. An event type that the mapping does not list is an error unless the mapping ignores
//! others, and errors name the sender's own fields. The documentation is docs/mapping.md.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{TranslateError, canonical, field::Read, json_of};
use crate::ingest::{signature::Verified, statement::Event};

mod fill;
mod shape;
mod template;
#[cfg(test)]
mod tests;

use fill::Body;
use shape::{KINDS, Kind, Shape};
pub use template::MappingError;
use template::{Parse, Place, Template, fields_of, refuse_unknown_fields};

/// The size limit of a mapping, in bytes.
const LARGEST: usize = 64 * 1024;

/// A parsed and validated mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
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
    /// The canonical events, and their timestamp if it differs from the mapping's.
    Events(Vec<(&'static Kind, Template)>, Option<Template>),
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
        refuse_unknown_fields(fields, &["type", "timestamp", "events", "others"], &root)?;
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
            kind,
            timestamp,
            events,
            ignores_others,
        })
    }

    /// Translates a body.
    fn translate(&self, root: &Value, verified: &Verified, zone: TimeZone) -> Read<Event> {
        let mut body = Body::new(root, zone.clone());
        let kind = body.fill(&self.kind, "type")?;
        let kind = match kind {
            Some(Value::String(kind)) if !kind.trim().is_empty() && !kind.contains('\0') => kind,
            Some(Value::Number(kind)) => kind.to_string(),
            _ => return Err(body.with_sender_path(missing("type", "the event's type: a text"))),
        };
        let with_kind = |wrong: TranslateError| TranslateError {
            kind: Some(kind.clone()),
            ..wrong
        };
        let (says, timestamp) = match self.events.iter().find(|(name, _)| *name == kind) {
            Some((_, Meaning::Events(says, timestamp))) => (says, timestamp.as_ref()),
            Some((_, Meaning::Ignored)) => return Ok(ignored(&kind, verified)),
            None if self.ignores_others => return Ok(ignored(&kind, verified)),
            None => {
                let all: Vec<&str> = self.events.iter().map(|(name, _)| name.as_str()).collect();
                let expected = format!("one of the events of the mapping: {}", all.join(", "));
                let mut wrong = missing("type", &expected);
                wrong.message = format!("the type is {kind:?}; it has to be {expected}");
                return Err(with_kind(body.with_sender_path(wrong)));
            }
        };
        // Only the type may come from the unsigned part of the body; everything else is read from the signed part.
        let signed = signed_of(root, verified);
        let mut body = signed
            .as_ref()
            .map_or(body, |signed| Body::new(signed, zone));
        let mut notes = Vec::new();
        let received = || Value::from(verified.event_time().timestamp().to_string());
        let timestamp = match timestamp.or(self.timestamp.as_ref()) {
            Some(template) => match body.fill(template, "timestamp").map_err(with_kind)? {
                Some(timestamp) => timestamp,
                None if signed.is_some() => {
                    notes.push(
                        "the event's time is not signed: the time of receipt counts".to_owned(),
                    );
                    received()
                }
                None => Value::Null,
            },
            None => received(),
        };
        let mut event = Event::empty(&kind, verified.event_time());
        for (event_kind, template) in says {
            let data = body.fill(template, "data").map_err(with_kind)?;
            let data = data.unwrap_or_else(|| Value::Object(Map::new()));
            let canonical_event =
                json!({ "type": event_kind.name, "timestamp": timestamp, "data": data });
            let canonical_event = canonical::read(&canonical_event)
                .map_err(|wrong| with_kind(body.with_sender_path(wrong)))?;
            event.happened_at = canonical_event.happened_at;
            event.statements.extend(canonical_event.statements);
            notes.extend(canonical_event.note);
        }
        event.note = (!notes.is_empty()).then(|| notes.join("; "));
        Ok(event)
    }
}

impl Meaning {
    fn parse(json: &Value, place: &Place) -> Parse<Self> {
        let all = match json {
            Value::String(word) if word == "ignore" => return Ok(Self::Ignored),
            Value::Array(all) if !all.is_empty() => all,
            Value::Object(fields) => {
                refuse_unknown_fields(fields, &["is", "data", "timestamp"], place)?;
                let timestamp = fields.get("timestamp");
                let timestamp = timestamp
                    .map(|json| Template::parse(json, &place.at("timestamp"), Shape::Plain));
                return Ok(Self::Events(
                    vec![parse_event(fields, place)?],
                    timestamp.transpose()?,
                ));
            }
            _ => {
                let words =
                    "it has to be an object with is and data, a list of them, or the word ignore";
                return Err(place.wrong(words));
            }
        };
        let one = |(index, json): (usize, &Value)| {
            let here = place.at(&index.to_string());
            let fields = json
                .as_object()
                .ok_or_else(|| here.wrong("it has to be an object with is and data"))?;
            refuse_unknown_fields(fields, &["is", "data"], &here)?;
            parse_event(fields, &here)
        };
        let says = all.iter().enumerate().map(one).collect::<Parse<_>>()?;
        Ok(Self::Events(says, None))
    }
}

fn parse_event(fields: &Map<String, Value>, place: &Place) -> Parse<(&'static Kind, Template)> {
    let name = fields.get("is").and_then(Value::as_str);
    let kind = KINDS
        .iter()
        .find(|kind| Some(kind.name) == name)
        .ok_or_else(|| {
            let all: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            place
                .at("is")
                .wrong(format!("it has to be one of {}", all.join(", ")))
        })?;
    let here = place.at("data");
    let data = fields
        .get("data")
        .and_then(Value::as_object)
        .ok_or_else(|| {
            here.wrong(format!(
                "it has to be an object: where each field of {} comes from",
                kind.name
            ))
        })?;
    let fields = fields_of(data, kind.parts, &here)?;
    let given = kind
        .one_of
        .iter()
        .filter(|name| data.contains_key(**name))
        .count();
    if !kind.one_of.is_empty() && given == 0 {
        let names = kind.one_of.join(" or ");
        return Err(here.wrong(format!("it has to have {names}: say where it comes from")));
    }
    Ok((kind, Template::Object(fields)))
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
    let root = json_of(verified)?;
    let zone = TimeZone::get(zone)
        .map_err(|_| whole(format!("the source's time zone {zone} is not known")))?;
    mapping.translate(&root, verified, zone)
}

/// The signed part of the body; none if the signature covers the whole body.
fn signed_of(root: &Value, verified: &Verified) -> Option<Value> {
    let fields = root.as_object()?;
    let is_signed = |name: &str| verified.signs(&format!("/{name}"));
    if fields.keys().all(|name| is_signed(name)) {
        return None;
    }
    let signed = fields.iter().filter(|(name, _)| is_signed(name));
    let signed = signed.map(|(name, value)| (name.clone(), value.clone()));
    Some(Value::Object(signed.collect()))
}

fn missing(field: &str, expected: &str) -> TranslateError {
    TranslateError {
        field: Some(field.to_owned()),
        message: format!("{field} is missing; it has to be {expected}"),
        kind: None,
    }
}

fn ignored(kind: &str, verified: &Verified) -> Event {
    Event {
        note: Some("the mapping ignores this type".to_owned()),
        ..Event::empty(kind, verified.event_time())
    }
}
