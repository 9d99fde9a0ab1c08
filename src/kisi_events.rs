//! Kisi's own events: `POST /kisi-events/{token}`, and having Kisi send them there.
//!
//! Promises: nothing of a body is looked at before its signature is found good; an event is taken in once, whatever the
//! number of its deliveries; 200 only for what is stored. An unknown address and a forged signature are answered alike. An
//! event by itself never gives or takes anything: it is told in the history, or a reason to look. Called by Kisi and by the
//! API.

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
    store::{StoreError, listeners},
};

mod echo;
pub(crate) mod event;
pub mod listen;
mod take;

pub use event::TYPES;

/// The largest body that is taken: an event is some hundred bytes.
const MOST_BYTES: usize = 256 * 1024;

/// How old an event may be. Kisi sends nothing that could tell an event that was recorded and is sent again from one that is late,
/// but its own time: events are hints, and what an old one was about, a sweep has seen since.
const OLDEST: Duration = Duration::from_hours(24);

/// Registers the route.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(web::resource("/kisi-events/{token}").route(web::post().to(receive)));
}

/// Where Kisi finds a listener, below the address that this service has from outside.
pub fn path(path_key: &str) -> String {
    format!("kisi-events/{path_key}")
}

/// Why an event was not taken in.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("no such address, or the signature does not fit")]
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
    match let_in(&app, &token, &request, body).await {
        Ok(()) => HttpResponse::Ok().json(json!({ "status": "ok" })),
        Err(problem @ NotTaken::Refused) => {
            HttpResponse::Unauthorized().json(json!({ "error": problem.to_string() }))
        }
        Err(problem @ NotTaken::Body(error)) => {
            HttpResponse::build(error.status()).json(json!({ "error": problem.to_string() }))
        }
        Err(problem) => {
            tracing::error!(error = ?problem, "an event of Kisi's could not be taken in");
            HttpResponse::ServiceUnavailable()
                .insert_header((RETRY_AFTER, "5"))
                .json(json!({ "error": "it could not be stored just now: send it again" }))
        }
    }
}

async fn let_in(
    app: &App,
    token: &str,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<(), NotTaken> {
    if !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(NotTaken::Refused);
    }
    let listener = listeners::by_path(app.db.read(), token).await?;
    let listener = listener.ok_or(NotTaken::Refused)?;
    let secret = app.sealer.open(
        SecretKind::KisiEventSecret,
        listener.account_id,
        &listener.secret,
    )?;
    let body = body::collect(request.headers(), body, BodyLimits::of(MOST_BYTES)).await?;
    let header = request.headers().get("x-signature");
    let signature = header.and_then(|value| value.to_str().ok());
    if !signature.is_some_and(|signature| is_signed(&secret, &body, signature)) {
        return Err(NotTaken::Refused);
    }
    let Some(event) = event::Event::read(&body) else {
        tracing::warn!(account = %listener.account_id, "an event of Kisi's is not understood");
        return Ok(());
    };
    let happened_at = event.at.map(access::Instant::from_timestamp);
    if happened_at.is_some_and(|at| at < app.clock.now().minus(OLDEST)) {
        // Answered as well as any: where Kisi is told of errors, it switches the webhook off.
        tracing::warn!(account = %listener.account_id, "an old event of Kisi's is ignored");
        return Ok(());
    }
    if take::take_in(app, listener, event).await? {
        app.waker.wake();
    }
    Ok(())
}

/// HMAC-SHA256 over the raw bytes, in constant time: `sha256=` and hexadecimal digits, or the digits alone.
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
    fn both_spellings_of_a_signature_are_good_and_no_other() {
        let secret = SecretString::from("key");
        // The well-known vector of HMAC-SHA256.
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
