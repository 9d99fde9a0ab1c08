//! How a sender outside the known signature schemes signs its requests, as input and as output.

use async_graphql::{Enum, InputObject, SimpleObject};

use super::given::Given;
use crate::{
    graphql::{error::Refusal, scalar::Duration},
    ingest::signature::settings::{self, Settings},
};

/// How a signature is written.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::ingest::signature::settings::Digits")]
pub enum SignatureEncoding {
    /// Hexadecimal digits in either case.
    Hex,
    /// Base64, with or without padding, also in the alphabet for URLs.
    #[graphql(name = "BASE64")]
    Base64,
}

/// The hash function of an HMAC.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::ingest::signature::rule::Algorithm")]
pub enum SignatureAlgorithm {
    /// SHA-256.
    #[graphql(name = "SHA256")]
    Sha256,
    /// SHA-512.
    #[graphql(name = "SHA512")]
    Sha512,
}

/// How the text of a secret gives the key.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::ingest::signature::rule::KeyEncoding")]
pub enum SecretEncoding {
    /// The text itself.
    Text,
    /// The text is base64, perhaps after `whsec_`.
    #[graphql(name = "BASE64")]
    Base64,
    /// The text is hexadecimal digits.
    Hex,
}

/// The unit of a signed timestamp.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::ingest::signature::settings::Unit")]
pub enum TimestampUnit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
}

/// How requests are verified, for the schemes CUSTOM and SHARED_SECRET. A shared secret has only `header`, `prefix` and `eventId`.
#[derive(InputObject)]
pub struct SignatureRuleInput {
    /// The header with the signatures, or with the secret.
    pub header: String,
    /// The text before each of them in that header, such as `sha256=`, `v1=` or `Bearer `. Several signatures are separated by
    /// commas, semicolons or spaces; one that fits is enough.
    pub prefix: Option<String>,
    /// How a signature is written; required for CUSTOM.
    pub encoding: Option<SignatureEncoding>,
    /// The signed bytes: text with the tokens `{body}`, `{timestamp}` and `{id}`. Default: `{body}`.
    pub content: Option<String>,
    /// Where the signed timestamp is.
    pub timestamp: Option<SignedTimestampInput>,
    /// Where the event's id is. Repeats with the same id are recognised by it.
    pub event_id: Option<EventIdInput>,
    /// How far the timestamp may be from now, up to P1D. Default: the setting `webhook_tolerance` of the deployment.
    pub tolerance: Option<Given<Duration>>,
    /// The hash function. Default: SHA256.
    pub algorithm: Option<SignatureAlgorithm>,
    /// How the secret's text gives the key. Default: TEXT.
    pub secret_encoding: Option<SecretEncoding>,
}

/// Where the signed timestamp of a request is: in a header of its own, or in the header with the signatures.
#[derive(InputObject)]
pub struct SignedTimestampInput {
    /// The header of its own.
    pub header: Option<String>,
    /// The text before it in the header with the signatures, such as `t=`.
    pub prefix: Option<String>,
    /// Its unit. Default: SECONDS.
    pub unit: Option<TimestampUnit>,
}

/// Where the id of an event is.
#[derive(InputObject)]
pub struct EventIdInput {
    /// A header; it has to be signed, so `content` contains `{id}`.
    pub header: Option<String>,
    /// A JSON Pointer into the body, such as `/id`.
    pub path: Option<String>,
}

impl SignatureRuleInput {
    /// The settings, of the input at `input.signatureRule`.
    ///
    /// # Errors
    /// INVALID for a tolerance that is no duration.
    pub fn settings(self) -> Result<Settings, Refusal> {
        let input = self;
        let path = "input.signatureRule.tolerance";
        let tolerance = Given::optional(input.tolerance.as_ref(), path)?;
        let seconds = |length: Duration| i64::try_from(length.0.as_secs()).unwrap_or(i64::MAX);
        Ok(Settings {
            header: input.header,
            prefix: input.prefix,
            encoding: input.encoding.map(Into::into),
            content: input.content,
            timestamp: input.timestamp.map(|stamp| settings::StampSettings {
                header: stamp.header,
                prefix: stamp.prefix,
                unit: stamp.unit.map(Into::into),
            }),
            id: input.event_id.map(|id| settings::IdSettings {
                header: id.header,
                path: id.path,
            }),
            tolerance_seconds: tolerance.map(seconds),
            algorithm: input.algorithm.map(Into::into),
            secret_encoding: input.secret_encoding.map(Into::into),
        })
    }
}

/// How requests are verified, for the schemes CUSTOM and SHARED_SECRET.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct SignatureRule {
    /// The header with the signatures, or with the secret.
    pub header: String,
    /// The text before each of them in that header.
    pub prefix: Option<String>,
    /// How a signature is written; null for a shared secret.
    pub encoding: Option<SignatureEncoding>,
    /// The signed bytes; null for the body alone.
    pub content: Option<String>,
    /// Where the signed timestamp is; null if there is none.
    pub timestamp: Option<SignedTimestamp>,
    /// Where the event's id is; null if there is none.
    pub event_id: Option<EventIdPlace>,
    /// How far the timestamp may be from now; null for the deployment's setting.
    pub tolerance: Option<Duration>,
    /// The hash function; null for the default.
    pub algorithm: Option<SignatureAlgorithm>,
    /// How the secret's text gives the key; null for the default.
    pub secret_encoding: Option<SecretEncoding>,
}

/// Where the signed timestamp of a request is.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct SignedTimestamp {
    /// The header of its own.
    pub header: Option<String>,
    /// The text before it in the header with the signatures.
    pub prefix: Option<String>,
    /// Its unit; null for the default.
    pub unit: Option<TimestampUnit>,
}

/// Where the id of an event is.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct EventIdPlace {
    /// A header.
    pub header: Option<String>,
    /// A JSON Pointer into the body.
    pub path: Option<String>,
}

impl From<Settings> for SignatureRule {
    fn from(settings: Settings) -> Self {
        let length =
            |seconds: i64| Duration(std::time::Duration::from_secs(seconds.unsigned_abs()));
        Self {
            header: settings.header,
            prefix: settings.prefix,
            encoding: settings.encoding.map(Into::into),
            content: settings.content,
            timestamp: settings.timestamp.map(|stamp| SignedTimestamp {
                header: stamp.header,
                prefix: stamp.prefix,
                unit: stamp.unit.map(Into::into),
            }),
            event_id: settings.id.map(|id| EventIdPlace {
                header: id.header,
                path: id.path,
            }),
            tolerance: settings.tolerance_seconds.map(length),
            algorithm: settings.algorithm.map(Into::into),
            secret_encoding: settings.secret_encoding.map(Into::into),
        }
    }
}
