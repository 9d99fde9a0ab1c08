//! Matches Kisi's unlock events with Latchkey's own unlock requests, because Kisi also reports those. An event matches at most
//! one request. The history gets no second entry for a request whose outcome it already has; an event with another outcome,
//! or for a request with unknown outcome, is recorded. Called by `take`.

use std::time::Duration;

use access::Instant;
use uuid::Uuid;

use super::event::Event;
use crate::store::{
    ClubScope, Connection, StoreError,
    row::{self, UnlockState},
    unlock_requests,
};

/// How long before the event its request may have been made: requests wait for their turn, and clocks differ.
const BEFORE: Duration = Duration::from_secs(90);
const AFTER: Duration = Duration::from_secs(30);

/// How an event relates to Latchkey's own unlock requests.
pub enum RequestMatch {
    /// It matches none.
    Unmatched,
    /// It matches a request whose history entry says the same, or is about to be written.
    AlreadyRecorded,
    /// It matches this request, whose outcome was unknown or recorded otherwise.
    NewOutcome(Box<row::UnlockRequest>),
}

/// Finds the unlock request that matches an event and marks it as reported. `at`: microseconds. `as_whom`: the Kisi user that
/// unlocked; `None` for the user of the account's API key.
pub async fn of(
    connection: &impl Connection,
    scope: ClubScope,
    lock: Uuid,
    as_whom: Option<Uuid>,
    event: &Event,
    at: i64,
) -> Result<RequestMatch, StoreError> {
    let at = Instant::from_micros(at);
    let requested = at.minus(BEFORE).micros()..=at.plus(AFTER).micros();
    let candidates =
        unlock_requests::without_event(connection, scope, lock, as_whom, requested).await?;
    let Some(unlock_request) = candidates.into_iter().next() else {
        return Ok(RequestMatch::Unmatched);
    };
    unlock_requests::set_event(connection, scope, unlock_request.id, &event.key).await?;
    let agrees = match unlock_request.state {
        UnlockState::Unlocked => event.success,
        UnlockState::Refused => !event.success,
        UnlockState::Unknown => false,
        // Still being executed: the executor writes the history entry.
        _ => true,
    };
    Ok(if agrees {
        RequestMatch::AlreadyRecorded
    } else {
        RequestMatch::NewOutcome(Box::new(unlock_request))
    })
}
