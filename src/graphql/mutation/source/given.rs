//! What a platform lets its sources be given: which signatures, and a mapping where arbitrary JSON is read through one. Judges
//! the input alone, and refuses in words that name the field. Called where sources are made and changed.

use super::invalid;
use crate::{
    graphql::{
        error::{Refusal, UserError, UserErrorCode},
        input::source_credentials::SourceCredentialsInput,
        scalar::{Duration, Json},
    },
    ingest::adapter::{Mapping, MappingError},
    store::row::{Platform, SignatureScheme},
};

/// The scheme of a source: the platform's own where none is given.
pub(super) fn scheme(
    platform: Platform,
    given: Option<SignatureScheme>,
) -> Result<SignatureScheme, Refusal> {
    if matches!(platform, Platform::Teamup | Platform::Spacebring) {
        let message = "this version has no adapter for the platform: use CANONICAL, CLUBSPOT, EXERCISE_COM or MAPPED";
        return Err(invalid("input.platform", message));
    }
    let scheme = given.unwrap_or(SignatureScheme::StandardWebhooks);
    let message = match scheme {
        SignatureScheme::Nudge => {
            "unsigned events are only reasons to read a platform's API: choose a scheme that signs"
        }
        SignatureScheme::Pushpress if platform != Platform::Mapped => {
            "PUSHPRESS signs the member data of a body and nothing else: it is for MAPPED alone"
        }
        _ => return Ok(scheme),
    };
    Err(invalid("input.signature", message))
}

/// The mapping as it is kept; none where none was given.
pub(super) fn mapping(platform: Platform, given: Option<&Json>) -> Result<Option<String>, Refusal> {
    let Some(Json(json)) = given else {
        return Ok(None);
    };
    if platform != Platform::Mapped {
        let message = "a mapping is for MAPPED alone: leave it out";
        return Err(invalid("input.mapping", message));
    }
    Mapping::parse(json).map_err(at_its_path)?;
    Ok(Some(json.to_string()))
}

fn at_its_path(wrong: MappingError) -> Refusal {
    let above = ["input", "mapping"].map(str::to_owned);
    let message = match wrong.path.as_slice() {
        [] => wrong.message,
        path => format!("{}: {}", path.join("."), wrong.message),
    };
    let field = above.into_iter().chain(wrong.path).collect();
    Refusal::User(UserError {
        code: UserErrorCode::Invalid,
        message,
        field: Some(field),
    })
}

/// No platform of this version has an API that is read.
pub(super) fn nothing_to_read(
    credentials: Option<&SourceCredentialsInput>,
    read_every: Option<Duration>,
) -> Result<(), Refusal> {
    let refuse = |field: &str| {
        let message = "this platform sends everything by itself: leave it out";
        Err(invalid(field, message))
    };
    match (credentials, read_every) {
        (Some(_), _) => refuse("input.credentials"),
        (_, Some(_)) => refuse("input.readEvery"),
        _ => Ok(()),
    }
}
