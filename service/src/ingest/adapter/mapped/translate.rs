//! Fills the events of a mapping from a body, and has `canonical` validate them. In a body with several events, one that cannot
//! be translated fails alone: the others apply.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{
    Canonical, Mapping, Meaning,
    fill::{Body, EVENT_DATA, Element, error_at},
    form,
};
use crate::ingest::{
    adapter::{TranslateError, canonical, field::Read, json_of},
    signature::Verified,
    statement::{Event, Timed},
};

/// The most failures that the text of a problem names.
const MOST_NAMED: usize = 3;

/// A translated body.
#[derive(Clone, Debug)]
pub struct Translated {
    pub event: Event,
    /// The canonical events that it was made of.
    pub canonical: Vec<Value>,
    /// The events that could not be translated.
    pub failed: Vec<TranslateError>,
}

/// What one event of the sender became.
#[derive(Default)]
struct One {
    kind: String,
    /// Whether the event is more than one canonical event, so that each can fail alone.
    has_several: bool,
    parts: Vec<Timed>,
    canonical: Vec<Value>,
    failed: Vec<TranslateError>,
    notes: Vec<String>,
}

impl One {
    /// Adds the statements of a canonical event. Those that tell of the same change share a version.
    fn add(&mut self, event: Event, of_one_change: bool) {
        let (happened_at, statements) = (event.happened_at, event.statements);
        match self.parts.last_mut() {
            Some(last) if of_one_change && last.happened_at == happened_at => {
                last.statements.extend(statements);
            }
            _ => self.parts.push(Timed {
                happened_at,
                statements,
            }),
        }
    }
}

impl Mapping {
    /// Translates a body. `zone` is the source's time zone, for local times.
    ///
    /// # Errors
    /// What is wrong with a body of which nothing can be used.
    pub fn translate(&self, verified: &Verified, zone: TimeZone) -> Read<Translated> {
        let root = if verified.envelope().form {
            form::parse(verified.bytes())?
        } else {
            json_of(verified)?
        };
        let signed = signed_of(&root, verified);
        let run = Run {
            mapping: self,
            verified,
            root: &root,
            signed: signed.as_ref(),
            zone,
        };
        let Some(each) = &self.each else {
            return conclude(vec![run.one(None)?], verified);
        };
        let all = signed.as_ref().unwrap_or(&root);
        let elements = match all.pointer(&each.pointer) {
            Some(Value::Array(elements)) => elements,
            other => {
                let found = other.unwrap_or(&Value::Null);
                return Err(error_at(&each.pointer, found, "a list of events"));
            }
        };
        let mut all = Vec::new();
        for (index, value) in elements.iter().enumerate() {
            let pointer = format!("{}/{index}", each.pointer);
            let element = Element {
                value,
                pointer: &pointer,
            };
            all.push(run.one(Some(element)).unwrap_or_else(|wrong| One {
                kind: wrong.kind.clone().unwrap_or_default(),
                failed: vec![wrong],
                ..One::default()
            }));
        }
        conclude(all, verified)
    }
}

/// The translation of one body.
struct Run<'a> {
    mapping: &'a Mapping,
    verified: &'a Verified,
    root: &'a Value,
    /// The signed part of the body; none if all of it is signed.
    signed: Option<&'a Value>,
    zone: TimeZone,
}

