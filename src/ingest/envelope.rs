//! What is kept beside a delivery's body: when it was signed, and whether the platform sent it or it was made here. What is
//! read again is read by it as it was the first time. Written where deliveries come in, read by `replay`.

use access::Instant;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How a body came. Kept as JSON, to which fields may be added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The signed timestamp, where the scheme has one.
    #[serde(default)]
    pub signed_at: Option<Timestamp>,
    /// The body is a canonical event, whatever the platform of its source: a roster that was imported, or what was read from
    /// an API.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canonical: bool,
    /// Nobody signed it: nothing of the body is believed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// The one part of the body that the signature covers, as a JSON pointer; none where it covers all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_part: Option<String>,
}

impl Envelope {
    /// Of what the platform sent.
    pub fn sent(signed_at: Option<Instant>) -> Self {
        Self {
            signed_at: signed_at.map(|at| at.timestamp()),
            ..Self::default()
        }
    }

    /// The same envelope where the signature covers one part of the body alone.
    pub fn signing_only(self, part: Option<&str>) -> Self {
        Self {
            signed_part: part.map(str::to_owned),
            ..self
        }
    }

    /// Of what was made here.
    pub fn made() -> Self {
        Self {
            canonical: true,
            ..Self::default()
        }
    }

    /// Of what anybody may have sent.
    pub fn unsigned() -> Self {
        Self {
            unsigned: true,
            ..Self::default()
        }
    }

    /// As it is kept.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As it was kept; what cannot be read says nothing.
    pub fn of_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}
