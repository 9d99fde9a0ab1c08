//! The platforms: each is a pure function from verified bytes to statements. Adding one is a file, its fixtures and a line
//! in `translate`. An adapter believes nothing that was not verified, which the type of its argument says.

use crate::{
    ingest::{signature::Verified, statement::Event},
    store::row::{Platform, Source},
};

mod canonical;
mod field;
mod mapped;
pub mod spacebring;

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
