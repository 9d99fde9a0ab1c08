//! Several members served at once, so that Kisi's limit is used however long it takes to answer. Nobody is begun while somebody
//! more urgent waits, and whoever is under way gives way to them between two calls. Called by the worker.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};

use super::{
    execute::AccountError,
    member_state::{AccountSnapshot, MemberState},
    worker::Worker,
};
use crate::{
    kisi::Client,
    lease::Lease,
    running::is_stopping,
    store::{StoreError, due},
};

/// The most that are served at once, whatever the limit.
const MOST: usize = 8;
/// How long the others may finish the call that they are at, where one of them stopped the work: longer than any call takes.
const LAST_CALLS: Duration = Duration::from_secs(12);

/// The work of several cases at once.
pub(super) struct Flight<'a> {
    pub(super) snapshot: &'a AccountSnapshot,
    pub(super) client: &'a Client,
    pub(super) lease: &'a Lease,
    /// Whether one of them stopped the work on the account.
    ended: AtomicBool,
}

impl<'a> Flight<'a> {
    pub(super) fn new(snapshot: &'a AccountSnapshot, client: &'a Client, lease: &'a Lease) -> Self {
        Self {
            snapshot,
            client,
            lease,
            ended: AtomicBool::new(false),
        }
    }

    /// Whether nothing more is to be begun.
    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

impl Worker {
    /// Serves cases, in their order as far as they wait for each other. The first stop ends the work: calls that were made are
    /// waited for, and nothing more is begun.
    pub(super) async fn serve_all(
        &self,
        flight: Flight<'_>,
        member_states: &mut [MemberState],
    ) -> Result<(), AccountError> {
        let limit = usize::try_from(self.app.config.kisi_rate).unwrap_or(MOST);
        let flight = &flight;
        let mut waiting = member_states.iter_mut();
        let mut under_way: FuturesUnordered<BoxFuture<'_, Result<(), AccountError>>> = waiting
            .by_ref()
            .take(limit.clamp(1, MOST))
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
            if tokio::time::timeout(LAST_CALLS, rest).await.is_err() {
                tracing::debug!(account = %flight.snapshot.account.id, "calls that wait for their turn are given up");
            }
            return Err(stop);
        }
        Ok(())
    }

    /// Whether a case gives way: the work ends, or somebody waits who is half replaced, not sorted yet, or more urgent.
    pub(super) async fn gives_way(
        &self,
        flight: &Flight<'_>,
        member_state: &MemberState,
    ) -> Result<bool, StoreError> {
        if flight.is_ended() || is_stopping(&self.stopping) {
            return Ok(true);
        }
        let Some(lane) = member_state.due.lane else {
            // Served as soon as it was sorted, so it is one of few.
            return Ok(false);
        };
        let now = self.app.clock.now();
        if !self.half_replaced(now).await?.is_empty() {
            return Ok(true);
        }
        let db = self.app.db.read();
        due::is_more_urgent_waiting(db, self.account, now.micros(), lane).await
    }
}
