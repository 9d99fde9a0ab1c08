//! Why a request's signature was refused, as a message for its sender that names the header and the usual mistakes. A mistake
//! with the secret is named only if the signature proves that the sender has the secret.

use crate::store::row::{RejectionReason, SignatureScheme};

/// Why a request was refused. The text goes to the sender: it names the header and reveals nothing of the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing or malformed.
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    /// The request has the signature of another scheme.
    #[error(
        "the header {missing} is missing; the request has {found}, which another signature scheme uses: is the source's \
         signature scheme the sender's?"
    )]
    OtherScheme {
        /// The header that the source's scheme needs.
        missing: &'static str,
        /// The header that the request has.
        found: &'static str,
    },
    /// The timestamp counts milliseconds.
    #[error("the timestamp in {0} counts milliseconds; it has to be in whole seconds since 1970")]
    Milliseconds(&'static str),
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
        "the signature was made with the right secret, but {}", if *.is_base64 {
            "with its text as the key: the key is what the base64 after whsec_ decodes to"
        } else {
            "with what its base64 decodes to as the key: the key is the secret's whole text"
        }
    )]
    SecretEncoding {
        /// Whether the scheme's key is decoded from base64.
        is_base64: bool,
    },
    /// No signature fits any secret.
    #[error(
        "the signature does not fit the body: is the secret right, and are the raw bytes signed?"
    )]
    Signature,
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
            Self::Signature => RejectionReason::Signature,
            Self::Body => RejectionReason::Body,
        }
    }
}

/// The signature header of each scheme.
const HEADERS: [(SignatureScheme, &str); 8] = [
    (SignatureScheme::StandardWebhooks, "webhook-signature"),
    (SignatureScheme::Svix, "svix-signature"),
    (SignatureScheme::Stripe, "stripe-signature"),
    (SignatureScheme::Officernd, "officernd-signature"),
    (SignatureScheme::HubSha256, "x-hub-signature-256"),
    (SignatureScheme::Mindbody, "x-mindbody-signature"),
    (SignatureScheme::Nexudus, "x-nexudus-hook-signature"),
    (SignatureScheme::Pushpress, "webhook-signature"),
];

/// The refusal of a request that lacks its scheme's header: names another scheme's signature header if the request has one.
pub(super) fn other_scheme<'h>(
    scheme: SignatureScheme,
    missing: &'static str,
    header: &impl Fn(&'static str) -> Option<&'h str>,
) -> SignatureError {
    let own = HEADERS.iter().find(|(of, _)| *of == scheme);
    let own = own.map_or("", |(_, name)| *name);
    let mut others = HEADERS.iter().map(|(_, name)| *name);
    let found = others.find(|name| *name != own && header(name).is_some());
    found.map_or(SignatureError::Header(missing), |found| {
        SignatureError::OtherScheme { missing, found }
    })
}

/// The refusal of a timestamp that is not in whole seconds.
pub(super) fn malformed_stamp(header: &'static str, stamp: &str) -> SignatureError {
    if stamp.len() == 13 && stamp.bytes().all(|byte| byte.is_ascii_digit()) {
        SignatureError::Milliseconds(header)
    } else {
        SignatureError::Header(header)
    }
}
