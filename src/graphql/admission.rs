//! Limits how many operations run concurrently, per token and in total.
//!
//! A token may use at most half of the query slots. An operation that gets no slot within the wait limit is refused, so the
//! load on the machine is bounded. Mutations take no query slot, since they may wait for Kisi; they have their own limit per
//! token. Subscriptions are limited through the number of sockets per token. Called by the executor and the sockets.

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

use super::prepare::{OperationKind, limits};
use crate::{auth::Caller, map::Map};

/// Concurrent queries per processor: some wait for the database while others compute. More would only evict each other's data
/// from the processor caches.
const QUERIES_PER_PROCESSOR: usize = 6;
/// Concurrent mutations per token. Each may wait for Kisi.
const MUTATIONS_PER_TOKEN: usize = 64;
/// Open sockets per token: a front desk has a handful, and a server that relays to its own clients has one.
const SOCKETS_PER_TOKEN: usize = 256;
/// Operations per token that may wait for a slot.
const WAITING_PER_TOKEN: usize = 256;
/// How long an operation waits for a slot.
const WAIT_LIMIT: Duration = Duration::from_secs(5);
/// The number of tokens in the map from which idle ones are removed.
const MAX_IDLE_TOKENS: usize = 1024;

pub(super) struct ConcurrencyLimiter {
    slots: Arc<Semaphore>,
    of_each: usize,
    patience: Duration,
    tokens: Mutex<Map<BudgetKey, Arc<Budget>>>,
}

/// The key of a budget: a token, or all sessions of one member.
#[derive(Clone, PartialEq, Eq, Hash)]
struct BudgetKey {
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

/// A permit to run one operation; dropping it frees the slots.
pub(super) struct Permit {
    _budget: OwnedSemaphorePermit,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Default for ConcurrencyLimiter {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self::new(QUERIES_PER_PROCESSOR * processors, WAIT_LIMIT)
    }
}

impl ConcurrencyLimiter {
    /// `turns` is the number of query slots in total, `patience` the time to wait for one.
    pub(super) fn new(turns: usize, patience: Duration) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(turns)),
            of_each: turns.div_ceil(2),
            patience,
            tokens: Mutex::default(),
        }
    }

    /// Waits for a slot for an operation of this kind. Returns no permit for a subscription.
    ///
    /// # Errors
    /// The TOO_COMPLEX error with the limit `concurrency` if too many operations wait or no slot is free in time.
    pub(super) async fn admit(
        &self,
        caller: &Caller,
        kind: OperationKind,
    ) -> ServerResult<Option<Permit>> {
        if kind == OperationKind::Subscription {
            return Ok(None);
        }
        let budget = self.budget(caller);
        let Ok(_waiting) = budget.waiting.try_acquire() else {
            return Err(limits::too_busy());
        };
        let admitted = timeout(self.patience, self.turn(&budget, kind)).await;
        match admitted {
            Ok(Ok(admitted)) => Ok(Some(admitted)),
            // The inner error cannot happen: no semaphore here is ever closed.
            Ok(Err(_)) | Err(_) => Err(limits::too_busy()),
        }
    }

    /// A permit for one more socket of the caller, held until dropped. None if the limit is reached.
    pub(super) fn admit_socket(&self, caller: &Caller) -> Option<OwnedSemaphorePermit> {
        let sockets = self.budget(caller).sockets.clone();
        sockets.try_acquire_owned().ok()
    }

    async fn turn(&self, budget: &Budget, kind: OperationKind) -> Result<Permit, AcquireError> {
        if kind == OperationKind::Mutation {
            let _budget = budget.changes.clone().acquire_owned().await?;
            return Ok(Permit {
                _budget,
                _turn: None,
            });
        }
        let _budget = budget.queries.clone().acquire_owned().await?;
        let _turn = Some(self.slots.clone().acquire_owned().await?);
        Ok(Permit { _budget, _turn })
    }

    fn budget(&self, caller: &Caller) -> Arc<Budget> {
        let holder = BudgetKey {
            club: caller.scope.club,
            token: caller.token_name.clone(),
            member: caller.member,
        };
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_IDLE_TOKENS && !tokens.contains_key(&holder) {
            tokens.retain(|_, budget| budget.is_in_use(self.of_each));
        }
        let budget = tokens.entry(holder).or_insert_with(|| {
            Arc::new(Budget {
                queries: Arc::new(Semaphore::new(self.of_each)),
                changes: Arc::new(Semaphore::new(MUTATIONS_PER_TOKEN)),
                waiting: Semaphore::new(WAITING_PER_TOKEN),
                sockets: Arc::new(Semaphore::new(SOCKETS_PER_TOKEN)),
            })
        });
        budget.clone()
    }
}

