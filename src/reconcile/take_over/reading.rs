//! What Kisi was read to hold in a group. A reading is kept for some minutes, so that whoever pages through a preview sees one
//! list and Kisi is not asked for it again.

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

/// How long a reading is kept.
const KEPT_FOR: Duration = Duration::from_mins(10);
/// How many assignments are kept in all: the oldest readings go first. One takes some 200 bytes.
const MOST_ROWS: usize = 100_000;

/// See the module.
#[derive(Debug)]
pub struct Reading {
    /// Names it to whoever pages through it.
    pub id: Uuid,
    /// The group.
    pub group: Uuid,
    /// When it began.
    pub at: Instant,
    /// All assignments in the group, by id.
    pub rows: Vec<Assignment>,
}

/// Why a group was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The credentials cannot be opened.
    #[error("a stored secret cannot be used")]
    Secret(#[from] SecretError),
    /// Kisi said no, or nothing.
    #[error("Kisi: {0}")]
    Kisi(#[from] Error),
}

/// Reads a group of an account as it is now.
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
    let mut rows = client.in_lane(Lane::Soon).assignments(filter).await?;
    rows.retain(|row| row.applies_to == AppliesTo::Group(group.kisi_id));
    Ok(Reading {
        id: new_id(),
        group: group.id,
        at,
        rows,
    })
}

/// The readings that are kept.
#[derive(Debug, Default)]
pub struct Readings(Mutex<VecDeque<Arc<Reading>>>);

impl Readings {
    /// Keeps one.
    pub fn keep(&self, reading: Reading) -> Arc<Reading> {
        let reading = Arc::new(reading);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|other| is_fresh(other, reading.at));
        kept.push_back(reading.clone());
        let count = |kept: &VecDeque<Arc<Reading>>| -> usize {
            kept.iter().map(|reading| reading.rows.len().max(1)).sum()
        };
        while kept.len() > 1 && count(&kept) > MOST_ROWS {
            kept.pop_front();
        }
        reading
    }

    /// The one of this name, where it is of this group and kept still.
    pub fn get(&self, id: Uuid, group: Uuid, now: Instant) -> Option<Arc<Reading>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |reading: &&Arc<Reading>| {
            reading.id == id && reading.group == group && is_fresh(reading, now)
        };
        kept.iter().find(is_it).cloned()
    }
}

fn is_fresh(reading: &Reading, now: Instant) -> bool {
    now <= reading.at.plus(KEPT_FOR)
}
