//! The API of a source's platform, opened with the source's credentials.

use std::time::Duration;

use access::Instant;
use serde_json::Value;

use super::{
    api::Api, check_ins::CheckedIn, clubspot, credentials::Credentials, failure::ReadError,
    options::ReaderOptions, spacebring, teamup,
};
use crate::{app::App, secret::SecretKind, store::row::Source};

/// The minimum pause after a reading of single objects.
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);

/// What to read, and where.
pub enum PlatformApi {
    Teamup(Api),
    Spacebring {
        api: Api,
        /// Restricts the reading to this location.
        location: Option<String>,
    },
    Clubspot {
        api: Api,
        club: String,
        options: ReaderOptions,
    },
}

impl PlatformApi {
    /// # Errors
    /// If the source has no credentials, or those of another platform.
    pub fn open(app: &App, http: &reqwest::Client, source: &Source) -> Result<Self, ReadError> {
        let wrong_credentials = || {
            ReadError::Settings(
                "The credentials belong to another platform: give the source new ones (updateSource)."
                    .to_owned(),
            )
        };
        let sealed = source.credentials.as_ref().ok_or_else(wrong_credentials)?;
        let opened = app
            .sealer
            .open(SecretKind::SourceCredentials, source.id, sealed)?;
        let credentials = Credentials::of_text(&opened).ok_or_else(wrong_credentials)?;
        let (http, config) = (http.clone(), &app.config);
        Ok(match credentials {
            Credentials::Spacebring {
                client_id,
                client_secret,
                location,
            } => Self::Spacebring {
                api: spacebring::api(
                    http,
                    config.spacebring_url.clone(),
                    &client_id,
                    &client_secret,
                )?,
                location,
            },
            Credentials::Teamup { token, provider } => Self::Teamup(teamup::api(
                http,
                config.teamup_url.clone(),
                &token,
                provider.as_deref(),
            )?),
            Credentials::Clubspot { api_key, club } => Self::Clubspot {
                api: clubspot::api(http, config.clubspot_url.clone(), &api_key)?,
                club,
                options: ReaderOptions::of(source),
            },
        })
    }

    /// Reads everything, as the lists of a roster. What cannot be understood stays as in the last reading.
    pub async fn read(&self, begun: Instant, last: Option<&[u8]>) -> Result<Value, ReadError> {
        match self {
            Self::Teamup(api) => teamup::read(api, begun, last).await,
            Self::Spacebring { api, location } => {
                spacebring::read(api, location.as_deref(), last, begun).await
            }
            Self::Clubspot { api, club, options } => {
                clubspot::read(api, club, options, last, begun).await
            }
        }
    }

    /// The last reading with these objects read again; none if everything has to be read.
    pub async fn read_objects(
        &self,
        begun: Instant,
        objects: &[String],
        last: &Value,
    ) -> Result<Option<Value>, ReadError> {
        match self {
            Self::Teamup(api) => teamup::read_named(api, begun, objects, last).await,
            Self::Spacebring { api, .. } => spacebring::read_named(api, begun, objects, last).await,
            Self::Clubspot { .. } => Ok(None),
        }
    }

    /// Notes at the platform that the holder of a registration came.
    ///
    /// # Errors
    /// Also if the platform takes no check-ins.
    pub async fn check_in(&self, registration: &str) -> Result<CheckedIn, ReadError> {
        match self {
            Self::Teamup(api) => teamup::check_in(api, registration).await,
            Self::Spacebring { .. } | Self::Clubspot { .. } => Err(ReadError::Settings(
                "The platform takes no check-ins: switch them off (updateSource, checkIn)."
                    .to_owned(),
            )),
        }
    }

    /// The pause after a reading of single objects: webhooks, which anybody can send where they are not signed, use at most half
    /// of the calls that the platform allows.
    pub fn pause_after_calls(&self) -> Duration {
        let (Self::Teamup(api) | Self::Spacebring { api, .. } | Self::Clubspot { api, .. }) = self;
        api.time_of_calls().saturating_mul(2).max(SHORTEST_PAUSE)
    }
}
