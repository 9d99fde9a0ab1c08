//! Sends one call to Kisi: waits for a turn, sends the request, maps the response to a result.
//!
//! Contract: every request takes a turn and is sent at most once; a success is JSON or empty.
//! Never logs a body, a query or a secret, only the path template. The other files of this module
//! build the calls, one file per part of the API.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::call::{Answer, Call, LARGEST_ANSWER, UNLOCK};
use super::error::Error;
use super::pacer::{Lane, Pacer};
use super::refusal;
use crate::{
    http_client::{self, Response},
    metrics::KisiCallMetrics,
    proxy::Proxies,
    retry_after::retry_after,
    traces::Trace,
};

/// The pause after a 429 without `Retry-After`: Kisi counts requests over one second.
const UNNAMED_STOP: Duration = Duration::from_secs(1);

/// How often a read that a patient client sends is repeated after a 429, and the longest pause that it waits for. Together they
/// bound the time that a person waits.
const REPEATS: u32 = 3;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A client that acts as one Kisi user. Cheap to clone; clones share the connection, the key and
/// the pacer.
#[derive(Clone)]
pub struct Client {
    account: Arc<Account>,
    lane: Lane,
    guard: Option<Guard>,
    is_patient: bool,
    metrics: Option<KisiCallMetrics>,
    trace: Option<Trace>,
}

/// Called when a call has its turn, right before it is sent; `false` cancels the call.
pub type Guard = Arc<dyn Fn() -> bool + Send + Sync>;

struct Account {
    base: Url,
    secret: Option<SecretString>,
    pacer: Arc<Pacer>,
    http: reqwest::Client,
    sunset_warned: AtomicBool,
}

/// The HTTP client for all Kisi accounts, without a contact header. `timeout` is for a whole call.
///
/// # Errors
/// When TLS cannot be set up, for example without root certificates.
pub fn http_client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    http_client_through(&Proxies::from_environment(), timeout, None)
}

/// As [`http_client()`], with the given proxies and the operator's e-mail address as contact: Kisi writes to it when the calls
/// cause trouble.
pub(super) fn http_client_through(
    proxies: &Proxies,
    timeout: Duration,
    contact: Option<&str>,
) -> Result<reqwest::Client, reqwest::Error> {
    let json = HeaderValue::from_static("application/json");
    let mut headers = HeaderMap::from_iter([
        (ACCEPT, json.clone()),
        (CONTENT_TYPE, json),
        (
            HeaderName::from_static("x-kisi-integration-identifier"),
            HeaderValue::from_static("Latchkey"),
        ),
    ]);
    // The configuration checks the address; one that is no valid header value is left out.
    if let Some(contact) = contact.and_then(|address| HeaderValue::try_from(address).ok()) {
        headers.insert("x-kisi-integration-contact", contact);
    }
    http_client::builder(proxies, timeout)
        // If Kisi closes an idle connection, the outcome of the next call on it is unknown.
        .pool_idle_timeout(Duration::from_secs(20))
        .default_headers(headers)
        .build()
}

