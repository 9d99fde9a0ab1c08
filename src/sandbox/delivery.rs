//! Delivers events to the integrations that want them, signed as Kisi signs them: HMAC-SHA256 over the raw body in
//! `X-Signature`, where the integration has a key.
//!
//! Promises: each event once to each integration, in order; what nobody takes several times in a row switches the
//! integration off, as Kisi does. Started with the server.

use std::mem;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::Sandbox;
use super::rows::{Integration, Second};

/// After so many failures in a row an integration is switched off.
const MOST_FAILURES: u32 = 3;
const LOOK: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(5);

/// An event on its way.
#[derive(Debug)]
pub(super) struct Letter {
    integration: i64,
    url: String,
    body: Vec<u8>,
    signature: Option<String>,
}

impl Letter {
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
    // An error only says that there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
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
        tokio::time::sleep(LOOK).await;
    }
}

async fn send(client: &reqwest::Client, letter: Letter) -> bool {
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
    if row.failures >= MOST_FAILURES {
        row.enabled = false;
        row.disabled = Some(now);
    }
}
