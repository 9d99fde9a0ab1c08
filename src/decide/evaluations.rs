//! What one document may have evaluated over a club's members, and when its turn is.
//!
//! Evaluating everybody costs time that grows with the club, and memory with how many are held at once. So the members that one
//! document has looked at are counted, the same question in one document is answered once, and of all documents of the process
//! one evaluates a chunk of members at a time: webhooks and the reconciler keep the rest of the machine. The API makes one
//! value for each request.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::Premises;
use crate::{
    map::Map,
    store::{StoreError, row},
};

/// How many members a document may have evaluated, in all of its lists together.
pub const MAX_EVALUATIONS: u64 = 100_000;

/// How many chunks of members the process evaluates for documents at the same time.
pub const PARALLEL: usize = 1;

/// What a document has evaluated. See the module.
#[derive(Debug)]
pub struct Evaluations {
    turns: Arc<Semaphore>,
    begun: AtomicU64,
    members: AtomicU64,
    answers: Mutex<Map<(usize, String), Arc<Answers>>>,
}

/// One question about many members. The first of a document may always go through the whole club, whatever its size.
#[derive(Debug)]
pub struct Walk {
    is_first: bool,
}

/// What a question was answered with.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The context of the question; it lives as long as its address is a key.
    _context: Option<Arc<Premises>>,
    pub(super) count: OnceCell<u64>,
    pub(super) rows: OnceCell<Vec<row::Member>>,
}

impl Evaluations {
    /// Of a document, in the turns of its process.
    pub fn new(turns: Arc<Semaphore>) -> Self {
        Self {
            turns,
            begun: AtomicU64::new(0),
            members: AtomicU64::new(0),
            answers: Mutex::default(),
        }
    }

    /// Begins a question.
    pub fn begin(&self) -> Walk {
        let is_first = self.begun.fetch_add(1, Ordering::Relaxed) == 0;
        Walk { is_first }
    }

    /// Counts evaluations that a question is going to need.
    ///
    /// # Errors
    /// Where the document has had its share.
    pub fn spend(&self, walk: &Walk, members: u64) -> Result<(), StoreError> {
        let before = self.members.fetch_add(members, Ordering::Relaxed);
        if walk.is_first || before.saturating_add(members) <= MAX_EVALUATIONS {
            Ok(())
        } else {
            Err(StoreError::TooManyEvaluations)
        }
    }

    /// Waits for the turn to evaluate one chunk of members.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.turns.acquire().await.ok()
    }

    /// The turns of the process.
    pub fn turns(&self) -> &Semaphore {
        &self.turns
    }

    /// The answers to a question, which is the same for all who ask it of the same context: what a mutation has changed is
    /// read with a context of its own.
    pub(super) fn answers(&self, context: &Arc<Premises>, question: String) -> Arc<Answers> {
        let key = (Arc::as_ptr(context).addr(), question);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = answers.entry(key).or_insert_with(|| {
            Arc::new(Answers {
                _context: Some(context.clone()),
                ..Answers::default()
            })
        });
        entry.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_question_may_go_through_any_club_and_all_together_through_a_share() {
        let evaluations = Evaluations::new(Arc::new(Semaphore::new(1)));
        let (first, second) = (evaluations.begin(), evaluations.begin());
        assert!(evaluations.spend(&second, MAX_EVALUATIONS - 1).is_ok());
        assert!(evaluations.spend(&second, 1).is_ok());
        assert!(evaluations.spend(&second, 1).is_err());
        assert!(evaluations.spend(&first, 10 * MAX_EVALUATIONS).is_ok());
        assert!(evaluations.spend(&evaluations.begin(), 0).is_err());
    }
}
