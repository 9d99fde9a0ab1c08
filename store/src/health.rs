//! Whether the database can store writes, judged by the last one. A write that failed because of its own data does not count.

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

    /// Records a committed write.
    pub fn note_success(&self) {
        // Stores only on a change, so that concurrent writers do not contend for the cache line.
        if self.0.load(Ordering::Acquire) {
            self.0.store(false, Ordering::Release);
        }
    }

    /// Whether the last write failed for a temporary reason.
    pub fn last_write_failed(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
