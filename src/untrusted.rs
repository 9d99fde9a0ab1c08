//! Every parser of untrusted input as a function of its bytes, for the fuzz targets and for tests on a small stack. No input may
//! make a parser panic, overflow the stack or run for long. The service calls the parsers directly, without this module.

use std::{path::Path, time::Duration};

use access::Instant;
use async_graphql::Request;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    cli::roster::{self, Conventions},
    graphql::{http, page, socket},
    id::{self, KisiRef},
    ingest::{
        adapter,
        envelope::Envelope,
        readers::offline::{self, OfflineReading},
        signature,
    },
    kisi_events::event::Event,
    store::{
        ClubScope,
        page::ListKind,
        row::{Platform, SignatureScheme, Source},
        sources,
    },
};

/// The platforms whose webhook bodies are parsed. A mapped source is parsed by its mapping.
pub const PLATFORMS: [Platform; 6] = [
    Platform::Canonical,
    Platform::Clubspot,
    Platform::Teamup,
    Platform::Spacebring,
    Platform::ExerciseCom,
    Platform::Mapped,
];

/// The platforms whose API is read.
pub const READ_PLATFORMS: [Platform; 3] =
    [Platform::Spacebring, Platform::Teamup, Platform::Clubspot];

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

/// The fixed current time of all parsers here.
fn now() -> Instant {
    Instant::from_micros(1_767_600_000_000_000)
}

/// Whether a verified body of a platform translates to an event.
pub fn event(platform: Platform, mapping: Option<&str>, body: &[u8]) -> bool {
    let source = Source {
        platform,
        mapping: mapping.map(str::to_owned),
        time_zone: "Europe/Berlin".to_owned(),
        ..sources::blank(ClubScope::new(Uuid::nil()), Uuid::nil(), now().micros())
    };
    let (delivery, envelope) = ("d".to_owned(), Envelope::signed(Some(now())));
    let verified = signature::Verified::stored(body.to_vec(), delivery, envelope, now());
    adapter::translate(&source, &verified).is_ok()
}

/// Whether a body translates to an event with this mapping, as in the preview of a mapping. `form`: it is form-encoded.
pub fn preview(mapping: &str, body: &[u8], form: bool) -> bool {
    let Ok(mapping) = serde_json::from_str(mapping) else {
        return false;
    };
    let envelope = Envelope::signed(None).with_form(form);
    let verified = signature::Verified::stored(body.to_vec(), "d".to_owned(), envelope, now());
    let mapping = adapter::Mapping::parse(&mapping);
    mapping.is_ok_and(|mapping| mapping.translate(&verified, TimeZone::UTC).is_ok())
}

/// The reading that responses of a platform's API make, given as a JSON object by path; none if it would not be used. `last` is
/// an earlier reading, and `objects` are those to read again, or none for everything.
pub fn reading(
    platform: Platform,
    responses: &[u8],
    last: Option<&OfflineReading>,
    objects: &[String],
) -> Option<OfflineReading> {
    let responses = serde_json::from_slice(responses).ok()?;
    let last = last.map(|last| &last.lists);
    offline::read(platform, responses, last, objects, now())
}

/// Whether a reading in which each response is this body would be used.
pub fn response(platform: Platform, body: &[u8]) -> bool {
    let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    body.is_some_and(|body| {
        let responses = serde_json::json!({ "*": body });
        offline::read(platform, responses, None, &[], now()).is_some()
    })
}

/// Whether the signature of a body verifies, with the same text in each header of the scheme.
pub fn signature(scheme: SignatureScheme, headers: &str, body: &[u8]) -> bool {
    let secrets = [SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")];
    let tolerance = Duration::from_secs(300);
    let header = |_: &str| Some(headers);
    let Some(rule) = signature::Verification::preset(scheme) else {
        return false;
    };
    signature::verify(&rule, &secrets, header, body.to_vec(), now(), tolerance).is_ok()
}

/// Whether a body is a GraphQL request whose document parses.
pub fn operation(body: &[u8]) -> bool {
    http::is_operation(body)
}

/// Whether a GraphQL document parses.
pub fn parse_document(document: &str) -> bool {
    http::is_readable(&Request::new(document))
}

/// Whether a WebSocket text is a valid message on an open connection and its document parses.
pub fn parse_message(text: &str) -> bool {
    socket::is_message(text)
}

/// Whether the first bytes on a WebSocket respect the frame limits.
pub fn parse_frames(bytes: &[u8]) -> bool {
    socket::keeps_limits(bytes)
}

/// Whether a text is a valid cursor of the member list.
pub fn cursor(text: &str) -> bool {
    page::is_cursor(ListKind::Members, text)
}

/// Whether a text is an id of the API, Kisi's number, or the URL of one of Kisi's pages.
pub fn id(text: &str) -> bool {
    let decoded = id::decode(text);
    if let Some((kind, uuid)) = decoded {
        assert_eq!(id::decode_as(kind, &id::encode(kind, uuid)), Some(uuid));
    }
    decoded.is_some() || KisiRef::parse(text).is_some()
}

/// Whether a file in any encoding is a roster and its contents translate to an event.
pub fn roster(file_name: &str, bytes: &[u8]) -> bool {
    let text = roster::decode::text(bytes);
    let snapshot = roster::snapshot(Path::new(file_name), &text, now(), &Conventions::default());
    snapshot.is_ok_and(|snapshot| event(Platform::Canonical, None, snapshot.body.as_bytes()))
}

/// Whether a body is a Kisi event.
pub fn kisi_event(body: &[u8]) -> bool {
    Event::read(body).is_some()
}

mod document;

pub use document::DocumentChecker;

#[cfg(test)]
mod tests;
