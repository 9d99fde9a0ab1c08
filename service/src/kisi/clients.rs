//! Creates clients. All clients of a Kisi user, or of a key whose user is unknown, share one pacer, so that the whole process
//! stays below Kisi's limit. Called by the reconcile loop, when an account is connected, and by unlock requests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use super::{
    ApiLogin, Client, Error, Login, Pacer, PublicOrganization, client::http_client_through, log_in,
    public_organization,
};
use crate::{metrics::KisiCallMetrics, proxy::Proxies};

/// The timeout of a Kisi call.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The HTTP client for Kisi could not be created.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for Kisi could not be created")]
pub struct HttpClientError(#[from] reqwest::Error);

/// Cheap to clone; clones share the pacers.
#[derive(Clone)]
pub struct Clients {
    base: Url,
    rate: u32,
    http: reqwest::Client,
    pacers: Arc<Mutex<HashMap<RateLimitKey, Arc<Pacer>>>>,
    metrics: Option<KisiCallMetrics>,
}

/// The unit by which Kisi counts requests.
#[derive(Clone, PartialEq, Eq, Hash)]
enum RateLimitKey {
    /// The hash of a key, or of the e-mail address of a log-in, while the Kisi user is unknown.
    Hash([u8; 32]),
    /// A Kisi user, with any of its keys.
    User(i64),
}

impl Clients {
    /// Clients for Kisi at `base`, with `rate` requests per second for each user. `contact` is the operator's e-mail address,
    /// which is sent to Kisi.
    pub fn new(base: Url, rate: u32, contact: Option<&str>) -> Result<Self, HttpClientError> {
        Ok(Self {
            base,
            rate,
            http: http_client_through(&Proxies::from_environment(), TIMEOUT, contact)?,
            pacers: Arc::default(),
            metrics: None,
        })
    }

    /// The same clients; their calls are counted.
    pub fn observed_by(self, metrics: KisiCallMetrics) -> Self {
        Self {
            metrics: Some(metrics),
            ..self
        }
    }

    /// A client for a key whose Kisi user is unknown.
    pub fn with_key(&self, key: SecretString) -> Client {
        let hash: [u8; 32] = Sha256::digest(key.expose_secret().as_bytes()).into();
        let pacer = self.pacer(RateLimitKey::Hash(hash));
        Client::new(self.base.clone(), key, pacer, self.http.clone()).observed(self.metrics.clone())
    }

    /// A client for a key of a Kisi user, if the user is known. Kisi's limit applies to the user, over all keys.
    pub fn for_user(&self, user: Option<i64>, key: SecretString) -> Client {
        let Some(user) = user else {
            return self.with_key(key);
        };
        let hash: [u8; 32] = Sha256::digest(key.expose_secret().as_bytes()).into();
        let of_key = self.pacer(RateLimitKey::Hash(hash));
        let mut pacers = self.pacers.lock().unwrap_or_else(PoisonError::into_inner);
        let pacer = pacers
            .entry(RateLimitKey::User(user))
            .or_insert(of_key)
            .clone();
        pacers.insert(RateLimitKey::Hash(hash), pacer.clone());
        drop(pacers);
        Client::new(self.base.clone(), key, pacer, self.http.clone()).observed(self.metrics.clone())
    }

    /// A client for a user's login. Keeps no hash of the login, because there are many logins.
    pub fn on_behalf(&self, user: i64, login: SecretString) -> Client {
        let pacer = self.pacer(RateLimitKey::User(user));
        Client::new(self.base.clone(), login, pacer, self.http.clone())
            .observed(self.metrics.clone())
    }

    /// Logs in by password and creates an API key.
    pub async fn log_in(&self, login: &Login) -> Result<ApiLogin, Error> {
        let hash: [u8; 32] = Sha256::digest(login.email.as_bytes()).into();
        log_in(
            self.base.clone(),
            self.http.clone(),
            self.pacer(RateLimitKey::Hash(hash)),
            login,
        )
        .await
    }

    /// What Kisi tells everybody about the organization of a log-in.
    pub async fn organization_of(&self, login: &Login) -> Result<PublicOrganization, Error> {
        let hash: [u8; 32] = Sha256::digest(login.email.as_bytes()).into();
        let pacer = self.pacer(RateLimitKey::Hash(hash));
        public_organization(self.base.clone(), self.http.clone(), pacer, &login.domain).await
    }

    fn pacer(&self, whose: RateLimitKey) -> Arc<Pacer> {
        let mut pacers = self.pacers.lock().unwrap_or_else(PoisonError::into_inner);
        pacers
            .entry(whose)
            .or_insert_with(|| Pacer::new(self.rate))
            .clone()
    }
}
