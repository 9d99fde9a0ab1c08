//! Validates the platform-specific input of a source: signature scheme, API credentials, read interval, and the mapping of
//! arbitrary JSON. Looks at the input alone; errors name the field. Called when sources are created and updated.

use secrecy::{ExposeSecret, SecretString};

use super::{StatusMappingInput, invalid};
use crate::{
    graphql::{
        error::{Refusal, UserError, UserErrorCode},
        input::given::Given,
        input::source_credentials::SourceCredentialsInput,
        scalar::{Duration, Json},
    },
    ingest::{
        adapter::{Mapping, MappingError},
        readers::{Credentials, options::Statuses},
        signature::{Settings, Verification, secret_is_usable},
    },
    secret::new_signing_secret,
    store::row::{self, Platform, SignatureScheme},
};

/// The maximum length of a secret, in bytes.
const MAX_SECRET_BYTES: usize = 1_000;
const SHORTEST_S: u64 = 300;
const LONGEST_S: u64 = 86_400;
const HOURLY_S: i64 = 3_600;

/// The signature scheme of a source: the given one if the platform supports it; the platform's own if none is given.
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
        (Platform::Teamup, _) => "TeamUp does not sign its webhooks: leave signature out",
        (_, SignatureScheme::Nudge) if !has_api => {
            "unsigned events only trigger a read of the platform's API, and this one has no API to read: choose a signing scheme"
        }
        (
            Platform::Spacebring,
            SignatureScheme::Svix | SignatureScheme::StandardWebhooks | SignatureScheme::Nudge,
        ) => {
            return Ok(scheme);
        }
        (Platform::Spacebring, _) => "Spacebring signs with SVIX: leave signature out",
        (platform, SignatureScheme::SharedSecret) if platform != Platform::Mapped => {
            "SHARED_SECRET proves neither the time nor the body of a request: it is allowed only for MAPPED"
        }
        (platform, SignatureScheme::Pushpress) if platform != Platform::Mapped => {
            "PUSHPRESS signs only the member data of a body: it is allowed only for MAPPED"
        }
        _ => return Ok(scheme),
    };
    Err(invalid("input.signature", message))
}

/// How requests are verified, and the settings of it as stored.
pub(super) fn verification(
    scheme: SignatureScheme,
    given: Option<Settings>,
) -> Result<(Verification, Option<String>), Refusal> {
    let path = "input.signatureRule";
    let Some(settings) = given else {
        let message = "CUSTOM and SHARED_SECRET need signatureRule, which describes where the signature or the secret is";
        let preset = Verification::preset(scheme).ok_or_else(|| invalid(path, message))?;
        return Ok((preset, None));
    };
    let verification = settings.verification(scheme).map_err(|wrong| {
        let path = [&[path], wrong.path.as_slice()].concat().join(".");
        invalid(&path, wrong.message)
    })?;
    Ok((verification, Some(settings.to_json())))
}

/// The given secret, validated for the scheme, or a new one.
pub(super) fn secret(
    path: &str,
    given: Option<String>,
    verification: &Verification,
) -> Result<SecretString, Refusal> {
    let Some(given) = given else {
        let new = new_signing_secret();
        if !secret_is_usable(verification, &new) {
            let message = "the secret is hexadecimal here: give the one that the platform shows";
            return Err(invalid(path, message));
        }
        return Ok(new);
    };
    let secret = SecretString::from(given.trim().to_owned());
    if secret.expose_secret().len() > MAX_SECRET_BYTES || !secret_is_usable(verification, &secret) {
        let message = "must be the secret as the platform shows it; for STANDARD_WEBHOOKS and SVIX: whsec_ followed by base64; for CUSTOM in its secretEncoding";
        return Err(invalid(path, message));
    }
    Ok(secret)
}

/// The mapping of a new source.
pub(super) fn new_mapping(
    platform: Platform,
    given: Option<&Json>,
) -> Result<Option<String>, Refusal> {
    if platform == Platform::Mapped && given.is_none() {
        let message = "MAPPED needs a mapping, which describes how the sender's JSON is read";
        return Err(invalid("input.mapping", message));
    }
    mapping(platform, given)
}

/// The validated mapping, as stored.
pub(super) fn mapping(platform: Platform, given: Option<&Json>) -> Result<Option<String>, Refusal> {
    let Some(Json(json)) = given else {
        return Ok(None);
    };
    if platform != Platform::Mapped {
        let message = "a mapping is allowed only for MAPPED: leave it out";
        return Err(invalid("input.mapping", message));
    }
    Mapping::parse(json).map_err(mapping_error)?;
    Ok(Some(json.to_string()))
}

