//! HTTP client for one platform's API: requests with time-outs, one at a time and no faster than the platform allows. A
//! response is JSON within the size limit, or an error. Follows no redirects, and logs neither queries nor responses.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};
use url::Url;

use super::failure::ReadError;
use crate::{
    http_client::{ExchangeError, Response, builder, exchange},
    proxy::Proxies,
    retry_after::retry_after,
};

const TIMEOUT: Duration = Duration::from_secs(30);
/// The size limit of a response, in bytes; a page of a hundred rows is smaller.
const LARGEST_ANSWER: usize = 32 << 20;
/// How often one page is requested while the platform answers 429.
const ATTEMPTS: u32 = 3;
/// The longest wait after a 429 within a reading.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The HTTP client that all platforms share.
///
/// # Errors
/// When TLS cannot be set up, as without any root certificates.
pub fn http_client(proxies: &Proxies) -> Result<reqwest::Client, reqwest::Error> {
    builder(proxies, TIMEOUT).build()
}

/// Where responses come from.
enum Transport {
    Http {
        http: reqwest::Client,
        base: Url,
        headers: HeaderMap,
    },
    /// Given beforehand, by path.
    Offline(Value),
}

/// One client of a platform's API.
pub struct Api {
    transport: Transport,
    /// The minimum time between two requests.
    pace: Duration,
    last: Mutex<Option<Instant>>,
    calls: AtomicU32,
}

impl Api {
    /// `headers` are sent with each request; their values are treated as secrets. `pace` is the minimum time between two
    /// requests.
    ///
    /// # Errors
    /// If a value has characters that are not allowed in a header.
    pub fn new(
        http: reqwest::Client,
        base: Url,
        headers: &[(&'static str, SecretString)],
        pace: Duration,
    ) -> Result<Self, ReadError> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let mut value = HeaderValue::try_from(value.expose_secret().trim())
                .map_err(|_| ReadError::Unauthorized)?;
            value.set_sensitive(true);
            all.insert(HeaderName::from_static(name), value);
        }
        let transport = Transport::Http {
            http,
            base,
            headers: all,
        };
        Ok(Self::over(transport, pace))
    }

    fn over(transport: Transport, pace: Duration) -> Self {
        Self {
            transport,
            pace,
            last: Mutex::new(None),
            calls: AtomicU32::new(0),
        }
    }

    /// A client that waits for nothing and sends nothing: the response to each request is the member of `responses` with its
    /// path, or the one called `*`. Without either, there is nothing at the path (404).
    pub fn offline(responses: Value) -> Self {
        Self::over(Transport::Offline(responses), Duration::ZERO)
    }

    /// How long the calls so far take at least, by the platform's limit.
    pub fn time_of_calls(&self) -> Duration {
        self.pace.saturating_mul(self.calls.load(Ordering::Relaxed))
    }

    /// Gets the JSON at a path below the base URL. Waits and tries again after a 429.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, ReadError> {
        self.request(path, query, None).await
    }

    /// Posts JSON to a path. Waits and tries again after a 429, which means that nothing was done.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ReadError> {
        self.request(path, &[], Some(body)).await
    }

    async fn request(
        &self,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value, ReadError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.request_once(path, query, body).await {
                Err(ReadError::RateLimited(after)) if tries < ATTEMPTS => {
                    let pause = after.unwrap_or(Duration::from_secs(5));
                    if pause > LONGEST_WAIT {
                        return Err(ReadError::RateLimited(Some(pause)));
                    }
                    tokio::time::sleep(pause).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn request_once(
        &self,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value, ReadError> {
        let (http, base, headers) = match &self.transport {
            Transport::Http {
                http,
                base,
                headers,
            } => (http, base, headers),
            Transport::Offline(responses) => {
                let given = responses.get(path).or_else(|| responses.get("*"));
                return given.cloned().ok_or_else(|| ReadError::Status {
                    path: path.to_owned(),
                    status: 404,
                });
            }
        };
        self.wait_for_pace().await;
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut url = base.clone();
        url.set_path(&format!(
            "{}/{}",
            url.path().trim_end_matches('/'),
            path.trim_start_matches('/')
        ));
        let request = match body {
            Some(body) => http.post(url).json(body),
            None => http.get(url),
        };
        let request = request.query(query).headers(headers.clone());
        let answer = exchange(request, LARGEST_ANSWER).await.map_err(|problem| {
            let path = path.to_owned();
            match problem {
                ExchangeError::NotSent(source) | ExchangeError::Lost { source, .. } => {
                    ReadError::Unreachable { path, source }
                }
                ExchangeError::TooLarge => ReadError::odd(&path, problem.to_string()),
            }
        })?;
        tracing::debug!(path, status = answer.status.as_u16(), "platform called");
        if !answer.status.is_success() {
            return Err(refusal(path, &answer));
        }
        serde_json::from_slice(&answer.body)
            .map_err(|_| ReadError::odd(path, "the response is not JSON"))
    }

    async fn wait_for_pace(&self) {
        let mut last = self.last.lock().await;
        if let Some(before) = *last {
            tokio::time::sleep_until(before + self.pace).await;
        }
        *last = Some(Instant::now());
    }
}

fn refusal(path: &str, answer: &Response) -> ReadError {
    let path = path.to_owned();
    match answer.status {
        StatusCode::UNAUTHORIZED => ReadError::Unauthorized,
        StatusCode::FORBIDDEN => ReadError::Forbidden { path },
        StatusCode::TOO_MANY_REQUESTS => {
            let header = |name: &'static str| answer.headers.get(name)?.to_str().ok();
            ReadError::RateLimited(retry_after(header))
        }
        other => ReadError::Status {
            path,
            status: other.as_u16(),
        },
    }
}
