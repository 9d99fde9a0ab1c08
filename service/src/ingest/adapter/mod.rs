//! The adapters, one per platform: pure functions from verified bytes to statements. A new platform needs a file, its fixtures
//! and a line in `translate`. The argument type `Verified` makes sure that only verified bytes are translated.

use std::time::Duration;

use access::Instant;
use serde_json::Value;

use crate::{
    ingest::{
        signature::Verified,
        statement::{Event, Reads, Timed},
    },
    store::row::{Platform, Source},
};

mod canonical;
mod entries;
mod field;
mod mapped;
pub mod spacebring;
pub mod teamup;
mod unread;

pub use field::put;
pub use mapped::{Mapping, MappingError, Translated};

/// Why verified bytes could not be translated, as a message for the sender or for the people who maintain the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TranslateError {
    /// The path of the faulty field, such as `data.ends_at`; none if the whole body is faulty.
    pub field: Option<String>,
    /// The fault, and what is expected.
    pub message: String,
    /// The event's type, if it could be read.
    pub kind: Option<String>,
}

/// Translates an event with the adapter of its source's platform. Events that were made here are canonical; the body of an
/// unsigned request is ignored.
pub fn translate(source: &Source, verified: &Verified) -> Result<Event, TranslateError> {
    if verified.envelope().unsigned {
        return Ok(nudge(source.platform, verified));
    }
    if verified.envelope().canonical {
        return canonical::translate(verified);
    }
    match source.platform {
        Platform::Canonical | Platform::Clubspot | Platform::ExerciseCom => {
            canonical::translate(verified)
        }
        Platform::Mapped => {
            mapped::translate(source.mapping.as_deref(), &source.time_zone, verified)
        }
        Platform::Spacebring => spacebring::translate(source.credentials.is_some(), verified),
        Platform::Teamup => Err(TranslateError {
            field: None,
            message:
                "TeamUp's webhooks are not signed: their bodies are ignored, and its API is read"
                    .into(),
            kind: None,
        }),
    }
}

/// The body as JSON.
fn json_of(verified: &Verified) -> Result<Value, TranslateError> {
    serde_json::from_slice(verified.bytes()).map_err(|problem| TranslateError {
        field: None,
        message: format!("the body is not JSON: {problem}"),
        kind: None,
    })
}

/// The current time, and how far ahead a sender's clock may be.
#[derive(Copy, Clone, Debug)]
pub struct Present {
    pub now: Instant,
    /// How far ahead of `now` an event's time may be.
    pub tolerance: Duration,
}

/// Refuses an event whose time is in the future: until that time it would be later than all real events, and override them. An
/// event that triggers a reading of the platform's API still triggers it.
pub fn not_from_the_future(event: Event, present: Present) -> Result<Event, TranslateError> {
    if event.happened_at <= present.now.plus(present.tolerance) {
        return Ok(event);
    }
    let latest = present.now.plus(present.tolerance);
    if event.earlier.iter().any(|part| part.happened_at <= latest) {
        return Ok(without_future_parts(event, latest));
    }
    let ahead_us = event
        .happened_at
        .micros()
        .saturating_sub(present.now.micros());
    let message = format!(
        "timestamp is {}, which is {} in the future; it has to be the time of the event: check the sender's clock",
        event.happened_at.timestamp(),
        in_words(ahead_us / 1_000_000)
    );
    if event.reads != Reads::Nothing {
        return Ok(Event {
            note: Some(format!(
                "{message}. The change is read from the platform's API"
            )),
            reads: event.reads,
            ..Event::empty(&event.kind, present.now)
        });
    }
    Err(TranslateError {
        field: Some("timestamp".to_owned()),
        message,
        kind: Some(event.kind),
    })
}

/// A body with several events, without those after `latest`.
fn without_future_parts(event: Event, latest: Instant) -> Event {
    let last = Timed {
        happened_at: event.happened_at,
        statements: event.statements,
    };
    let mut parts = event.earlier;
    parts.push(last);
    let (mut parts, future): (Vec<_>, Vec<_>) = parts
        .into_iter()
        .partition(|part| part.happened_at <= latest);
    let problem = format!(
        "the time of {} of its events is in the future, as late as {}, and they were left out: check the sender's clock",
        future.len(),
        event.happened_at.timestamp()
    );
    let failures = event.failure.into_iter().chain([problem]);
    let last = parts.pop();
    Event {
        happened_at: last.as_ref().map_or(latest, |part| part.happened_at),
        statements: last.map(|part| part.statements).unwrap_or_default(),
        earlier: parts,
        failure: Some(failures.collect::<Vec<_>>().join("; ")),
        ..event
    }
}

/// A duration in its two largest units, such as "1 day and 3 hours".
fn in_words(seconds: i64) -> String {
    let units = [
        (365 * 86_400, "year"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let mut rest = seconds.max(1);
    let mut parts = Vec::new();
    for (length, name) in units {
        let count = rest / length;
        rest %= length;
        match count {
            0 if parts.is_empty() => continue,
            0 => {}
            1 => parts.push(format!("1 {name}")),
            _ => parts.push(format!("{count} {name}s")),
        }
        if parts.len() == 2 || length == 1 {
            break;
        }
    }
    parts.join(" and ")
}

/// The event of an unsigned request: it only triggers a reading, of the objects that it names.
fn nudge(platform: Platform, verified: &Verified) -> Event {
    let named = match platform {
        Platform::Teamup => teamup::named(verified.hint()),
        _ => None,
    };
    Event {
        note: Some(
            "the request is not signed: its body is ignored, and the platform's API is read"
                .to_owned(),
        ),
        reads: named.map_or(Reads::Everything, Reads::Objects),
        ..Event::empty("nudge", verified.event_time())
    }
}

/// Translates a canonical event that was made here.
pub fn translate_canonical(verified: &Verified) -> Result<Event, TranslateError> {
    canonical::translate(verified)
}

/// Whether the sender can correct an event that fails, so that the answer should say so (422).
pub fn sender_can_fix(platform: Platform) -> bool {
    matches!(
        platform,
        Platform::Canonical | Platform::Clubspot | Platform::ExerciseCom | Platform::Mapped
    )
}
