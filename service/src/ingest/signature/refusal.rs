//! Why a request's signature was refused, as a message for its sender that names the header and the usual mistakes. A mistake
//! with the secret is named only if the signature proves that the sender has the secret.

use super::rule::KeyEncoding;
use crate::store::row::RejectionReason;

/// Why a request was refused. The text goes to the sender: it names the header and reveals nothing of the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing or malformed.
    #[error("the header {0} is missing or malformed")]
    Header(String),
    /// The request has the signature of another scheme.
    #[error(
        "the header {missing} is missing; the request has {found}, which another signature scheme uses: is the source's \
         signature scheme the sender's?"
    )]
    OtherScheme {
        /// The header that the source's scheme needs.
        missing: String,
        /// The header that the request has.
        found: &'static str,
    },
    /// The timestamp counts milliseconds.
    #[error("the timestamp in {0} counts milliseconds; it has to be in whole seconds since 1970")]
    Milliseconds(String),
    /// The timestamp is too far from now.
    #[error(
        "the signed timestamp is {} s {} this server's clock, which is too much: set the sender's clock, and sign each attempt \
         anew", .ahead_s.unsigned_abs(), if *.ahead_s < 0 { "behind" } else { "ahead of" }
    )]
    Timestamp {
        /// How far it is ahead of the server's clock, in seconds; negative where it is behind.
        ahead_s: i64,
    },
    /// The right secret was used in the wrong encoding.
    #[error(
        "the signature was made with the right secret, but {}", match .key {
            KeyEncoding::Base64 => "with its text as the key: the key is what the base64 after whsec_ decodes to",
            KeyEncoding::Hex => "with its text as the key: the key is what its hexadecimal digits stand for",
            KeyEncoding::Text => "with what its base64 decodes to as the key: the key is the secret's whole text",
        }
    )]
    SecretEncoding {
        /// How the key has to be made from the secret.
        key: KeyEncoding,
    },
    /// No signature fits any secret.
    #[error(
        "the signature does not fit the body: is the secret right, and are the raw bytes signed?"
    )]
    Signature,
    /// A header does not repeat the secret.
    #[error("the header {0} does not have this source's secret: copy the secret again")]
    SharedSecret(String),
    /// The body lacks the member that the scheme signs.
    #[error("the body is not a JSON object with exactly one member data, which is the signed part")]
    Body,
}

impl SignatureError {
    /// The category under which the refusal is counted.
    pub fn reason(&self) -> RejectionReason {
        match self {
            Self::Header(_) => RejectionReason::Header,
            Self::OtherScheme { .. } => RejectionReason::OtherScheme,
            Self::Milliseconds(_) => RejectionReason::Milliseconds,
            Self::Timestamp { .. } => RejectionReason::Timestamp,
            Self::SecretEncoding { .. } => RejectionReason::SecretEncoding,
            Self::Signature | Self::SharedSecret(_) => RejectionReason::Signature,
            Self::Body => RejectionReason::Body,
        }
    }
}

/// The signature headers of the known schemes.
const HEADERS: [&str; 7] = [
    "webhook-signature",
    "svix-signature",
    "stripe-signature",
    "officernd-signature",
    "x-hub-signature-256",
    "x-mindbody-signature",
    "x-nexudus-hook-signature",
];

/// The refusal of a request that lacks a header: names another scheme's signature header if the request has one. `own` is the
/// header with the signature of the source's rule.
pub(super) fn other_scheme<'h>(
    own: &str,
    missing: String,
    header: &impl Fn(&str) -> Option<&'h str>,
) -> SignatureError {
    let others = HEADERS.into_iter().filter(|name| *name != own);
    match others.into_iter().find(|name| header(name).is_some()) {
        Some(found) => SignatureError::OtherScheme { missing, found },
        None => SignatureError::Header(missing),
    }
}

/// The refusal of a timestamp that is not in whole units.
pub(super) fn malformed_stamp(header: &str, stamp: &str) -> SignatureError {
    if stamp.len() == 13 && stamp.bytes().all(|byte| byte.is_ascii_digit()) {
        SignatureError::Milliseconds(header.to_owned())
    } else {
        SignatureError::Header(header.to_owned())
    }
}
