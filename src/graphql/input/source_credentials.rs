//! What lets a platform's API be read. Each platform asks for something else. Promises that no secret is shown by Debug.

use async_graphql::{InputObject, OneofObject};

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
