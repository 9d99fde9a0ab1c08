//! What lets a platform's API be read. Each platform asks for something else. Promises that no secret is shown by Debug.

use async_graphql::{InputObject, OneofObject};

use crate::ingest::readers::Credentials;

/// The credentials for one platform's API.
#[derive(OneofObject)]
pub enum SourceCredentialsInput {
    /// For Spacebring.
    Spacebring(SpacebringCredentialsInput),
    /// For TeamUp.
    TeamUp(TeamUpCredentialsInput),
    /// For Clubspot.
    Clubspot(ClubspotCredentialsInput),
}

/// A client of Spacebring's API.
#[derive(InputObject)]
pub struct SpacebringCredentialsInput {
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// Only this location is read, where it is given.
    pub location_ref: Option<String>,
}

/// A token of TeamUp's API.
#[derive(InputObject)]
pub struct TeamUpCredentialsInput {
    /// The token.
    pub token: String,
    /// The provider, where the token knows several.
    pub provider_id: Option<String>,
}

/// A key of Clubspot's API.
#[derive(InputObject)]
pub struct ClubspotCredentialsInput {
    /// The key.
    pub api_key: String,
    /// The club's id at Clubspot.
    pub club_id: String,
}

impl From<SourceCredentialsInput> for Credentials {
    fn from(input: SourceCredentialsInput) -> Self {
        let own = |text: String| text.trim().to_owned();
        let said = |text: Option<String>| text.map(own).filter(|text| !text.is_empty());
        match input {
            SourceCredentialsInput::Spacebring(input) => Self::Spacebring {
                client_id: own(input.client_id),
                client_secret: own(input.client_secret),
                location: said(input.location_ref),
            },
            SourceCredentialsInput::TeamUp(input) => Self::Teamup {
                token: own(input.token),
                provider: said(input.provider_id),
            },
            SourceCredentialsInput::Clubspot(input) => Self::Clubspot {
                api_key: own(input.api_key),
                club: own(input.club_id),
            },
        }
    }
}
