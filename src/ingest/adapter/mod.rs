//! The platforms: each is a pure function from verified bytes to statements. Adding one is a file, its fixtures and a line
//! in `translate`. An adapter believes nothing that was not verified, which the type of its argument says.

use std::time::Duration;

use access::Instant;

use crate::{
    ingest::{signature::Verified, statement::Event},
    store::row::{Platform, Source},
};

mod canonical;
mod field;
mod mapped;
pub mod spacebring;
mod unread;

pub use field::put;
pub use mapped::{Mapping, MappingError};

/// Why verified bytes could not be understood, in words for the one who sent them or who looks after the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NotUnderstood {
    /// The path of the field that is wrong, such as `data.ends_at`; none where the body as a whole is.
    pub field: Option<String>,
    /// What is wrong, and what it may be.
    pub message: String,
    /// The event's type, where that much could be read.
    pub kind: Option<String>,
}

/// Reads an event by the ways of its source's platform. What was made here is canonical; what is unsigned is not looked at.
pub fn translate(source: &Source, verified: &Verified) -> Result<Event, NotUnderstood> {
    if verified.envelope().unsigned {
        return Ok(nudge(verified));
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
        Platform::Teamup => Err(NotUnderstood {
            field: None,
            message: "TeamUp's webhooks are not signed: they are only reasons to read its API"
                .into(),
            kind: None,
        }),
    }
}

/// The present time, and how far ahead of it a sender's clock may be.
#[derive(Copy, Clone, Debug)]
pub struct Present {
    /// Now.
    pub now: Instant,
    /// How far ahead of it the time of an event may lie.
    pub tolerance: Duration,
}

/// Refuses an event whose time lies in the future: it would be later than all that truly happens until then, and so end all that
/// is said by others. What is read from the platform's API anyway stays a reason to read.
pub fn not_from_the_future(event: Event, present: Present) -> Result<Event, NotUnderstood> {
    if event.happened_at <= present.now.plus(present.tolerance) {
        return Ok(event);
    }
    let ahead_us = event
        .happened_at
        .micros()
        .saturating_sub(present.now.micros());
    let message = format!(
        "timestamp is {}, which is {} in the future; it has to be when it happened, by a clock that is right",
        event.happened_at.timestamp(),
        in_words(ahead_us / 1_000_000)
    );
    if event.reads {
        return Ok(Event {
            note: Some(format!(
                "{message}. What it is about is read from the platform's API"
            )),
            reads: true,
            ..Event::empty(&event.kind, present.now)
        });
    }
    Err(NotUnderstood {
        field: Some("timestamp".to_owned()),
        message,
        kind: Some(event.kind),
    })
}

/// A length of time in its two largest units.
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

/// What is unsigned: nothing of it is believed.
fn nudge(verified: &Verified) -> Event {
    Event {
        note: Some("it is unsigned, so that nothing of it is believed: a reason to read the platform's API".to_owned()),
        reads: true,
        ..Event::empty("nudge", verified.said_at())
    }
}

/// Reads what was made here: a canonical event.
pub fn translate_made(verified: &Verified) -> Result<Event, NotUnderstood> {
    canonical::translate(verified)
}

/// Whether the sender can mend what is not understood, and so should be told.
pub fn sender_can_mend(platform: Platform) -> bool {
    matches!(
        platform,
        Platform::Canonical | Platform::Clubspot | Platform::ExerciseCom | Platform::Mapped
    )
}
