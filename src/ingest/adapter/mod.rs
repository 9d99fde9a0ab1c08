//! The platforms: each is a pure function from verified bytes to statements. Adding one is a file, its fixtures and a line
//! in `translate`. An adapter believes nothing that was not verified, which the type of its argument says.

use crate::{
    ingest::{signature::Verified, statement::Event},
    store::row::Platform,
};

mod canonical;
mod field;

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

/// Reads an event by the ways of its platform.
pub fn translate(platform: Platform, verified: &Verified) -> Result<Event, NotUnderstood> {
    match platform {
        Platform::Canonical | Platform::Clubspot | Platform::ExerciseCom => canonical::translate(verified),
        Platform::Teamup | Platform::Spacebring | Platform::Mapped => Err(NotUnderstood {
            field: None,
            message: "this version has no adapter for the platform yet; the delivery is kept and can be replayed".into(),
            kind: None,
        }),
    }
}

/// Whether the sender can mend what is not understood, and so should be told.
pub fn sender_can_mend(platform: Platform) -> bool {
    matches!(
        platform,
        Platform::Canonical | Platform::Clubspot | Platform::ExerciseCom | Platform::Mapped
    )
}
