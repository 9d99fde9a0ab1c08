//! The service as a stranger sees it: GraphQL with a token, and webhooks with a signature.
//!
//! Promises: whatever is not as it should be, a fault, a user error, a delivery that does not
//! settle in time, is an error that says so. Must never touch the service's inside. Called by the
//! steps of the story and by what sets the club up.

use std::time::Duration;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    cli::webhook::{Answer, post, send_signed},
    clock::Clock,
};

/// How long a delivery may take until Kisi holds what follows from it.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// A platform's end of a source.
pub struct Sender {
    /// The source's name.
    pub name: String,
    /// The source's id.
    pub id: String,
    url: String,
    secret: SecretString,
}

impl Sender {
    /// One who knows the address, but not the secret.
    pub fn forger(&self, secret: SecretString) -> Self {
        Self {
            name: self.name.clone(),
            id: self.id.clone(),
            url: self.url.clone(),
            secret,
        }
    }

    /// Signs and sends an event.
    ///
    /// # Errors
    /// Where the service does not answer.
    pub async fn send(&self, id: &str, event: &Value) -> anyhow::Result<Answer> {
        send_signed(&self.url, &self.secret, id, serde_json::to_vec(event)?).await
    }
}

/// A caller with a token.
pub struct Api {
    base: String,
    token: SecretString,
    clock: Clock,
}

impl Api {
    /// For the service at an address without a slash behind it.
    pub fn new(base: String, token: SecretString, clock: Clock) -> Self {
        Self { base, token, clock }
    }

    /// What time it is.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The data of an answer.
    ///
    /// # Errors
    /// Where there is no answer, or one with errors.
    pub async fn ask(&self, document: &str, variables: Value) -> anyhow::Result<Value> {
        let url = format!("{}/graphql", self.base);
        let headers = [(
            "authorization",
            format!("Bearer {}", self.token.expose_secret()),
        )];
        let body = serde_json::to_vec(&json!({ "query": document, "variables": variables }))?;
        let answer = post(&url, &headers, body).await?;
        let mut body: Value = serde_json::from_str(&answer.body)
            .with_context(|| format!("GraphQL answered {} without JSON", answer.status))?;
        if let Some(fault) = body.pointer("/errors/0/message") {
            bail!("GraphQL answered: {fault}");
        }
        Ok(body.get_mut("data").map(Value::take).unwrap_or_default())
    }

    /// The payload of a document with one mutation.
    ///
    /// # Errors
    /// As `ask`, and where the payload bears a user error.
    pub async fn change(&self, document: &str, variables: Value) -> anyhow::Result<Value> {
        let data = self.ask(document, variables).await?;
        let Some((name, payload)) = data.as_object().and_then(|fields| fields.iter().next()) else {
            bail!("GraphQL answered without a payload");
        };
        if let Some(fault) = payload.pointer("/userErrors/0/message") {
            bail!("{name}: {fault}");
        }
        Ok(payload.clone())
    }

    /// Makes a source, and its sender.
    ///
    /// # Errors
    /// As `change`.
    pub async fn source(&self, name: &str, platform: &str) -> anyhow::Result<Sender> {
        const MUTATION: &str = "mutation($input: CreateSourceInput!) { createSource(input: $input) \
            { source { id webhookPath } secret userErrors { message } } }";
        let input = json!({ "input": { "name": name, "platform": platform } });
        let made = self.change(MUTATION, input).await?;
        Ok(Sender {
            name: name.to_owned(),
            id: text(&made, "/source/id")?,
            url: format!("{}{}", self.base, text(&made, "/source/webhookPath")?),
            secret: text(&made, "/secret")?.into(),
        })
    }

    /// Waits until Kisi holds what follows from a delivery.
    ///
    /// # Errors
    /// Where that takes more than ten seconds, or the delivery went another way.
    pub async fn settled(&self, delivery: &str) -> anyhow::Result<()> {
        const QUERY: &str = "query($id: ID!) { node(id: $id) \
            { ... on Delivery { status settledAt problem } } }";
        let deadline = self.clock.now().plus(PATIENCE);
        loop {
            let data = self.ask(QUERY, json!({ "id": delivery })).await?;
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
            if self.clock.now() > deadline {
                bail!("expected the delivery to settle in {PATIENCE:?}; it is still {status}");
            }
            self.clock.sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// The text at a JSON pointer.
///
/// # Errors
/// Where there is none.
pub fn text(value: &Value, pointer: &str) -> anyhow::Result<String> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    Ok(text
        .with_context(|| format!("expected {pointer} in the answer; it was {value}"))?
        .to_owned())
}