impl Client {
    /// A client for the user that owns `secret` (an API key or login); `pacer` must be the one of
    /// that Kisi user. Its calls wait in the lane `Rest`; [`Client::in_lane`] changes that. Sends
    /// nothing.
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
            sunset_warned: told_of_sunset,
        });
        Self {
            account,
            lane: Lane::Rest,
            guard: None,
            is_patient: false,
            metrics: None,
            trace: None,
        }
    }

    /// The same client; its calls are counted.
    pub(super) fn observed(self, metrics: Option<KisiCallMetrics>) -> Client {
        Self { metrics, ..self }
    }

    /// The same client; its calls wait in this lane.
    pub fn in_lane(&self, lane: Lane) -> Client {
        Self {
            lane,
            ..self.clone()
        }
    }

    /// The same client; its calls are spans of this trace.
    pub fn traced(self, trace: Option<Trace>) -> Client {
        Self { trace, ..self }
    }

    /// The same client; a call fails with [`Error::Withheld`] when the guard returns `false`.
    pub fn guarded(&self, guard: Guard) -> Client {
        Self {
            guard: Some(guard),
            ..self.clone()
        }
    }

    /// The same client for somebody who waits for the answer: a read that Kisi's rate limit refuses is sent again after the
    /// pause, if that is short. The loop has its own retries.
    pub fn patient(&self) -> Client {
        Self {
            is_patient: true,
            ..self.clone()
        }
    }

    /// Sends the call and maps the response to a result. Sends it once, unless the client is patient.
    pub(super) async fn send_raw(&self, call: Call) -> Result<Answer, Error> {
        let mut repeats = 0;
        loop {
            let limited = match self.send_once(&call).await {
                Err(Error::RateLimited { after }) => after,
                outcome => return outcome,
            };
            let may_wait = limited.unwrap_or(UNNAMED_STOP) <= LONGEST_PAUSE;
            if !self.is_patient || call.method != Method::GET || !may_wait || repeats == REPEATS {
                return Err(Error::RateLimited { after: limited });
            }
            repeats += 1;
        }
    }

    async fn send_once(&self, call: &Call) -> Result<Answer, Error> {
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
        let mut request = self.account.http.request(method.clone(), url).query(query);
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }

        let asked = Instant::now();
        let turn = self.account.pacer.turn(self.lane).await;
        if self.guard.as_ref().is_some_and(|may_send| !may_send()) {
            return Err(Error::Withheld);
        }
        let started = Instant::now();
        let span = self.trace.as_ref().map(|trace| {
            let name = format!("kisi {method} {shape}");
            let span = trace.call(&name, trace.now());
            span.with("http.request.method", method.as_str())
                .with("url.template", *shape)
        });
        let outcome = http_client::exchange(request, LARGEST_ANSWER).await;
        drop(turn);
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let status = outcome.as_ref().ok().map(|raw| raw.status.as_u16());
        tracing::debug!(%method, path = shape, status, duration_ms, "kisi call");
        if let Some(span) = span {
            let has_failed = !status.is_some_and(|status| (200..300).contains(&status));
            let code = i64::from(status.unwrap_or(0));
            let span = span.with_number("http.response.status_code", code);
            span.failed(has_failed).end();
        }
        if let Some(metrics) = &self.metrics {
            metrics.called(status, started.duration_since(asked), started.elapsed());
        }

        let raw = outcome?;
        self.warn_of_sunset(shape, &raw.headers);
        if !raw.status.is_success() {
            return Err(self.refusal(&raw, shape));
        }
        let json = match raw.body.trim_ascii() {
            [] => None,
            body => Some(
                serde_json::from_slice(body)
                    .map_err(|_| Error::unknown("the response is not JSON"))?,
            ),
        };
        Ok(Answer {
            headers: raw.headers,
            json,
        })
    }

    /// Sends the call and decodes the object in the response.
    pub(super) async fn send_and_decode<T: DeserializeOwned>(
        &self,
        call: Call,
    ) -> Result<T, Error> {
        let (of_write, shape) = (call.method != Method::GET, call.shape);
        let json = self.send_raw(call).await?.json.unwrap_or(Value::Null);
        // The parser's message is left out because it may quote the body.
        serde_json::from_value(json).map_err(|_| Error::Malformed {
            what: format!("{shape} has an unexpected response body"),
            of_write,
        })
    }

    /// Sends the call and ignores the response body.
    pub(super) async fn send(&self, call: Call) -> Result<(), Error> {
        self.send_raw(call).await.map(drop)
    }

    /// Sends a deletion; succeeds if the object is already gone.
    pub(super) async fn delete(&self, call: Call) -> Result<(), Error> {
        match self.send(call).await {
            Err(error) if error.is_object_missing() => Ok(()),
            outcome => outcome,
        }
    }

    fn refusal(&self, raw: &Response, shape: &str) -> Error {
        let after = retry_after(|name| raw.headers.get(name)?.to_str().ok());
        let refusal = refusal::of_status(raw.status, &raw.body, after, shape == UNLOCK);
        if let Error::RateLimited { after } = &refusal {
            self.account.pacer.pause_for(after.unwrap_or(UNNAMED_STOP));
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
            message: "the key contains characters that no Kisi key has".to_owned(),
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn warn_of_sunset(&self, shape: &str, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (deprecation, sunset) = (text("deprecation"), text("sunset"));
        let announced = deprecation.is_some() || sunset.is_some();
        if announced && !self.account.sunset_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                path = shape,
                deprecation,
                sunset,
                "Kisi announced the removal of an API call that Latchkey uses"
            );
        }
    }
}
