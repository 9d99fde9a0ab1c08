//! Webhook for Kisi's own events (`POST /kisi-events/{token}`), and its registration in Kisi (`listen`).
//!
//! Contract: a body is parsed only after its signature is verified; an event is processed once, however often it is delivered;
//! 200 means stored, or deliberately ignored. An unknown token and an invalid signature get the same response. An event never
//! grants or revokes anything by itself: it is recorded in the history, or marks members or the setup for a check. The route
//! is called by Kisi, `listen` by the API and the reconcile loop.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header::RETRY_AFTER, web};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::Sha256;

use crate::{
    app::App,
    body::{self, BodyError, BodyLimits},
    secret::{SecretError, SecretKind},
    store::{ClubScope, StoreError, listeners},
};

mod apply;
mod echo;
pub mod event;
pub mod listen;

pub use event::TYPES;

/// The largest accepted body in bytes; an event has a few hundred.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The maximum age of an event. Only its timestamp can tell a replayed event from a late one. Nothing is lost by ignoring an
/// old event: events are hints, and a sweep has read the change since.
const MAX_AGE: Duration = Duration::from_hours(24);

/// Registers the route.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(web::resource("/kisi-events/{token}").route(web::post().to(receive)));
}

/// The path of a listener's webhook below the service's public URL.
pub fn path(path_key: &str) -> String {
    format!("kisi-events/{path_key}")
}

/// Why an event was rejected.
#[derive(Debug, thiserror::Error)]
enum EventError {
    #[error("unknown address or invalid signature")]
    Refused,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the database failed")]
    Store(#[from] StoreError),
    #[error("a stored secret cannot be opened")]
    Secret(#[from] SecretError),
}

async fn receive(
    app: web::Data<App>,
    token: web::Path<String>,
    request: HttpRequest,
    body: web::Payload,
) -> HttpResponse {
    match accept(&app, &token, &request, body).await {
        Ok(()) => HttpResponse::Ok().json(json!({ "status": "ok" })),
        Err(problem @ EventError::Refused) => {
            HttpResponse::Unauthorized().json(json!({ "error": problem.to_string() }))
        }
        Err(problem @ EventError::Body(error)) => {
            HttpResponse::build(error.status()).json(json!({ "error": problem.to_string() }))
        }
        Err(problem) => {
            tracing::error!(error = ?problem, "could not store a Kisi event; Kisi sends it again");
            HttpResponse::ServiceUnavailable()
                .insert_header((RETRY_AFTER, "5"))
                .json(json!({ "error": "the event could not be stored: send it again" }))
        }
    }
}

async fn accept(
    app: &App,
    token: &str,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<(), EventError> {
    if !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(EventError::Refused);
    }
    let listener = listeners::by_path(app.db.read(), token).await?;
    let listener = listener.ok_or(EventError::Refused)?;
    let secret = app.sealer.open(
        SecretKind::KisiEventSecret,
        listener.account_id,
        &listener.secret,
    )?;
    let body = body::collect(request.headers(), body, BodyLimits::of(MAX_BODY_BYTES)).await?;
    let header = request.headers().get("x-signature");
    let signature = header.and_then(|value| value.to_str().ok());
    if !signature.is_some_and(|signature| is_signed(&secret, &body, signature)) {
        return Err(EventError::Refused);
    }
    let Some(event) = event::Event::read(&body) else {
        tracing::warn!(account = %listener.account_id, "ignored a Kisi event that cannot be parsed");
        return Ok(());
    };
    let happened_at = event.at.map(access::Instant::from_timestamp);
    if happened_at.is_some_and(|at| at < app.clock.now().minus(MAX_AGE)) {
        // Answered with 200, because Kisi disables a webhook after error responses.
        tracing::warn!(account = %listener.account_id, "ignored a Kisi event that is older than 24 hours");
        return Ok(());
    }
    let club = listener.club_id;
    if apply::process(app, listener, event).await? {
        app.waker.wake(ClubScope::new(club));
    }
    Ok(())
}

/// Verifies HMAC-SHA256 over the raw bytes in constant time. `signature` is hexadecimal, with or without the prefix `sha256=`.
fn is_signed(secret: &SecretString, body: &[u8], signature: &str) -> bool {
    let digits = signature.trim();
    let digits = digits.strip_prefix("sha256=").unwrap_or(digits);
    let (Ok(given), Ok(mac)) = (
        hex::decode(digits),
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()),
    ) else {
        return false;
    };
    mac.chain_update(body).verify_slice(&given).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_accepted_with_and_without_prefix_and_in_no_other_form() {
        let secret = SecretString::from("key");
        // The well-known test vector of HMAC-SHA256.
        let body = b"The quick brown fox jumps over the lazy dog";
        let good = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        for signature in [
            good.to_owned(),
            format!("sha256={good}"),
            good.to_uppercase(),
        ] {
            assert!(is_signed(&secret, body, &signature), "{signature}");
        }
        let short = good.get(..32).unwrap();
        for signature in ["", "sha256=", short, "sha1=ff", "zz"] {
            assert!(!is_signed(&secret, body, signature), "{signature}");
        }
        assert!(!is_signed(&secret, b"The quick", good));
        assert!(!is_signed(&SecretString::from("other"), body, good));
    }
}
