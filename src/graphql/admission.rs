//! Admits operations: how many run at once, for one token and for all.
//!
//! A token has at most half of the turns, and an operation that does not get its turn in time is refused: none runs without
//! one, so the load on the machine is bounded whatever is sent. What changes something takes no turn from queries, since it may
//! wait for Kisi; it has a bound of its own. Subscriptions are bounded by their socket, and sockets by their token. The executor
//! and sockets ask.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::available_parallelism,
    time::Duration,
};

use async_graphql::ServerResult;
use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use uuid::Uuid;

use super::{
    context::Caller,
    http::{guard::Kind, limits},
};
use crate::map::Map;

/// How many queries each processor has under way: as many as wait for the database, and some that do not. More would only push
/// one another's pages out of its caches.
const TURNS_EACH: usize = 6;
/// How many mutations a token may have under way: each may wait for Kisi.
const CHANGES: usize = 64;
/// How many sockets a token may have open: a front desk has a handful, a server that passes on to its own clients has one.
const SOCKETS: usize = 256;
/// How many operations of a token may wait for their turn.
const WAITING: usize = 256;
/// How long an operation waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// From how many tokens on those that nothing runs for are forgotten.
const KNOWN_TOKENS: usize = 1024;

/// See the module.
pub(super) struct Admission {
    turns: Arc<Semaphore>,
    of_each: usize,
    patience: Duration,
    tokens: Mutex<Map<Holder, Arc<Budget>>>,
}

/// Who shares a budget: a token, or all sessions of a member.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Holder {
    club: Uuid,
    token: Option<String>,
    member: Option<Uuid>,
}

struct Budget {
    queries: Arc<Semaphore>,
    changes: Arc<Semaphore>,
    waiting: Semaphore,
    sockets: Arc<Semaphore>,
}

/// The right to run an operation, as long as it lives.
pub(super) struct Admitted {
    _budget: OwnedSemaphorePermit,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Default for Admission {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self::new(TURNS_EACH * processors, PATIENCE)
    }
}

impl Admission {
    /// With so many turns for all, and so much time to wait for one.
    pub(super) fn new(turns: usize, patience: Duration) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(turns)),
            of_each: turns.div_ceil(2),
            patience,
            tokens: Mutex::default(),
        }
    }

    /// Waits until an operation of a kind may run. None for a subscription.
    ///
    /// # Errors
    /// Where it does not get its turn in time.
    pub(super) async fn admit(
        &self,
        caller: &Caller,
        kind: Option<Kind>,
    ) -> ServerResult<Option<Admitted>> {
        if kind == Some(Kind::Subscription) {
            return Ok(None);
        }
        let budget = self.budget(caller);
        let Ok(_waiting) = budget.waiting.try_acquire() else {
            return Err(limits::too_busy());
        };
        let admitted = timeout(self.patience, self.turn(&budget, kind)).await;
        match admitted {
            Ok(Ok(admitted)) => Ok(Some(admitted)),
            // No semaphore of this module is ever closed.
            Ok(Err(_)) | Err(_) => Err(limits::too_busy()),
        }
    }

    /// Admits one more socket of a caller, as long as what is given lives. None where there are too many.
    pub(super) fn admit_socket(&self, caller: &Caller) -> Option<OwnedSemaphorePermit> {
        let sockets = self.budget(caller).sockets.clone();
        sockets.try_acquire_owned().ok()
    }

    async fn turn(&self, budget: &Budget, kind: Option<Kind>) -> Result<Admitted, AcquireError> {
        if kind == Some(Kind::Mutation) {
            let _budget = budget.changes.clone().acquire_owned().await?;
            return Ok(Admitted {
                _budget,
                _turn: None,
            });
        }
        let _budget = budget.queries.clone().acquire_owned().await?;
        let _turn = Some(self.turns.clone().acquire_owned().await?);
        Ok(Admitted { _budget, _turn })
    }

    fn budget(&self, caller: &Caller) -> Arc<Budget> {
        let holder = Holder {
            club: caller.scope.club,
            token: caller.token_name.clone(),
            member: caller.member,
        };
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= KNOWN_TOKENS && !tokens.contains_key(&holder) {
            tokens.retain(|_, budget| budget.is_in_use(self.of_each));
        }
        let budget = tokens.entry(holder).or_insert_with(|| {
            Arc::new(Budget {
                queries: Arc::new(Semaphore::new(self.of_each)),
                changes: Arc::new(Semaphore::new(CHANGES)),
                waiting: Semaphore::new(WAITING),
                sockets: Arc::new(Semaphore::new(SOCKETS)),
            })
        });
        budget.clone()
    }
}