impl Budget {
    fn is_in_use(self: &Arc<Self>, queries: usize) -> bool {
        Arc::strong_count(self) > 1
            || self.queries.available_permits() < queries
            || self.changes.available_permits() < MUTATIONS_PER_TOKEN
            || self.sockets.available_permits() < SOCKETS_PER_TOKEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{ClubScope, row::Role};

    fn caller(token: &str) -> Caller {
        Caller {
            scope: ClubScope::new(Uuid::nil()),
            role: Role::Reader,
            token_name: Some(token.to_owned()),
            member: None,
            expires_at: None,
        }
    }

    #[tokio::test]
    async fn a_token_gets_half_of_the_slots_and_operations_without_a_slot_are_refused() {
        let admission = ConcurrencyLimiter::new(4, Duration::ZERO);
        let admit = async |token: &str, kind| admission.admit(&caller(token), kind).await;
        let mut running = Vec::new();
        for token in ["a", "a", "b"] {
            running.push(admit(token, OperationKind::Query).await.unwrap());
        }
        let refused = admit("a", OperationKind::Query).await.err().unwrap();
        assert!(
            refused.message.starts_with("concurrency"),
            "{}",
            refused.message
        );
        running.push(admit("b", OperationKind::Query).await.unwrap());
        assert!(
            admit("c", OperationKind::Query).await.is_err(),
            "all slots are taken"
        );
        // Mutations and subscriptions need no query slot.
        assert!(admit("a", OperationKind::Mutation).await.unwrap().is_some());
        assert!(
            admit("a", OperationKind::Subscription)
                .await
                .unwrap()
                .is_none()
        );
        running.clear();
        assert!(admit("c", OperationKind::Query).await.is_ok());
    }

    #[tokio::test]
    async fn mutations_of_a_token_have_their_own_limit() {
        let admission = ConcurrencyLimiter::new(4, Duration::ZERO);
        let mut running = Vec::new();
        for _ in 0..MUTATIONS_PER_TOKEN {
            let admitted = admission.admit(&caller("a"), OperationKind::Mutation).await;
            running.push(admitted.unwrap());
        }
        let next = admission.admit(&caller("a"), OperationKind::Mutation).await;
        assert!(next.is_err());
        let other = admission.admit(&caller("b"), OperationKind::Mutation).await;
        assert!(other.is_ok());
    }

    #[tokio::test]
    async fn sockets_of_a_token_are_limited_and_keep_its_budget_in_the_map() {
        let admission = ConcurrencyLimiter::new(2, Duration::ZERO);
        let open: Vec<_> = (0..SOCKETS_PER_TOKEN)
            .map(|_| admission.admit_socket(&caller("a")).unwrap())
            .collect();
        assert!(admission.admit_socket(&caller("b")).is_some());
        for n in 0..2 * MAX_IDLE_TOKENS {
            admission.budget(&caller(&n.to_string()));
        }
        assert!(admission.admit_socket(&caller("a")).is_none());
        drop(open);
        assert!(admission.admit_socket(&caller("a")).is_some());
    }

    #[tokio::test]
    async fn idle_tokens_are_removed_and_busy_ones_keep_their_budget() {
        let admission = ConcurrencyLimiter::new(2, Duration::ZERO);
        let _running = admission.admit(&caller("busy"), OperationKind::Query).await;
        for n in 0..2 * MAX_IDLE_TOKENS {
            let _ = admission
                .admit(&caller(&n.to_string()), OperationKind::Query)
                .await;
        }
        assert!(admission.tokens.lock().unwrap().len() <= MAX_IDLE_TOKENS);
        assert!(
            admission
                .admit(&caller("busy"), OperationKind::Query)
                .await
                .is_err()
        );
    }
}
