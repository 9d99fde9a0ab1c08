//! What a platform lets its sources be given: which signatures, which credentials for its API and how often that is read, and a
//! mapping where arbitrary JSON is read through one. Judges the input alone, and refuses in words that name the field. Called where sources are made and changed.

use super::invalid;
use crate::{
    graphql::{
        error::{Refusal, UserError, UserErrorCode},
        input::source_credentials::SourceCredentialsInput,
        scalar::{Duration, Json},
    },
    ingest::{
        adapter::{Mapping, MappingError},
        readers::Credentials,
    },
    store::row::{Platform, SignatureScheme},
};

const SHORTEST_S: u64 = 300;
const LONGEST_S: u64 = 86_400;
const HOURLY_S: i64 = 3_600;

/// The scheme of a source: the platform's own where none is given.
pub(super) fn scheme(
    platform: Platform,
    given: Option<SignatureScheme>,
) -> Result<SignatureScheme, Refusal> {
    let own = match platform {
        Platform::Teamup => SignatureScheme::Nudge,
        Platform::Spacebring => SignatureScheme::Svix,
        _ => SignatureScheme::StandardWebhooks,
    };
    let scheme = given.unwrap_or(own);
    let has_api = matches!(
        platform,
        Platform::Teamup | Platform::Spacebring | Platform::Clubspot
    );
    let message = match (platform, scheme) {
        (Platform::Teamup, SignatureScheme::Nudge) => return Ok(scheme),
        (Platform::Teamup, _) => "TeamUp does not sign its webhooks: leave it out",
        (_, SignatureScheme::Nudge) if !has_api => {
            "unsigned events are only reasons to read a platform's API, and this one has none that is read: choose a scheme that signs"
        }
        (
            Platform::Spacebring,
            SignatureScheme::Svix | SignatureScheme::StandardWebhooks | SignatureScheme::Nudge,
        ) => {
            return Ok(scheme);
        }
        (Platform::Spacebring, _) => "Spacebring signs as SVIX does: leave it out",
        (platform, SignatureScheme::Pushpress) if platform != Platform::Mapped => {
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

/// The credentials for the platform's own API; none where none were given.
pub(super) fn credentials(
    platform: Platform,
    given: Option<SourceCredentialsInput>,
) -> Result<Option<Credentials>, Refusal> {
    let Some(given) = given else {
        return Ok(None);
    };
    let credentials = Credentials::from(given);
    if credentials.platform() == platform {
        return Ok(Some(credentials));
    }
    let message = match platform {
        Platform::Spacebring => "SPACEBRING asks for spacebring: { clientId, clientSecret }",
        Platform::Teamup => "TEAMUP asks for teamUp: { token }",
        Platform::Clubspot => "CLUBSPOT asks for clubspot: { apiKey, clubId }",
        _ => "this platform has no API that is read: it sends everything by itself. Leave it out",
    };
    Err(invalid("input.credentials", message))
}

/// What has to be read, because nothing that is sent is believed.
pub(super) fn needs_credentials(scheme: SignatureScheme, has: bool) -> Result<(), Refusal> {
    if scheme != SignatureScheme::Nudge || has {
        return Ok(());
    }
    let message = "what comes unsigned is not believed, and only leads to a read of the platform's API: give credentials for it";
    Err(invalid("input.credentials", message))
}

/// How often everything is read, in seconds; none where that was not given. `has` says whether there are credentials to read by.
pub(super) fn read_every(given: Option<Duration>, has: bool) -> Result<Option<i64>, Refusal> {
    let Some(every) = given else {
        return Ok(None);
    };
    let refuse = |message: String| Err(invalid("input.readEvery", message));
    if !has {
        return refuse(
            "nothing is read without credentials: leave it out, or give them".to_owned(),
        );
    }
    match every.0.as_secs() {
        length @ SHORTEST_S..=LONGEST_S => Ok(i64::try_from(length).ok()),
        _ => refuse(
            "it has to be between PT5M and P1D: every platform loses events now and then"
                .to_owned(),
        ),
    }
}

/// How often everything is read where that was not said: where nothing is sent, more often.
pub(super) fn usual_reading(platform: Platform) -> i64 {
    match platform {
        Platform::Clubspot => HOURLY_S,
        _ => LONGEST_S.cast_signed(),
    }
}

/// What a new source cannot do as it is, in words; none where all is well.
pub(super) fn problem(platform: Platform, has_credentials: bool) -> Option<String> {
    let lacks = platform == Platform::Spacebring && !has_credentials;
    lacks.then(|| {
        "Spacebring's events do not say who leaves a company, nor what was missed: give credentials for its API (updateSource), so \
         that it is read."
            .to_owned()
    })
}