impl Budget {
    fn is_in_use(self: &Arc<Self>, queries: usize) -> bool {
        Arc::strong_count(self) > 1
            || self.queries.available_permits() < queries
            || self.changes.available_permits() < CHANGES
            || self.sockets.available_permits() < SOCKETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Scope, row::Role};

    fn caller(token: &str) -> Caller {
        Caller {
            scope: Scope::new(Uuid::nil()),
            role: Role::Reader,
            token_name: Some(token.to_owned()),
            member: None,
        }
    }

    #[tokio::test]
    async fn a_token_has_half_of_the_turns_and_what_gets_none_is_refused() {
        let admission = Admission::new(4, Duration::ZERO);
        let admit = async |token: &str, kind| admission.admit(&caller(token), Some(kind)).await;
        let mut running = Vec::new();
        for token in ["a", "a", "b"] {
            running.push(admit(token, Kind::Query).await.unwrap());
        }
        let refused = admit("a", Kind::Query).await.err().unwrap();
        assert!(
            refused.message.starts_with("concurrency"),
            "{}",
            refused.message
        );
        running.push(admit("b", Kind::Query).await.unwrap());
        assert!(
            admit("c", Kind::Query).await.is_err(),
            "all turns are taken"
        );
        // What changes something, and what goes on, need none of them.
        assert!(admit("a", Kind::Mutation).await.unwrap().is_some());
        assert!(admit("a", Kind::Subscription).await.unwrap().is_none());
        running.clear();
        assert!(admit("c", Kind::Query).await.is_ok());
    }

    #[tokio::test]
    async fn mutations_of_a_token_are_bounded_by_themselves() {
        let admission = Admission::new(4, Duration::ZERO);
        let mut running = Vec::new();
        for _ in 0..CHANGES {
            let admitted = admission.admit(&caller("a"), Some(Kind::Mutation)).await;
            running.push(admitted.unwrap());
        }
        let next = admission.admit(&caller("a"), Some(Kind::Mutation)).await;
        assert!(next.is_err());
        let other = admission.admit(&caller("b"), Some(Kind::Mutation)).await;
        assert!(other.is_ok());
    }

    #[tokio::test]
    async fn sockets_of_a_token_are_bounded_and_keep_its_budget() {
        let admission = Admission::new(2, Duration::ZERO);
        let open: Vec<_> = (0..SOCKETS)
            .map(|_| admission.admit_socket(&caller("a")).unwrap())
            .collect();
        assert!(admission.admit_socket(&caller("b")).is_some());
        for n in 0..2 * KNOWN_TOKENS {
            admission.budget(&caller(&n.to_string()));
        }
        assert!(admission.admit_socket(&caller("a")).is_none());
        drop(open);
        assert!(admission.admit_socket(&caller("a")).is_some());
    }

    #[tokio::test]
    async fn tokens_that_nothing_runs_for_are_forgotten_and_others_keep_their_budget() {
        let admission = Admission::new(2, Duration::ZERO);
        let _running = admission.admit(&caller("busy"), Some(Kind::Query)).await;
        for n in 0..2 * KNOWN_TOKENS {
            let _ = admission
                .admit(&caller(&n.to_string()), Some(Kind::Query))
                .await;
        }
        assert!(admission.tokens.lock().unwrap().len() <= KNOWN_TOKENS);
        assert!(
            admission
                .admit(&caller("busy"), Some(Kind::Query))
                .await
                .is_err()
        );
    }
}
