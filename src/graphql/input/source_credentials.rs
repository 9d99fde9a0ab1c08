//! Credentials for the APIs of platforms, each in its own shape. The types do not implement `Debug`, so that no secret can reach
//! a log.

use async_graphql::{InputObject, OneofObject};

use crate::ingest::readers::Credentials;

/// The credentials for a platform's API: exactly one of these.
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
    /// Limits reading to this location. Default: all locations.
    pub location_ref: Option<String>,
}

/// A token of TeamUp's API.
#[derive(InputObject)]
pub struct TeamUpCredentialsInput {
    /// The token.
    pub token: String,
    /// The provider, if the token has access to several.
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
