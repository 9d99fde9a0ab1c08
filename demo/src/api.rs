//! A client of the service: GraphQL with a token, and signed webhooks.
//!
//! Contract: GraphQL errors, user errors and deliveries that do not settle in time are returned as
//! errors. Uses only the public interfaces. Called by the steps of the story and by the setup of the
//! club.

use std::time::Duration;

use anyhow::{Context, bail};
use latchkey_sandbox::Sandbox;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    Service,
    http::{Answer, Http},
    signature::sign,
};

/// How long a delivery may take to settle.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// The platform's side of a source: sends its webhooks.
pub struct Sender {
    pub name: String,
    pub id: String,
    url: String,
    secret: SecretString,
    http: Http,
    sandbox: Sandbox,
}

impl Sender {
    /// A sender with the same URL and another secret.
    pub fn forger(&self, secret: SecretString) -> Self {
        Self {
            name: self.name.clone(),
            id: self.id.clone(),
            url: self.url.clone(),
            secret,
            http: self.http.clone(),
            sandbox: self.sandbox.clone(),
        }
    }

    /// Signs and sends an event.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn send(&self, id: &str, event: &Value) -> anyhow::Result<Answer> {
        let body = serde_json::to_vec(event)?;
        let headers = sign(&self.secret, id, self.sandbox.now(), &body)?;
        self.http.post(&self.url, &headers, body).await
    }
}

/// A GraphQL client with a token.
pub struct Api {
    base: String,
    token: SecretString,
    http: Http,
    sandbox: Sandbox,
}

impl Api {
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(service: &Service) -> anyhow::Result<Self> {
        Ok(Self {
            base: service.address.clone(),
            token: service.token.clone(),
            http: Http::new()?,
            sandbox: service.sandbox.clone(),
        })
    }

    /// Runs a document and returns the response's `data`.
    ///
    /// # Errors
    /// When there is no response, or one with errors.
    pub async fn query(&self, document: &str, variables: Value) -> anyhow::Result<Value> {
        let url = format!("{}/graphql", self.base);
        let headers = [(
            "authorization",
            format!("Bearer {}", self.token.expose_secret()),
        )];
        let body = serde_json::to_vec(&json!({ "query": document, "variables": variables }))?;
        let answer = self.http.post(&url, &headers, body).await?;
        let mut body: Value = serde_json::from_str(&answer.body)
            .with_context(|| format!("GraphQL answered {} without JSON", answer.status))?;
        if let Some(fault) = body.pointer("/errors/0/message") {
            bail!("GraphQL answered: {fault}");
        }
        Ok(body.get_mut("data").map(Value::take).unwrap_or_default())
    }

    /// Runs a document with one mutation and returns its payload.
    ///
    /// # Errors
    /// As `ask`, and when the payload has a user error.
    pub async fn mutate(&self, document: &str, variables: Value) -> anyhow::Result<Value> {
        let data = self.query(document, variables).await?;
        let Some((name, payload)) = data.as_object().and_then(|fields| fields.iter().next()) else {
            bail!("GraphQL answered without a payload");
        };
        if let Some(fault) = payload.pointer("/userErrors/0/message") {
            bail!("{name}: {fault}");
        }
        Ok(payload.clone())
    }

    /// Creates a source and returns its sender.
    ///
    /// # Errors
    /// As `change`.
    pub async fn source(&self, name: &str, platform: &str) -> anyhow::Result<Sender> {
        const MUTATION: &str = "mutation($input: CreateSourceInput!) { createSource(input: $input) \
            { source { id webhookPath } secret userErrors { message } } }";
        let input = json!({ "input": { "name": name, "platform": platform } });
        let made = self.mutate(MUTATION, input).await?;
        Ok(Sender {
            name: name.to_owned(),
            id: text(&made, "/source/id")?,
            url: format!("{}{}", self.base, text(&made, "/source/webhookPath")?),
            secret: text(&made, "/secret")?.into(),
            http: self.http.clone(),
            sandbox: self.sandbox.clone(),
        })
    }

    /// Waits until a delivery is settled: Kisi has everything that follows from it.
    ///
    /// # Errors
    /// When that takes more than ten seconds, or the delivery gets another status.
    pub async fn wait_until_settled(&self, delivery: &str) -> anyhow::Result<()> {
        const QUERY: &str = "query($id: ID!) { node(id: $id) \
            { ... on Delivery { status settledAt problem } } }";
        let started = Instant::now();
        loop {
            let data = self.query(QUERY, json!({ "id": delivery })).await?;
            if data
                .pointer("/node/settledAt")
                .is_some_and(|at| !at.is_null())
            {
                return Ok(());
            }
            let status = text(&data, "/node/status")?;
            if status != "ACCEPTED" {
                let problem = data.pointer("/node/problem").unwrap_or(&Value::Null);
                bail!("the delivery is {status}: {problem}");
            }
            if started.elapsed() > PATIENCE {
                bail!("expected the delivery to settle in {PATIENCE:?}; it is still {status}");
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// The text at a JSON pointer.
///
/// # Errors
/// When there is no text at the pointer.
pub fn text(value: &Value, pointer: &str) -> anyhow::Result<String> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    Ok(text
        .with_context(|| format!("expected {pointer} in the answer; it was {value}"))?
        .to_owned())
}
