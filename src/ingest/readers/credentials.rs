//! What lets a platform's API be read, as it is sealed beside its source. Shown by no Debug and by no error.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::store::row::Platform;

/// The credentials for one platform's API.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "platform", rename_all = "snake_case")]
pub enum Credentials {
    /// A client of Spacebring's API.
    Spacebring {
        /// The client's id.
        client_id: String,
        /// The client's secret.
        client_secret: String,
        /// Only this location is read, where it is given.
        location: Option<String>,
    },
    /// A token of TeamUp's API.
    Teamup {
        /// The token.
        token: String,
        /// The provider, where the token knows several.
        provider: Option<String>,
    },
    /// A key of Clubspot's API.
    Clubspot {
        /// The key.
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
    /// Whose they are.
    pub fn platform(&self) -> Platform {
        match self {
            Self::Spacebring { .. } => Platform::Spacebring,
            Self::Teamup { .. } => Platform::Teamup,
            Self::Clubspot { .. } => Platform::Clubspot,
        }
    }

    /// As they are sealed.
    pub fn to_text(&self) -> SecretString {
        SecretString::from(serde_json::to_string(self).unwrap_or_default())
    }

    /// As they were sealed; none where that is not what was.
    pub fn of_text(text: &SecretString) -> Option<Self> {
        serde_json::from_str(text.expose_secret()).ok()
    }
}
