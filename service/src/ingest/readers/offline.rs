//! Runs a platform's reader on given responses, without network and database: for fuzz targets and for tests with arbitrary JSON.
//! The service does not call it.

use access::Instant;
use futures_util::FutureExt;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{api::Api, changes, options::ReaderOptions, pass, platform_api::PlatformApi};
use crate::{ingest::batch::Job, store::row::Platform};

/// A reading that would be used.
pub struct OfflineReading {
    /// What is kept of it for the next one.
    pub lists: Value,
    /// The types and data of the events that it leads to.
    pub events: Vec<(String, Value)>,
}

/// Reads everything from these responses, by path, or only `objects`, after the reading `last`. None if the reading fails, so
/// that nothing of it would be used.
pub fn read(
    platform: Platform,
    responses: Value,
    last: Option<&Value>,
    objects: &[String],
    begun: Instant,
) -> Option<OfflineReading> {
    let api = Api::offline(responses);
    let api = match platform {
        Platform::Teamup => PlatformApi::Teamup(api),
        Platform::Spacebring => PlatformApi::Spacebring {
            api,
            location: None,
        },
        Platform::Clubspot => PlatformApi::Clubspot {
            api,
            club: "club".to_owned(),
            options: ReaderOptions::default(),
        },
        Platform::Canonical | Platform::ExerciseCom | Platform::Mapped => return None,
    };
    // Nothing is waited for, so that each future is ready at once.
    let named = match last.filter(|_| !objects.is_empty()) {
        Some(last) => api.read_objects(begun, objects, last).now_or_never()?,
        None => Ok(None),
    };
    let lists = match named.ok()? {
        Some(lists) => lists,
        None => {
            let bytes = last.map(|last| last.to_string().into_bytes());
            api.read(begun, bytes.as_deref()).now_or_never()?.ok()?
        }
    };
    let events = last.and_then(|last| changes::between(last, &lists));
    let events = events.unwrap_or_else(|| vec![pass::snapshot(last, lists.clone())]);
    let is_understood = events
        .iter()
        .all(|(kind, data)| is_understood(kind, data, begun));
    is_understood.then_some(OfflineReading { lists, events })
}

/// Whether the event can be stored; otherwise the whole reading fails.
fn is_understood(kind: &str, data: &Value, begun: Instant) -> bool {
    let event = json!({ "type": kind, "timestamp": begun.timestamp().to_string(), "data": data });
    let body = event.to_string().into_bytes();
    let job = Job::canonical(Uuid::nil(), Uuid::nil(), "offline".to_owned(), body, begun);
    job.event.is_ok()
}
