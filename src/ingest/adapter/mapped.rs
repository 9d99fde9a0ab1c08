//! Arbitrary JSON, read through the mapping of its source: the mapping makes canonical events of it, and `canonical` judges
//! them as it judges any sender's. A pure function. What a mapping does not know is not understood, never guessed; what is
//! wrong is said by the sender's own names. The documentation is docs/mapping.md.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{NotUnderstood, canonical, field::Read};
use crate::ingest::{signature::Verified, statement::Event};

mod fill;
mod shape;
mod template;
#[cfg(test)]
mod tests;

use fill::Body;
use shape::{KINDS, Kind, Shape};
pub use template::MappingError;
use template::{Parse, Place, Template, fields_of, only};

/// The largest mapping that is taken, in bytes.
const LARGEST: usize = 64 * 1024;

/// How a source's JSON is read.
#[derive(Clone, Debug)]
pub struct Mapping {
    kind: Template,
    timestamp: Option<Template>,
    events: Vec<(String, Meaning)>,
    /// What becomes of a type that is not in it.
    ignores_others: bool,
}

/// What an event of one type means.
#[derive(Clone, Debug)]
enum Meaning {
    /// Nothing here depends on it.
    Nothing,
    /// So many canonical events, and their timestamp where it is another than the mapping's.
    Says(Vec<(&'static Kind, Template)>, Option<Template>),
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// The first thing that is wrong, with the keys that lead to it.
    pub fn parse(json: &Value) -> Parse<Self> {
        let root = Place::default();
        let fields = json
            .as_object()
            .ok_or_else(|| root.wrong("it has to be an object with type and events"))?;
        if json.to_string().len() > LARGEST {
            return Err(root.wrong(format!("it has to have {LARGEST} bytes at most")));
        }
        only(fields, &["type", "timestamp", "events", "others"], &root)?;
        let part = |name: &str| {
            let json = fields.get(name);
            json.map(|json| Template::parse(json, &root.at(name), Shape::Plain))
                .transpose()
        };
        let kind = part("type")?.ok_or_else(|| {
            root.at("type")
                .wrong("it has to be there: where the event's type stands, such as /event")
        })?;
        let timestamp = part("timestamp")?;
        let here = root.at("events");
        let told = fields.get("events").and_then(Value::as_object);
        let told = told.filter(|told| !told.is_empty()).ok_or_else(|| {
            here.wrong("it has to be an object: by each type of the sender, what it says")
        })?;
        let events = told
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

    /// Reads an event.
    fn translate(&self, root: &Value, verified: &Verified, zone: TimeZone) -> Read<Event> {
        let mut body = Body::new(root, zone.clone());
        let kind = body.fill(&self.kind, "type")?;
        let kind = match kind {
            Some(Value::String(kind)) if !kind.trim().is_empty() && !kind.contains('\0') => kind,
            Some(Value::Number(kind)) => kind.to_string(),
            _ => return Err(body.by_its_names(missing("type", "the event's type: a text"))),
        };
        let known = |wrong: NotUnderstood| NotUnderstood {
            kind: Some(kind.clone()),
            ..wrong
        };
        let (says, timestamp) = match self.events.iter().find(|(name, _)| *name == kind) {
            Some((_, Meaning::Says(says, timestamp))) => (says, timestamp.as_ref()),
            Some((_, Meaning::Nothing)) => return Ok(ignored(&kind, verified)),
            None if self.ignores_others => return Ok(ignored(&kind, verified)),
            None => {
                let all: Vec<&str> = self.events.iter().map(|(name, _)| name.as_str()).collect();
                let expected = format!("one of the events of the mapping: {}", all.join(", "));
                let mut wrong = missing("type", &expected);
                wrong.message = format!("the type is {kind:?}; it has to be {expected}");
                return Err(known(body.by_its_names(wrong)));
            }
        };
        // Of the type alone more is believed than is signed: all else is read from what is.
        let signed = signed_of(root, verified);
        let mut body = signed
            .as_ref()
            .map_or(body, |signed| Body::new(signed, zone));
        let mut notes = Vec::new();
        let received = || Value::from(verified.said_at().timestamp().to_string());
        let timestamp = match timestamp.or(self.timestamp.as_ref()) {
            Some(template) => match body.fill(template, "timestamp").map_err(known)? {
                Some(timestamp) => timestamp,
                None if signed.is_some() => {
                    notes.push("its time is not signed: it counts from when it came".to_owned());
                    received()
                }
                None => Value::Null,
            },
            None => received(),
        };
        let mut event = Event::empty(&kind, verified.said_at());
        for (made, template) in says {
            let data = body.fill(template, "data").map_err(known)?;
            let data = data.unwrap_or_else(|| Value::Object(Map::new()));
            let said = json!({ "type": made.name, "timestamp": timestamp, "data": data });
            let said = canonical::read(&said).map_err(|wrong| known(body.by_its_names(wrong)))?;
            event.happened_at = said.happened_at;
            event.statements.extend(said.statements);
            notes.extend(said.note);
        }
        event.note = (!notes.is_empty()).then(|| notes.join("; "));
        Ok(event)
    }
}

impl Meaning {
    fn parse(json: &Value, place: &Place) -> Parse<Self> {
        let all = match json {
            Value::String(word) if word == "ignore" => return Ok(Self::Nothing),
            Value::Array(all) if !all.is_empty() => all,
            Value::Object(fields) => {
                only(fields, &["is", "data", "timestamp"], place)?;
                let timestamp = fields.get("timestamp");
                let timestamp = timestamp
                    .map(|json| Template::parse(json, &place.at("timestamp"), Shape::Plain));
                return Ok(Self::Says(
                    vec![said(fields, place)?],
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
            only(fields, &["is", "data"], &here)?;
            said(fields, &here)
        };
        let says = all.iter().enumerate().map(one).collect::<Parse<_>>()?;
        Ok(Self::Says(says, None))
    }
}

fn said(fields: &Map<String, Value>, place: &Place) -> Parse<(&'static Kind, Template)> {
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
    let told = kind
        .one_of
        .iter()
        .filter(|name| data.contains_key(**name))
        .count();
    if !kind.one_of.is_empty() && told == 0 {
        let names = kind.one_of.join(" or ");
        return Err(here.wrong(format!("it has to have {names}: say where it comes from")));
    }
    Ok((kind, Template::Object(fields)))
}

/// Reads an event by the mapping of its source.
pub fn translate(
    mapping: Option<&str>,
    zone: &str,
    verified: &Verified,
) -> Result<Event, NotUnderstood> {
    let whole = |message: String| NotUnderstood {
        field: None,
        message,
        kind: None,
    };
    let mapping: Value = mapping
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| {
            whole(
                "the source has no mapping: give it one (updateSource), and replay this".to_owned(),
            )
        })?;
    let mapping = Mapping::parse(&mapping).map_err(|problem| {
        whole(format!("the mapping is not understood at {}: {problem}; mend it (updateSource), and replay this", problem.path.join(".")))
    })?;
    let root: Value = serde_json::from_slice(verified.bytes())
        .map_err(|problem| whole(format!("the body is not JSON: {problem}")))?;
    let zone = TimeZone::get(zone)
        .map_err(|_| whole(format!("the source's time zone {zone} is not known")))?;
    mapping.translate(&root, verified, zone)
}

/// What is signed of a body, where that is not all of it.
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

fn missing(field: &str, expected: &str) -> NotUnderstood {
    NotUnderstood {
        field: Some(field.to_owned()),
        message: format!("{field} is missing; it has to be {expected}"),
        kind: None,
    }
}

fn ignored(kind: &str, verified: &Verified) -> Event {
    Event {
        note: Some("the mapping says that nothing here depends on this type".to_owned()),
        ..Event::empty(kind, verified.said_at())
    }
}
