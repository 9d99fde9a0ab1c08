//! Whether the database can store events: not since a write failed for a temporary reason, until a write that is as large as an
//! event succeeded. A smaller one proves nothing, since a full disk may have room for it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sea_orm::DbErr;

use super::failure;

/// Shared by all writers.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<AtomicBool>);

impl Health {
    /// Records a failed write.
    pub fn note_failure(&self, problem: &DbErr) {
        if failure::of_db(problem).is_temporary() {
            self.0.store(true, Ordering::Release);
        }
    }

    /// Records that a write as large as an event was committed.
    pub fn note_success(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether a write failed since the last success.
    pub fn is_in_doubt(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
