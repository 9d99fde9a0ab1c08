//! The list of assignments that was read from Kisi for a preview. A reading is cached for some minutes, so that all pages of a
//! preview come from one list and Kisi is not asked again.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use access::Instant;
use uuid::Uuid;

use crate::{
    app::App,
    clock::new_id,
    kisi::{AppliesTo, Assignment, AssignmentFilter, Error, Lane},
    secret::{SecretError, SecretKind},
    store::row,
};

/// How long a reading is cached.
const READING_TTL: Duration = Duration::from_mins(10);
/// The maximum number of cached assignments, of about 200 bytes each. The oldest readings are evicted first.
const MAX_ROWS: usize = 100_000;

#[derive(Debug)]
pub struct Reading {
    /// Identifies the reading, so that later pages use the same one.
    pub id: Uuid,
    pub group: Uuid,
    /// When the read began.
    pub at: Instant,
    /// All assignments of the group.
    pub rows: Vec<Assignment>,
}

/// Why a group was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The account's credentials cannot be decrypted.
    #[error("a stored secret cannot be used")]
    Secret(#[from] SecretError),
    /// Kisi refused the call or did not respond.
    #[error("Kisi: {0}")]
    Kisi(#[from] Error),
}

/// Reads all assignments of a group from Kisi.
pub async fn read(
    app: &App,
    account: &row::KisiAccount,
    group: &row::Group,
) -> Result<Reading, ReadError> {
    let key = (app.sealer).open(
        SecretKind::KisiCredentials,
        account.id,
        &account.credentials,
    )?;
    let at = app.clock.now();
    let client = app.kisi.for_user(account.kisi_user_id, key);
    let filter = AssignmentFilter::Group(group.kisi_id);
    let client = client.in_lane(Lane::Soon).patient();
    let mut rows = client.assignments(filter).await?;
    rows.retain(|row| row.applies_to == AppliesTo::Group(group.kisi_id));
    Ok(Reading {
        id: new_id(),
        group: group.id,
        at,
        rows,
    })
}

/// The cache of readings.
#[derive(Debug, Default)]
pub struct Readings(Mutex<VecDeque<Arc<Reading>>>);

impl Readings {
    /// Adds a reading, and evicts expired and excess ones.
    pub fn keep(&self, reading: Reading) -> Arc<Reading> {
        let reading = Arc::new(reading);
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.retain(|other| is_fresh(other, reading.at));
        cache.push_back(reading.clone());
        let count = |cache: &VecDeque<Arc<Reading>>| -> usize {
            cache.iter().map(|reading| reading.rows.len().max(1)).sum()
        };
        while cache.len() > 1 && count(&cache) > MAX_ROWS {
            cache.pop_front();
        }
        reading
    }

    /// The reading with this id, if it is of this group and not expired.
    pub fn get(&self, id: Uuid, group: Uuid, now: Instant) -> Option<Arc<Reading>> {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |reading: &&Arc<Reading>| {
            reading.id == id && reading.group == group && is_fresh(reading, now)
        };
        cache.iter().find(is_it).cloned()
    }
}

fn is_fresh(reading: &Reading, now: Instant) -> bool {
    now <= reading.at.plus(READING_TTL)
}