impl Run<'_> {
    /// Translates one event of the sender: the whole body, or an element of a list.
    fn one(&self, element: Option<Element<'_>>) -> Read<One> {
        let mut body = Body::new(self.root, self.zone.clone());
        let kind = body.fill(
            &self.mapping.kind,
            element.unwrap_or_else(|| body.whole()),
            "type",
        )?;
        let kind = match kind {
            Some(Value::String(kind)) if !kind.trim().is_empty() && !kind.contains('\0') => kind,
            Some(Value::Number(kind)) => kind.to_string(),
            _ => {
                let wrong = error_at("type", &Value::Null, "the event's type: a text");
                return Err(body.with_sender_path(wrong));
            }
        };
        let with_kind = |wrong: TranslateError| TranslateError {
            kind: Some(kind.clone()),
            ..wrong
        };
        let mut one = One {
            kind: kind.clone(),
            ..One::default()
        };
        let meaning = self.mapping.events.iter().find(|(name, _)| *name == kind);
        let events = match meaning {
            Some((_, Meaning::Events(events))) => events,
            Some((_, Meaning::Ignored)) => {
                one.notes.push("the mapping ignores this type".to_owned());
                return Ok(one);
            }
            None if self.mapping.ignores_others => {
                one.notes.push("the mapping ignores this type".to_owned());
                return Ok(one);
            }
            None => return Err(with_kind(body.with_sender_path(self.unknown(&kind)))),
        };
        // Only the type may come from the unsigned part of the body; everything else is read from the signed part.
        if let Some(signed) = self.signed {
            body = Body::new(signed, self.zone.clone());
        }
        let element = element.unwrap_or_else(|| body.whole());
        one.has_several = events.len() > 1;
        for event in events {
            self.events(&mut body, event, element, &mut one)
                .map_err(with_kind)?;
        }
        if one.canonical.is_empty() && one.failed.is_empty() {
            let note = "no condition of the mapping holds for this event, or its list is empty";
            one.notes.push(note.to_owned());
        }
        one.failed = one.failed.into_iter().map(with_kind).collect();
        Ok(one)
    }

    /// Adds the canonical events of one template: one, or one for each element of its list.
    fn events(
        &self,
        body: &mut Body<'_>,
        event: &Canonical,
        element: Element<'_>,
        one: &mut One,
    ) -> Read<()> {
        let Some(each) = &event.each else {
            return self.event(body, event, element, one);
        };
        one.has_several = true;
        let pointer = format!("{}{}", element.pointer, each.pointer);
        let elements = match element.value.pointer(&each.pointer) {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Array(elements)) => elements,
            Some(other) => return Err(error_at(&pointer, other, "a list")),
        };
        for (index, value) in elements.iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            let element = Element {
                value,
                pointer: &pointer,
            };
            self.event(body, event, element, one)?;
        }
        Ok(())
    }

    /// Adds a canonical event, or its failure if there are others beside it.
    fn event(
        &self,
        body: &mut Body<'_>,
        event: &Canonical,
        element: Element<'_>,
        one: &mut One,
    ) -> Read<()> {
        if !body.holds(event.when.as_ref(), element.value) {
            return Ok(());
        }
        body.begin_event();
        let filled = self.filled(body, event, element, &mut one.notes);
        match filled.map_err(|wrong| body.with_sender_path(wrong)) {
            Ok((json, mut read)) => {
                one.canonical.push(json);
                one.notes.extend(read.note.take());
                one.add(read, event.each.is_none());
                Ok(())
            }
            Err(wrong) if one.has_several || self.mapping.each.is_some() => {
                one.failed.push(wrong);
                Ok(())
            }
            Err(wrong) => Err(wrong),
        }
    }

    fn filled(
        &self,
        body: &mut Body<'_>,
        event: &Canonical,
        element: Element<'_>,
        notes: &mut Vec<String>,
    ) -> Read<(Value, Event)> {
        let received = || Value::from(self.verified.event_time().timestamp().to_string());
        let timestamp = event.timestamp.as_ref().or(self.mapping.timestamp.as_ref());
        let timestamp = match timestamp {
            None => received(),
            Some(template) => match body.fill(template, element, "timestamp")? {
                Some(timestamp) => timestamp,
                None if self.signed.is_some() => {
                    notes.push(
                        "the event's time is not signed: the time of receipt counts".to_owned(),
                    );
                    received()
                }
                None => Value::Null,
            },
        };
        let data = body.fill(&event.data, element, EVENT_DATA)?;
        let data = data.unwrap_or_else(|| Value::Object(Map::new()));
        let json = json!({ "type": event.kind.name, "timestamp": timestamp, "data": data });
        let read = canonical::read(&json)?;
        Ok((json, read))
    }

    fn unknown(&self, kind: &str) -> TranslateError {
        let all = self.mapping.events.iter().map(|(name, _)| name.as_str());
        let all = all.collect::<Vec<_>>().join(", ");
        let expected = format!("one of the events of the mapping: {all}");
        TranslateError {
            message: format!("the type is {kind:?}; it has to be {expected}"),
            ..error_at("type", &Value::Null, &expected)
        }
    }
}

/// One event of everything in a body: its parts by their times, what failed as its problem. An error if nothing can be used.
fn conclude(all: Vec<One>, verified: &Verified) -> Read<Translated> {
    let mut whole = One::default();
    let mut kinds: Vec<String> = Vec::new();
    for one in all {
        if !one.kind.is_empty() && !kinds.contains(&one.kind) {
            kinds.push(one.kind);
        }
        whole.parts.extend(one.parts);
        whole.canonical.extend(one.canonical);
        whole.failed.extend(one.failed);
        let new = one.notes.into_iter();
        let new: Vec<_> = new.filter(|note| !whole.notes.contains(note)).collect();
        whole.notes.extend(new);
    }
    if whole.parts.is_empty()
        && let Some(first) = whole.failed.first()
    {
        return Err(first.clone());
    }
    let more = kinds.len().saturating_sub(MOST_NAMED);
    let mut kind = kinds
        .into_iter()
        .take(MOST_NAMED)
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        kind.push_str(&format!(" and {more} more"));
    }
    // Those of the same time keep their order.
    whole.parts.sort_by_key(|part| part.happened_at);
    let last = whole.parts.pop().unwrap_or_else(|| Timed {
        happened_at: verified.event_time(),
        statements: Vec::new(),
    });
    let event = Event {
        statements: last.statements,
        earlier: whole.parts,
        failure: failure(&whole.failed, whole.canonical.len()),
        note: (!whole.notes.is_empty()).then(|| whole.notes.join("; ")),
        ..Event::empty(&kind, last.happened_at)
    };
    Ok(Translated {
        event,
        canonical: whole.canonical,
        failed: whole.failed,
    })
}

/// The problem of a body of which a part could not be translated.
fn failure(failed: &[TranslateError], translated: usize) -> Option<String> {
    let total = failed.len() + translated;
    let named = failed.iter().take(MOST_NAMED);
    let named = named
        .map(|wrong| wrong.message.as_str())
        .collect::<Vec<_>>();
    let more = match failed.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    (!failed.is_empty()).then(|| {
        format!(
            "{} of {total} events in it could not be translated, the others were applied: {}{more}. Correct the mapping or the \
             sender, then replay this delivery",
            failed.len(),
            named.join("; ")
        )
    })
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