fn mapping_error(wrong: MappingError) -> Refusal {
    let above = ["input", "mapping"].map(str::to_owned);
    let message = match wrong.path.as_slice() {
        [] => wrong.message,
        path => format!("{}: {}", path.join("."), wrong.message),
    };
    let field = above.into_iter().chain(wrong.path).collect();
    let error = UserError {
        code: UserErrorCode::Invalid,
        message,
        field: Some(field),
    };
    error.into()
}

/// The most words for statuses that a source may have.
const MOST_STATUSES: usize = 50;
const LONGEST_STATUS: usize = 100;

/// What the platform's words for the status of a membership mean, in lower case.
pub(super) fn statuses(
    platform: Platform,
    given: Option<&[StatusMappingInput]>,
) -> Result<Option<Statuses>, Refusal> {
    let Some(given) = given else {
        return Ok(None);
    };
    let refuse = |message: &str| Err(invalid("input.statusMappings", message));
    if platform != Platform::Clubspot {
        return refuse("only CLUBSPOT has statuses of the club's own: leave it out");
    }
    if given.len() > MOST_STATUSES {
        return refuse("has more than 50 statuses");
    }
    let mut statuses = Statuses::new();
    for one in given {
        let status = one.status.trim().to_lowercase();
        if status.is_empty() || status.chars().count() > LONGEST_STATUS {
            return refuse("each status has 1 to 100 characters");
        }
        if statuses.insert(status, one.meaning.into()).is_some() {
            return refuse("a status is given twice");
        }
    }
    Ok(Some(statuses))
}

/// Whether only primary members are covered, if it is said.
pub(super) fn primary_only(
    platform: Platform,
    given: Option<bool>,
) -> Result<Option<bool>, Refusal> {
    if given.is_none() || platform == Platform::Clubspot {
        return Ok(given);
    }
    let message = "only CLUBSPOT has primary members: leave it out";
    Err(invalid("input.primaryMembersOnly", message))
}

pub(super) fn check_in(platform: Platform, given: Option<bool>) -> Result<Option<bool>, Refusal> {
    if given != Some(true) || platform == Platform::Teamup {
        return Ok(given);
    }
    let message = "only TEAMUP takes check-ins: leave it out";
    Err(invalid("input.checkIn", message))
}

/// The credentials, checked to be those of this platform.
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
        Platform::Spacebring => "SPACEBRING needs spacebring: { clientId, clientSecret }",
        Platform::Teamup => "TEAMUP needs teamUp: { token }",
        Platform::Clubspot => "CLUBSPOT needs clubspot: { apiKey, clubId }",
        _ => {
            "this platform has no API to read: it sends everything by itself. Leave credentials out"
        }
    };
    Err(invalid("input.credentials", message))
}

/// Refuses a source with unsigned events and no API credentials: its events are not trusted, they only trigger a read.
pub(super) fn needs_credentials(scheme: SignatureScheme, has: bool) -> Result<(), Refusal> {
    if scheme != SignatureScheme::Nudge || has {
        return Ok(());
    }
    let message = "unsigned events are not trusted and only trigger a read of the platform's API: give credentials for it";
    Err(invalid("input.credentials", message))
}

/// The read interval in seconds, if one is given. `has` says whether there are credentials to read with.
pub(super) fn read_every(
    given: Option<&Given<Duration>>,
    has: bool,
) -> Result<Option<i64>, Refusal> {
    let Some(every) = Given::optional(given, "input.readEvery")? else {
        return Ok(None);
    };
    let refuse = |message: String| Err(invalid("input.readEvery", message));
    if !has {
        return refuse(
            "nothing is read without credentials: leave readEvery out, or give credentials"
                .to_owned(),
        );
    }
    match every.0.as_secs() {
        length @ SHORTEST_S..=LONGEST_S => Ok(i64::try_from(length).ok()),
        _ => refuse(
            "must be between PT5M and P1D: every platform loses events now and then".to_owned(),
        ),
    }
}

/// The default read interval in seconds; shorter for Clubspot, which sends no events.
pub(super) fn default_read_interval(platform: Platform) -> i64 {
    match platform {
        Platform::Clubspot => HOURLY_S,
        _ => LONGEST_S.cast_signed(),
    }
}

/// Notes the problem of a new source whose platform's events are not enough, if it has no credentials for the API.
pub(super) fn with_problem(source: row::Source) -> row::Source {
    if source.platform != Platform::Spacebring || source.credentials.is_some() {
        return source;
    }
    let text = "Spacebring's events report neither who leaves a company nor which events were missed: give credentials for its API with \
                updateSource, so that it is read.";
    row::Source {
        problem: Some(text.to_owned()),
        problem_kind: Some(row::SourceProblemKind::EventsIncomplete),
        problem_since: Some(source.created_at),
        ..source
    }
}
