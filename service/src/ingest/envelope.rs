//! Metadata stored with a delivery's body: the signed timestamp, whether the platform sent it or it was made here, and what the
//! signature covers. `replay` reads it, so that a delivery is translated the same way as the first time.

use access::Instant;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Stored as JSON, to which fields may be added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The signed timestamp, where the scheme has one.
    #[serde(default)]
    pub signed_at: Option<Timestamp>,
    /// The body is a canonical event whatever the platform of its source: an imported roster, or what was read from an API.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canonical: bool,
    /// The request is not signed: its body is ignored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// A JSON pointer to the one part of the body that the signature covers; none where it covers the whole body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_part: Option<String>,
    /// The body is form-encoded, by its content type.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub form: bool,
}

impl Envelope {
    /// The envelope of a request that the platform signed.
    pub fn signed(signed_at: Option<Instant>) -> Self {
        Self {
            signed_at: signed_at.map(|at| at.timestamp()),
            ..Self::default()
        }
    }

    /// Restricts the envelope to a signature that covers one part of the body.
    pub fn signing_only(self, part: Option<&str>) -> Self {
        Self {
            signed_part: part.map(str::to_owned),
            ..self
        }
    }

    /// Says whether the body is form-encoded.
    pub fn with_form(self, form: bool) -> Self {
        Self { form, ..self }
    }

    /// The envelope of a canonical event that was made here.
    pub fn canonical() -> Self {
        Self {
            canonical: true,
            ..Self::default()
        }
    }

    /// The envelope of a request without a signature.
    pub fn unsigned() -> Self {
        Self {
            unsigned: true,
            ..Self::default()
        }
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Unreadable text gives the default envelope.
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}
