//! Limits how many members a GraphQL document may evaluate, and schedules evaluations across documents.
//!
//! Evaluating a whole club takes time that grows with the club, and memory for all members that are loaded at once. So each
//! document has a budget of evaluated members, a question that is repeated within a document is answered once, and all documents
//! of the process share the turns in which a chunk of members is evaluated; webhooks and the reconciler keep the rest of the
//! machine. The API creates one `Evaluations` for each request.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::AccessContext;
use crate::{
    map::Map,
    store::{StoreError, row},
};

/// How many members a document may evaluate, over all of its lists.
pub const MAX_EVALUATIONS: u64 = 100_000;

/// How many chunks of members the process evaluates at the same time.
pub const MAX_PARALLEL_CHUNKS: usize = 1;

/// The evaluation budget and the cached results of one document.
#[derive(Debug)]
pub struct EvaluationBudget {
    turns: Arc<Semaphore>,
    begun: AtomicU64,
    members: AtomicU64,
    answers: Mutex<Map<(usize, String), Arc<CachedAnswers>>>,
}

/// One question about many members. The first question of a document may evaluate the whole club, whatever its size.
#[derive(Debug)]
pub struct Question {
    is_first: bool,
}

/// The cached result of a question.
#[derive(Debug, Default)]
pub(super) struct CachedAnswers {
    /// Keeps the context alive: its address is part of the cache key.
    _context: Option<Arc<AccessContext>>,
    pub(super) count: OnceCell<u64>,
    pub(super) rows: OnceCell<Vec<row::Member>>,
}

impl EvaluationBudget {
    /// `turns` is shared by all documents of the process.
    pub fn new(turns: Arc<Semaphore>) -> Self {
        Self {
            turns,
            begun: AtomicU64::new(0),
            members: AtomicU64::new(0),
            answers: Mutex::default(),
        }
    }

    pub fn begin(&self) -> Question {
        let is_first = self.begun.fetch_add(1, Ordering::Relaxed) == 0;
        Question { is_first }
    }

    /// Charges the evaluations of a question to the budget, before they run.
    ///
    /// # Errors
    /// The budget of the document is used up.
    pub fn spend(&self, walk: &Question, members: u64) -> Result<(), StoreError> {
        let before = self.members.fetch_add(members, Ordering::Relaxed);
        if walk.is_first || before.saturating_add(members) <= MAX_EVALUATIONS {
            Ok(())
        } else {
            Err(StoreError::TooManyEvaluations)
        }
    }

    /// Waits for a turn to evaluate one chunk of members; the turn ends when the permit is dropped.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never fails: the semaphore is never closed.
        self.turns.acquire().await.ok()
    }

    pub fn turns(&self) -> &Semaphore {
        &self.turns
    }

    /// The cached result of a question. A result is shared only within one context: after a mutation the data is loaded into a
    /// new context.
    pub(super) fn answers(
        &self,
        context: &Arc<AccessContext>,
        question: String,
    ) -> Arc<CachedAnswers> {
        let key = (Arc::as_ptr(context).addr(), question);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = answers.entry(key).or_insert_with(|| {
            Arc::new(CachedAnswers {
                _context: Some(context.clone()),
                ..CachedAnswers::default()
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
        let evaluations = EvaluationBudget::new(Arc::new(Semaphore::new(1)));
        let (first, second) = (evaluations.begin(), evaluations.begin());
        assert!(evaluations.spend(&second, MAX_EVALUATIONS - 1).is_ok());
        assert!(evaluations.spend(&second, 1).is_ok());
        assert!(evaluations.spend(&second, 1).is_err());
        assert!(evaluations.spend(&first, 10 * MAX_EVALUATIONS).is_ok());
        assert!(evaluations.spend(&evaluations.begin(), 0).is_err());
    }
}
