//! One exchange with Kisi: a turn, a request, an answer that is judged.
//!
//! Promises: nothing is sent without a turn, nothing is sent twice, and what is returned as a
//! success is JSON or empty. Must never log a body, a query or a secret: the shape of a path stands
//! in for it. The other files of this module build calls on it, one file a part of the API.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, redirect, retry};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::call::{Answer, Call, Raw, exchange};
use super::error::Error;
use super::pacer::{Lane, Pacer};
use super::refusal;
use crate::{proxy::Proxies, retry_after::retry_after};

/// The stop after a 429 that names no time: by then the second that Kisi counts over has passed.
const UNNAMED_STOP: Duration = Duration::from_secs(1);

/// Kisi as one of its users sees it. Cheap to clone; clones share the connection, the key and the
/// pacer.
#[derive(Clone)]
pub struct Client {
    account: Arc<Account>,
    lane: Lane,
    guard: Option<Guard>,
}

/// Asked when a call's turn has come, right before it is sent: whether it still may be.
pub type Guard = Arc<dyn Fn() -> bool + Send + Sync>;

struct Account {
    base: Url,
    secret: Option<SecretString>,
    pacer: Arc<Pacer>,
    http: reqwest::Client,
    told_of_sunset: AtomicBool,
}

/// The HTTP client for all Kisi accounts, without a contact. `timeout` is for a whole call, a third of it (5 s at
/// most) for the connection. Installs ring as the process's TLS provider unless there is one
/// already.
///
/// # Errors
/// When TLS cannot be set up, as without any root certificates.
pub fn http_client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    http_client_through(&Proxies::from_environment(), timeout, None)
}

/// The same, through given proxies, and naming the e-mail address of whoever runs this service: Kisi writes there where its
/// calls cause trouble.
pub(super) fn http_client_through(
    proxies: &Proxies,
    timeout: Duration,
    contact: Option<&str>,
) -> Result<reqwest::Client, reqwest::Error> {
    // An error only says that there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let json = HeaderValue::from_static("application/json");
    let mut headers = HeaderMap::from_iter([
        (ACCEPT, json.clone()),
        (CONTENT_TYPE, json),
        (
            HeaderName::from_static("x-kisi-integration-identifier"),
            HeaderValue::from_static("Latchkey"),
        ),
    ]);
    // What no header can bear is no address, which the setting sees to.
    if let Some(contact) = contact.and_then(|address| HeaderValue::try_from(address).ok()) {
        headers.insert("x-kisi-integration-contact", contact);
    }
    proxies
        .apply(reqwest::Client::builder())
        .timeout(timeout)
        .connect_timeout((timeout / 3).min(Duration::from_secs(5)))
        // A connection that the other side closes while it idles makes the next call's outcome
        // unknown.
        .pool_idle_timeout(Duration::from_secs(20))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .build()
}

impl Client {
    /// A client for the user whose API key or login `secret` is; `pacer` must be the one of that
    /// Kisi user. Its calls wait in the lane `Rest` until [`Client::in_lane`] says otherwise. Sends
    /// nothing yet.
    pub fn new(base: Url, secret: SecretString, pacer: Arc<Pacer>, http: reqwest::Client) -> Self {
        Self::with(base, Some(secret), pacer, http)
    }

    pub(super) fn with(
        base: Url,
        secret: Option<SecretString>,
        pacer: Arc<Pacer>,
        http: reqwest::Client,
    ) -> Self {
        let told_of_sunset = AtomicBool::new(false);
        let account = Arc::new(Account {
            base,
            secret,
            pacer,
            http,
            told_of_sunset,
        });
        Self {
            account,
            lane: Lane::Rest,
            guard: None,
        }
    }

    /// The same client, whose calls wait in this lane.
    pub fn in_lane(&self, lane: Lane) -> Client {
        Self {
            account: Arc::clone(&self.account),
            lane,
            guard: self.guard.clone(),
        }
    }

    /// The same client, which sends nothing once the guard says no.
    pub fn guarded(&self, guard: Guard) -> Client {
        Self {
            account: Arc::clone(&self.account),
            lane: self.lane,
            guard: Some(guard),
        }
    }

    /// Sends the call once and judges the answer.
    pub(super) async fn perform(&self, call: Call) -> Result<Answer, Error> {
        let authorization = self.authorization()?;
        let Call {
            method,
            shape,
            path,
            query,
            body,
        } = call;
        let mut url = self.account.base.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        let mut request = self.account.http.request(method.clone(), url).query(&query);
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(body) = &body {
            request = request.json(body);
        }

        let turn = self.account.pacer.turn(self.lane).await;
        if self.guard.as_ref().is_some_and(|may_send| !may_send()) {
            return Err(Error::Withheld);
        }
        let started = Instant::now();
        let outcome = exchange(request).await;
        drop(turn);
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let status = outcome.as_ref().ok().map(|raw| raw.status.as_u16());
        tracing::debug!(%method, path = shape, status, duration_ms, "kisi call");

        let raw = outcome?;
        self.tell_of_sunset(shape, &raw.headers);
        if !raw.status.is_success() {
            return Err(self.refusal(&raw, shape));
        }
        let json = match raw.body.trim_ascii() {
            [] => None,
            body => {
                Some(serde_json::from_slice(body).map_err(|_| Error::unknown("it is not JSON"))?)
            }
        };
        Ok(Answer {
            headers: raw.headers,
            json,
        })
    }

    /// The one object that the call answers with.
    pub(super) async fn one<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let (of_write, shape) = (call.method != Method::GET, call.shape);
        let json = self.perform(call).await?.json.unwrap_or(Value::Null);
        // The parser's own words may quote the body.
        serde_json::from_value(json).map_err(|_| Error::Malformed {
            what: format!("{shape} answers with something else"),
            of_write,
        })
    }

    /// A call whose answer says no more than that it is done.
    pub(super) async fn done(&self, call: Call) -> Result<(), Error> {
        self.perform(call).await.map(drop)
    }

    /// A deletion; what is gone already is done.
    pub(super) async fn delete(&self, call: Call) -> Result<(), Error> {
        match self.done(call).await {
            Err(error) if error.says_gone() => Ok(()),
            outcome => outcome,
        }
    }

    fn refusal(&self, raw: &Raw, shape: &str) -> Error {
        let after = retry_after(|name| raw.headers.get(name)?.to_str().ok());
        let refusal =
            refusal::of_status(raw.status, &raw.body, after, shape == super::setup::UNLOCK);
        if let Error::RateLimited { after } = &refusal {
            self.account.pacer.stop_for(after.unwrap_or(UNNAMED_STOP));
        }
        refusal
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, Error> {
        let Some(secret) = &self.account.secret else {
            return Ok(None);
        };
        let value = format!("KISI-LOGIN {}", secret.expose_secret().trim());
        let mut value = HeaderValue::try_from(value).map_err(|_| Error::Unauthorized {
            code: None,
            message: "the key bears characters that no Kisi key has".to_owned(),
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn tell_of_sunset(&self, shape: &str, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (deprecation, sunset) = (text("deprecation"), text("sunset"));
        let announced = deprecation.is_some() || sunset.is_some();
        if announced && !self.account.told_of_sunset.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                path = shape,
                deprecation,
                sunset,
                "kisi is going to remove a call"
            );
        }
    }
}
