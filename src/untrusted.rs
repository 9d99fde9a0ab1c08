//! Every reader of text that strangers send, as a function of its bytes: what the fuzz targets drive, and what the tests run
//! on a small stack. None of them may panic, overflow the stack or take long, whatever the bytes are. The service itself calls
//! the readers where they live.

use std::{path::Path, time::Duration};

use access::Instant;
use async_graphql::Request;
use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    cli::roster,
    graphql::{http, page, socket},
    ingest::{adapter, envelope::Envelope, signature},
    kisi_events::event::Event,
    store::{
        Scope,
        page::ListOf,
        row::{Platform, SignatureScheme, Source},
        sources,
    },
};

/// The platforms whose bodies are read. A mapped source reads by its mapping.
pub const PLATFORMS: [Platform; 6] = [
    Platform::Canonical,
    Platform::Clubspot,
    Platform::Teamup,
    Platform::Spacebring,
    Platform::ExerciseCom,
    Platform::Mapped,
];

/// The schemes whose headers are read; `NUDGE` has none.
pub const SCHEMES: [SignatureScheme; 8] = [
    SignatureScheme::StandardWebhooks,
    SignatureScheme::Svix,
    SignatureScheme::Stripe,
    SignatureScheme::Officernd,
    SignatureScheme::HubSha256,
    SignatureScheme::Mindbody,
    SignatureScheme::Nexudus,
    SignatureScheme::Pushpress,
];

/// The time at which everything here is read.
fn now() -> Instant {
    Instant::from_micros(1_767_600_000_000_000)
}

/// Whether a verified body of a platform is understood.
pub fn event(platform: Platform, mapping: Option<&str>, body: &[u8]) -> bool {
    let source = Source {
        platform,
        mapping: mapping.map(str::to_owned),
        time_zone: "Europe/Berlin".to_owned(),
        ..sources::blank(Scope::new(Uuid::nil()), Uuid::nil(), now().micros())
    };
    let (delivery, envelope) = ("d".to_owned(), Envelope::sent(Some(now())));
    let verified = signature::Verified::stored(body.to_vec(), delivery, envelope, now());
    adapter::translate(&source, &verified).is_ok()
}

/// Whether a body is taken as signed, where each header of the scheme holds this text.
pub fn signature(scheme: SignatureScheme, headers: &str, body: &[u8]) -> bool {
    let secrets = [SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")];
    let tolerance = Duration::from_secs(300);
    let header = |_: &'static str| Some(headers);
    signature::verify(scheme, &secrets, header, body.to_vec(), now(), tolerance).is_ok()
}

/// Whether a body is an operation of the GraphQL API with a document that can be read.
pub fn operation(body: &[u8]) -> bool {
    http::is_operation(body)
}

/// Whether a document can be read.
pub fn operation_of(document: &str) -> bool {
    http::is_readable(&mut Request::new(document))
}

/// Whether a text of a WebSocket is a message that an open connection takes, and its document can be read.
pub fn message(text: &str) -> bool {
    socket::is_message(text)
}

/// Whether bytes of a WebSocket, before anything was said on it, keep to the limits.
pub fn frames(bytes: &[u8]) -> bool {
    socket::keeps_limits(bytes)
}

/// Whether a text is a cursor.
pub fn cursor(text: &str) -> bool {
    page::is_cursor(ListOf::Members, text)
}

/// Whether a file is a roster, and the service understands what it says.
pub fn roster(file_name: &str, text: &str) -> bool {
    let body = roster::snapshot(Path::new(file_name), text, now());
    body.is_ok_and(|body| event(Platform::Canonical, None, body.to_string().as_bytes()))
}

/// Whether a body is an event of Kisi's.
pub fn kisi_event(body: &[u8]) -> bool {
    Event::read(body).is_some()
}

#[cfg(test)]
mod tests;
