//! `latchkey webhook send`: signs a body by a signature scheme and sends it, so that a platform's engineer can test a source.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use clap::Subcommand;
use secrecy::SecretString;

use crate::{
    clock::{Clock, new_id},
    ingest::signature,
    kisi::HttpClient,
    store::{convert::kinds::stored, row::SignatureScheme},
};

#[derive(Debug, Subcommand)]
pub enum Webhook {
    /// Signs a body, sends it, and prints the response. Exit status 0 for a 2xx.
    Send {
        /// The URL of the source's webhook.
        #[arg(long)]
        url: String,
        /// The scheme in lower case with hyphens, for example standard-webhooks.
        #[arg(long)]
        scheme: String,
        /// The environment variable with the signing secret.
        #[arg(long, value_name = "VAR")]
        secret_env: String,
        /// The delivery's id; a new one by default.
        #[arg(long)]
        id: Option<String>,
        /// The file with the body.
        file: PathBuf,
    },
}

/// A server's response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Webhook {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Send {
            url,
            scheme,
            secret_env,
            id,
            file,
        } = self;
        let name = scheme.to_uppercase().replace('-', "_");
        let Some(scheme) = stored::<SignatureScheme>(&name) else {
            bail!(
                "--scheme is {scheme:?}; it must be standard-webhooks, svix, stripe, officernd, hub-sha256, mindbody, nexudus or pushpress"
            );
        };
        let secret = std::env::var(&secret_env).with_context(|| {
            format!("--secret-env: the environment variable {secret_env} is not set")
        })?;
        let body =
            std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let id = id.unwrap_or_else(|| format!("msg_{}", new_id().simple()));
        let Some(headers) =
            signature::sign(scheme, &secret.into(), &id, Clock::system().now(), &body)
        else {
            bail!(
                "cannot sign: this program cannot sign for this scheme, or the secret in {secret_env} is not valid for it"
            );
        };
        let answer = Sender::new()?.post(&url, &headers, body).await?;
        println!("{} {}", answer.status, answer.body);
        Ok(if (200..300).contains(&answer.status) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// Sends webhooks. Making one reads the certificates of the system, so senders of many webhooks make only one.
#[derive(Clone, Debug)]
pub struct Sender(HttpClient);

impl Sender {
    /// # Errors
    /// If the HTTP client cannot be built.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self(crate::kisi::http_client(Duration::from_secs(20))?))
    }

    /// Signs a body by Standard Webhooks and sends it.
    pub async fn send_signed(
        &self,
        url: &str,
        secret: &SecretString,
        id: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<Answer> {
        let now = Clock::system().now();
        let headers = signature::sign(SignatureScheme::StandardWebhooks, secret, id, now, &body);
        let headers = headers.context("the secret is not a signing secret")?;
        self.post(url, &headers, body).await
    }

    /// Sends a body with these headers.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> anyhow::Result<Answer> {
        let mut request = self
            .0
            .post(url)
            .header("content-type", "application/json")
            .body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("{url} does not answer"))?;
        let status = answer.status().as_u16();
        Ok(Answer {
            status,
            body: answer.text().await?,
        })
    }
}
