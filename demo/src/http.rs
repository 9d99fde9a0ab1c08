//! Requests to the service.
//!
//! Contract: goes to this machine only, so never through a proxy; follows no redirect. Called by the
//! client of the API and by the senders of webhooks.

use std::time::Duration;

use anyhow::Context;

const TIMEOUT: Duration = Duration::from_secs(20);

/// The service's response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Http(reqwest::Client);

impl Http {
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> anyhow::Result<Self> {
        // Fails only when a provider is already installed, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build();
        Ok(Self(client.context("the HTTP client cannot be created")?))
    }

    /// Posts a JSON body.
    ///
    /// # Errors
    /// When there is no complete response.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> anyhow::Result<Answer> {
        let mut request = self
            .0
            .post(url)
            .header("content-type", "application/json")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("{url} does not answer"))?;
        Ok(Answer {
            status: answer.status().as_u16(),
            body: answer.text().await?,
        })
    }
}
