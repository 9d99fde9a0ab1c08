//! Kisi tells of our own presses too. Each event is matched with the press that it tells of, at most one: what the history
//! says already is not said twice, and what nobody knew is known then.

use std::time::Duration;

use access::Instant;
use uuid::Uuid;

use super::event::Event;
use crate::store::{
    Connection, Scope, StoreError, presses,
    row::{self, PressState},
};

/// A press may wait that long before Kisi does it, and clocks do not run quite alike.
const BEFORE: Duration = Duration::from_secs(90);
const AFTER: Duration = Duration::from_secs(30);

/// What an event is to our presses.
pub enum Echo {
    /// It tells of none.
    NotOurs,
    /// The history has it, or will.
    Told,
    /// It tells of this press what was not known, or otherwise.
    News(Box<row::Press>),
}

/// Finds the press that an event tells of, and notes that it was told.
pub async fn of(
    connection: &impl Connection,
    scope: Scope,
    lock: Uuid,
    as_whom: Option<Uuid>,
    event: &Event,
    at: i64,
) -> Result<Echo, StoreError> {
    let at = Instant::from_micros(at);
    let asked = at.minus(BEFORE).micros()..=at.plus(AFTER).micros();
    let found = presses::untold(connection, scope, lock, as_whom, asked).await?;
    let Some(press) = found.into_iter().next() else {
        return Ok(Echo::NotOurs);
    };
    presses::told(connection, scope, press.id, &event.key).await?;
    let agrees = match press.state {
        PressState::Unlocked => event.success,
        PressState::Refused => !event.success,
        PressState::Unknown => false,
        // Whoever carries it out is about to say.
        _ => true,
    };
    Ok(if agrees {
        Echo::Told
    } else {
        Echo::News(Box::new(press))
    })
}
