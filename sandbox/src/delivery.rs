//! Delivers events to the subscribed integrations, signed like Kisi's: HMAC-SHA256 over the raw body in `X-Signature`, if the
//! integration has a key.
//!
//! Contract: each event is sent once to each integration, in order; after several consecutive failures an integration is
//! disabled, as in Kisi. Started with the server.

use std::mem;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::Sandbox;
use super::rows::{Integration, Second};

/// After this many consecutive failures an integration is disabled.
const MAX_FAILURES: u32 = 3;
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const TIMEOUT: Duration = Duration::from_secs(5);

/// An event for one integration, ready to be sent.
#[derive(Debug)]
pub(super) struct SentEvent {
    integration: i64,
    url: String,
    body: Vec<u8>,
    signature: Option<String>,
}

impl SentEvent {
    pub(super) fn new(id: i64, integration: &Integration, event: &Value) -> Self {
        let body = event.to_string().into_bytes();
        let signed = |key: &String| {
            let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
            let mac = mac.chain_update(&body).finalize();
            Some(format!("sha256={}", hex::encode(mac.into_bytes())))
        };
        Self {
            integration: id,
            url: integration.url.clone(),
            signature: integration.signature_key.as_ref().and_then(signed),
            body,
        }
    }
}

/// Delivers until the server ends.
pub(super) async fn run(sandbox: Sandbox) {
    // Fails only when a provider is already installed, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build();
    let Ok(client) = client else { return };
    loop {
        let letters = mem::take(&mut sandbox.state().outbox);
        for letter in letters {
            let integration = letter.integration;
            let taken = send(&client, letter).await;
            note(&sandbox, integration, taken);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn send(client: &reqwest::Client, letter: SentEvent) -> bool {
    let mut request = client
        .post(letter.url)
        .header("content-type", "application/json")
        .body(letter.body);
    if let Some(signature) = letter.signature {
        request = request.header("x-signature", signature);
    }
    let answer = request.send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

fn note(sandbox: &Sandbox, integration: i64, taken: bool) {
    let now = Second::of(sandbox.now());
    let state = &mut *sandbox.state();
    let Some(row) = state.integrations.get_mut(integration) else {
        return;
    };
    row.failures = if taken { 0 } else { row.failures + 1 };
    if row.failures >= MAX_FAILURES {
        row.enabled = false;
        row.disabled = Some(now);
    }
}
