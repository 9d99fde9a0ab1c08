//! The credentials of a platform's API, which are stored sealed beside their source. Neither Debug nor an error shows them.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::store::row::Platform;

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "platform", rename_all = "snake_case")]
pub enum Credentials {
    Spacebring {
        client_id: String,
        client_secret: String,
        /// Restricts readings to this location.
        location: Option<String>,
    },
    Teamup {
        token: String,
        /// The provider's id, required if the token has access to several.
        provider: Option<String>,
    },
    Clubspot {
        api_key: String,
        /// The club's id at Clubspot.
        club: String,
    },
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({:?})", self.platform())
    }
}

impl Credentials {
    pub fn platform(&self) -> Platform {
        match self {
            Self::Spacebring { .. } => Platform::Spacebring,
            Self::Teamup { .. } => Platform::Teamup,
            Self::Clubspot { .. } => Platform::Clubspot,
        }
    }

    /// The JSON to seal.
    pub fn to_text(&self) -> SecretString {
        SecretString::from(serde_json::to_string(self).unwrap_or_default())
    }

    /// Parses opened credentials; none if they are not valid JSON of this form.
    pub fn of_text(text: &SecretString) -> Option<Self> {
        serde_json::from_str(text.expose_secret()).ok()
    }
}
