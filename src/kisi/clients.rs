//! Makes clients that share a pacer for each key, so that whatever is done with a key, from wherever in the process, stays
//! below Kisi's limit together. Called by the loop, the connecting of an account and the unlock.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use super::{ApiLogin, Client, Error, Login, Pacer, client::http_client_through, log_in};
use crate::proxy::Proxies;

/// How long Kisi may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// No HTTP client could be made.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client could be made")]
pub struct NoClient(#[from] reqwest::Error);

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Clients {
    base: Url,
    rate: u32,
    http: reqwest::Client,
    pacers: Arc<Mutex<HashMap<Whose, Arc<Pacer>>>>,
}

/// Whose requests are counted together.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Whose {
    /// A key, or a person who logs in, as long as the Kisi user is not known.
    Hash([u8; 32]),
    /// A Kisi user, with whatever key.
    User(i64),
}

impl Clients {
    /// For Kisi at `base`, with `rate` requests a second for each key; `contact` is the e-mail address that Kisi is told.
    pub fn new(base: Url, rate: u32, contact: Option<&str>) -> Result<Self, NoClient> {
        Ok(Self {
            base,
            rate,
            http: http_client_through(&Proxies::from_environment(), PATIENCE, contact)?,
            pacers: Arc::default(),
        })
    }

    /// A client that acts by a key.
    pub fn with_key(&self, key: SecretString) -> Client {
        let hash: [u8; 32] = Sha256::digest(key.expose_secret().as_bytes()).into();
        let pacer = self.pacer(Whose::Hash(hash));
        Client::new(self.base.clone(), key, pacer, self.http.clone())
    }

    /// A client that acts by a key of a known Kisi user: Kisi's limit is the user's, over all keys.
    pub fn of_user(&self, user: Option<i64>, key: SecretString) -> Client {
        let Some(user) = user else {
            return self.with_key(key);
        };
        let hash: [u8; 32] = Sha256::digest(key.expose_secret().as_bytes()).into();
        let of_key = self.pacer(Whose::Hash(hash));
        let mut pacers = self.pacers.lock().unwrap_or_else(PoisonError::into_inner);
        let pacer = pacers.entry(Whose::User(user)).or_insert(of_key).clone();
        pacers.insert(Whose::Hash(hash), pacer.clone());
        drop(pacers);
        Client::new(self.base.clone(), key, pacer, self.http.clone())
    }

    /// A client that acts as a user by a login of that user: many have one, so no hash of it is kept.
    pub fn on_behalf(&self, user: i64, login: SecretString) -> Client {
        let pacer = self.pacer(Whose::User(user));
        Client::new(self.base.clone(), login, pacer, self.http.clone())
    }

    /// Logs in by password, which gives a key.
    pub async fn log_in(&self, login: &Login) -> Result<ApiLogin, Error> {
        let hash: [u8; 32] = Sha256::digest(login.email.as_bytes()).into();
        log_in(
            self.base.clone(),
            self.http.clone(),
            self.pacer(Whose::Hash(hash)),
            login,
        )
        .await
    }

    fn pacer(&self, whose: Whose) -> Arc<Pacer> {
        let mut pacers = self.pacers.lock().unwrap_or_else(PoisonError::into_inner);
        pacers
            .entry(whose)
            .or_insert_with(|| Pacer::new(self.rate))
            .clone()
    }
}
