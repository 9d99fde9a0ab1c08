//! Whether the last write could be stored. A write that failed for its own data says nothing of the database.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sea_orm::DbErr;

use super::failure;

/// Shared by everybody who writes.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<AtomicBool>);

impl Health {
    /// A write failed.
    pub fn note(&self, problem: &DbErr) {
        if failure::of_db(problem).is_of_the_moment() {
            self.0.store(true, Ordering::Release);
        }
    }

    /// A write was committed.
    pub fn is_well(&self) {
        // Only read where all is well, so that many who write do not share a cache line.
        if self.0.load(Ordering::Acquire) {
            self.0.store(false, Ordering::Release);
        }
    }

    /// Whether the last write failed.
    pub fn has_failed(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
