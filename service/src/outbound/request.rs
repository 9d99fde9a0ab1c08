//! One request to an endpoint: signs the message, sends it, and tells what became of it.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, StatusCode, header::CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::Webhook;

use super::address::{self, PrivateHost, PublicResolver};
use crate::{
    config::Config,
    http_client::{self, ClientError, ExchangeError},
    proxy::Proxies,
    retry_after,
    secret::{Sealer, SecretError, SecretKind},
    store::row::{WebhookEndpoint, WebhookMessage},
};

/// How long a whole request may take. Below the time that `serve` has to stop.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// How much of a response is read, in bytes.
const MAX_RESPONSE: usize = 4 * 1024;
/// How much of a response is stored, in characters.
pub const MAX_RESPONSE_CHARS: usize = 500;

/// Sends messages to the endpoints of all clubs.
#[derive(Clone)]
pub struct Sender {
    client: Client,
    allow_private: bool,
    /// The hosts of the proxies in the environment, which are private as a rule.
    proxies: Arc<[String]>,
}

impl Sender {
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new(config: &Config) -> Result<Self, ClientError> {
        Self::with(
            &Proxies::from_environment(),
            config.webhook_private_addresses,
        )
    }

    pub fn with(environment: &Proxies, allow_private: bool) -> Result<Self, ClientError> {
        let proxies: Arc<[String]> = environment.hosts().into();
        let mut builder = http_client::builder(environment, TIMEOUT);
        if !allow_private {
            builder = builder.dns_resolver(PublicResolver {
                proxies: proxies.clone(),
            });
        }
        Ok(Self {
            client: builder.build()?,
            allow_private,
            proxies,
        })
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Verdict,
    pub status: Option<u16>,
    /// Why it failed, for people.
    pub problem: Option<String>,
    /// The beginning of the response.
    pub response: Option<String>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// To be repeated, not before this pause.
    Failed(Option<Duration>),
    /// The endpoint wants no messages any more.
    Gone,
}

/// Signs a message with the endpoint's secrets at `now`, in microseconds since 1970: with both, while the old one is valid.
///
/// # Errors
/// If the encryption key does not decrypt a secret.
pub fn sign(
    sealer: &Sealer,
    endpoint: &WebhookEndpoint,
    message: &WebhookMessage,
    now: i64,
) -> Result<String, SecretError> {
    let mut secrets =
        vec![sealer.open(SecretKind::EndpointSecret, endpoint.id, &endpoint.secret)?];
    if let Some(old) = &endpoint.old_secret
        && endpoint.old_secret_until.is_some_and(|until| now < until)
    {
        secrets.push(sealer.open(SecretKind::OldEndpointSecret, endpoint.id, old)?);
    }
    let sign = |secret: &SecretString| {
        let webhook = Webhook::new(secret.expose_secret()).ok()?;
        webhook
            .sign(
                &message_id(message),
                now / 1_000_000,
                message.body.as_bytes(),
            )
            .ok()
    };
    let signatures: Option<Vec<String>> = secrets.iter().map(sign).collect();
    signatures
        .map(|all| all.join(" "))
        .ok_or(SecretError::Unreadable)
}

/// The header `webhook-id`: the same in every attempt, so that a receiver recognises a repetition.
pub fn message_id(message: &WebhookMessage) -> String {
    format!("msg_{}", message.id.simple())
}

/// A request that was not sent.
pub fn not_sent(problem: impl Into<String>) -> Outcome {
    Outcome {
        verdict: Verdict::Failed(None),
        status: None,
        problem: Some(problem.into()),
        response: None,
    }
}

impl Sender {
    /// Sends a signed message.
    pub async fn send(
        &self,
        endpoint: &WebhookEndpoint,
        message: &WebhookMessage,
        (signature, now): (&str, i64),
    ) -> Outcome {
        // The setting may have changed since the URL was stored, and an address in a URL is not resolved.
        let url = match address::parse(&endpoint.url, self.allow_private) {
            Ok(url) => url,
            Err(problem) => return not_sent(format!("the URL of the endpoint {problem}")),
        };
        let is_proxy = url
            .host_str()
            .is_some_and(|host| self.proxies.iter().any(|it| it == host));
        if is_proxy && !self.allow_private {
            return not_sent("the URL of the endpoint leads to the proxy of this service");
        }
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", message_id(message))
            .header("webhook-timestamp", now / 1_000_000)
            .header("webhook-signature", signature)
            .body(message.body.clone());
        match http_client::exchange_beginning(request, MAX_RESPONSE).await {
            Ok(response) => of_response(&response),
            Err(error) => not_sent(words(&error)),
        }
    }
}

fn of_response(response: &http_client::Response) -> Outcome {
    let status = response.status;
    let header = |name| response.headers.get(name)?.to_str().ok();
    let (verdict, problem) = if status.is_success() {
        (Verdict::Delivered, None)
    } else if status == StatusCode::GONE {
        let problem = "the endpoint answered 410 Gone, which ends the messages to it".to_owned();
        (Verdict::Gone, Some(problem))
    } else {
        let redirect = status.is_redirection();
        let hint = if redirect {
            "; redirects are not followed: set the URL that it redirects to"
        } else {
            ""
        };
        let pause = retry_after::retry_after(header);
        let problem = format!("the endpoint answered {status}{hint}");
        (Verdict::Failed(pause), Some(problem))
    };
    let text: String = String::from_utf8_lossy(&response.body)
        .chars()
        // PostgreSQL cannot store NUL.
        .filter(|letter| *letter != '\0')
        .take(MAX_RESPONSE_CHARS)
        .collect();
    Outcome {
        verdict,
        status: Some(status.as_u16()),
        problem,
        response: (!text.is_empty()).then_some(text),
    }
}

fn words(error: &ExchangeError) -> String {
    if is_private(error) {
        return "the host has no public address; the operator can allow private ones with webhook_private_addresses"
            .to_owned();
    }
    let mut text = error.to_string();
    if let ExchangeError::NotSent(source) = error {
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(source);
        while let Some(inner) = cause {
            text = format!("no connection: {inner}");
            cause = inner.source();
        }
    }
    text
}

fn is_private(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.is::<PrivateHost>())
}
