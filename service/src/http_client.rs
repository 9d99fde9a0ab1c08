//! The base of every HTTP client for other systems: TLS, proxies, time-outs, no redirects, nothing sent twice by itself, and a
//! limit on the size of responses. Kisi's client and the platforms' one give the errors their own meaning.

use std::time::Duration;

use reqwest::{ClientBuilder, RequestBuilder, StatusCode, header::HeaderMap, redirect, retry};

use crate::proxy::Proxies;

/// A builder with what all clients have in common. `timeout` is for a whole request, a third of it (5 s at most) for connecting.
/// Installs ring as the process's TLS provider if none is installed.
pub fn builder(proxies: &Proxies, timeout: Duration) -> ClientBuilder {
    // Fails only when a provider is already installed, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    proxies
        .apply(reqwest::Client::builder())
        .timeout(timeout)
        .connect_timeout((timeout / 3).min(Duration::from_secs(5)))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")))
}

/// The HTTP client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct ClientError(#[from] reqwest::Error);

/// A response of any status.
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// No usable response came. The messages contain no URL, because a query may contain an e-mail address.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// No connection: the request was not sent.
    #[error("no connection")]
    NotSent(#[source] reqwest::Error),
    /// The request may have been sent, and its outcome is unknown.
    #[error("{reason}")]
    Lost {
        reason: &'static str,
        #[source]
        source: reqwest::Error,
    },
    #[error("the response is too large")]
    TooLarge,
}

impl From<reqwest::Error> for ExchangeError {
    fn from(source: reqwest::Error) -> Self {
        let source = source.without_url();
        if source.is_connect() || source.is_builder() {
            return Self::NotSent(source);
        }
        let reason = if source.is_timeout() {
            "the response timed out"
        } else if source.is_body() || source.is_decode() {
            "the response broke off"
        } else {
            "the connection was closed"
        };
        Self::Lost { reason, source }
    }
}

/// Sends a request and reads the beginning of its response, `most` bytes at most.
pub async fn exchange_beginning(
    request: RequestBuilder,
    most: usize,
) -> Result<Response, ExchangeError> {
    let mut response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while body.len() < most
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(most);
    Ok(Response {
        status,
        headers,
        body,
    })
}

/// Sends a request and reads its response to the end, `largest` bytes at most.
pub async fn exchange(request: RequestBuilder, largest: usize) -> Result<Response, ExchangeError> {
    let response = exchange_beginning(request, largest.saturating_add(1)).await?;
    if response.body.len() > largest {
        return Err(ExchangeError::TooLarge);
    }
    Ok(response)
}
