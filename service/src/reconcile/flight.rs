//! Serves several members at once, so that Kisi's rate limit is used even if its responses are slow. No member is started while
//! a more urgent one waits, and members in progress yield to it between two calls. Called by the worker.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};

use super::{
    account_snapshot::AccountSnapshot, execute::AccountError, member_state::MemberState,
    worker::Worker,
};
use crate::{
    kisi::Client,
    ownership::Ownership,
    running::is_stopping,
    store::{StoreError, due},
};

/// The maximum number of members that are served at once, whatever the rate limit.
const MAX_CONCURRENT: usize = 8;
/// How long the other members may finish their calls in flight after an error. Longer than any call takes.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(12);

/// What the members that are served at once share.
pub(super) struct Flight<'a> {
    pub(super) snapshot: &'a AccountSnapshot,
    pub(super) client: &'a Client,
    pub(super) ownership: &'a Ownership,
    /// Whether an error ended the work on the account.
    ended: AtomicBool,
}

impl<'a> Flight<'a> {
    pub(super) fn new(
        snapshot: &'a AccountSnapshot,
        client: &'a Client,
        ownership: &'a Ownership,
    ) -> Self {
        Self {
            snapshot,
            client,
            ownership,
            ended: AtomicBool::new(false),
        }
    }

    /// Whether no further call may start.
    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

impl Worker {
    /// Serves members, starting them in the given order. The first error ends the work: calls in flight are awaited, and no
    /// further call starts.
    pub(super) async fn serve_all(
        &self,
        flight: Flight<'_>,
        member_states: &mut [MemberState],
    ) -> Result<(), AccountError> {
        let limit = usize::try_from(self.app.config.kisi_rate).unwrap_or(MAX_CONCURRENT);
        let flight = &flight;
        let mut waiting = member_states.iter_mut();
        let mut under_way: FuturesUnordered<BoxFuture<'_, Result<(), AccountError>>> = waiting
            .by_ref()
            .take(limit.clamp(1, MAX_CONCURRENT))
            .map(|member_state| -> BoxFuture<'_, _> { Box::pin(self.serve(flight, member_state)) })
            .collect();
        while let Some(served) = under_way.next().await {
            let Err(stop) = served else {
                if let Some(member_state) = waiting.next() {
                    under_way.push(Box::pin(self.serve(flight, member_state)));
                }
                continue;
            };
            flight.ended.store(true, Ordering::Relaxed);
            let rest = async { while under_way.next().await.is_some() {} };
            if tokio::time::timeout(DRAIN_TIMEOUT, rest).await.is_err() {
                tracing::debug!(account = %flight.snapshot.account.id, "calls that wait for the rate limit are cancelled");
            }
            return Err(stop);
        }
        Ok(())
    }

    /// Whether a member must yield: the work ends, a replacement is unfinished, or a member waits that is unsorted or more
    /// urgent.
    pub(super) async fn must_yield(
        &self,
        flight: &Flight<'_>,
        member_state: &MemberState,
    ) -> Result<bool, StoreError> {
        if flight.is_ended() || is_stopping(&self.stopping) {
            return Ok(true);
        }
        let Some(lane) = member_state.due.lane else {
            // It was served directly after sorting, so it is one of few.
            return Ok(false);
        };
        let now = self.app.clock.now();
        if !self.unfinished_replacements(now).await?.is_empty() {
            return Ok(true);
        }
        if self.turns.is_fixed() {
            return Ok(false);
        }
        let (db, or_unsorted) = (self.app.db.read(), self.turns.may_yield_to_unsorted());
        due::is_more_urgent_waiting(db, self.account, now.micros(), lane, or_unsorted).await
    }
}
