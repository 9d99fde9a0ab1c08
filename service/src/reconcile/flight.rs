//! Serves several members at once, so that Kisi's rate limit is used even if its responses are slow. No member is started while
//! a more urgent one waits, and members in progress yield to it between two calls. Called by the worker.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use access::Instant;
use futures_util::{
    StreamExt,
    future::{BoxFuture, pending, ready},
    stream::FuturesUnordered,
};

use super::{
    account_snapshot::AccountSnapshot, execute::AccountError, member_state::MemberState,
    record::Write, worker::Worker,
};
use crate::{
    kisi::Client,
    ownership::Ownership,
    running::is_stopping,
    store::{StoreError, due, row},
};

/// The maximum number of members that are served at once, whatever the rate limit.
const MAX_CONCURRENT: usize = 8;
/// How long the other members may finish their calls in flight after an error. Longer than any call takes.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(12);

/// A member whose assignments in Kisi are as wanted.
#[derive(Clone)]
pub(super) struct Settled {
    pub(super) due: row::Due,
    /// When the member is planned again.
    pub(super) again_at: Option<i64>,
    /// Results of calls that are not stored yet.
    pub(super) queued: Vec<Write>,
}

impl Settled {
    pub(super) fn new(member_state: MemberState, again_at: Option<Instant>) -> Self {
        Self {
            due: member_state.due,
            again_at: again_at.map(Instant::micros),
            queued: member_state.queued,
        }
    }
}

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
    /// Serves members, starting them in the given order, and settles together those that are done while others are being settled.
    /// The first error ends the work: calls in flight are awaited, and no further call starts.
    pub(super) async fn serve_all(
        &self,
        flight: Flight<'_>,
        member_states: &mut [MemberState],
    ) -> Result<(), AccountError> {
        let limit = usize::try_from(self.app.config.kisi_rate).unwrap_or(MAX_CONCURRENT);
        let flight = &flight;
        let mut waiting = member_states.iter_mut();
        let mut under_way: FuturesUnordered<BoxFuture<'_, Result<Option<Settled>, AccountError>>> =
            waiting
                .by_ref()
                .take(limit.clamp(1, MAX_CONCURRENT))
                .map(|member_state| -> BoxFuture<'_, _> {
                    Box::pin(self.serve(flight, member_state))
                })
                .collect();
        let mut done: Vec<Settled> = Vec::new();
        let mut settling: Option<BoxFuture<'_, Result<(), StoreError>>> = None;
        let stop = loop {
            tokio::select! {
                biased;
                Some(served) = under_way.next() => match served {
                    Ok(settled) => {
                        done.extend(settled);
                        if let Some(member_state) = waiting.next() {
                            under_way.push(Box::pin(self.serve(flight, member_state)));
                        }
                    }
                    Err(stop) => break stop,
                },
                settled = finished(&mut settling), if settling.is_some() => {
                    settling = None;
                    if let Err(problem) = settled {
                        break problem.into();
                    }
                }
                // Nobody else is done at this moment.
                () = ready(()), if settling.is_none() && !done.is_empty() => {
                    settling = Some(Box::pin(self.settle(std::mem::take(&mut done))));
                }
                else => return Ok(()),
            }
        };
        flight.ended.store(true, Ordering::Relaxed);
        let rest = async {
            while let Some(served) = under_way.next().await {
                done.extend(served.ok().flatten());
            }
        };
        if tokio::time::timeout(DRAIN_TIMEOUT, rest).await.is_err() {
            tracing::debug!(account = %flight.snapshot.account.id, "calls that wait for the rate limit are cancelled");
        }
        drop(under_way);
        // Who is not settled because of an error stays due.
        let is_settled = settling.is_none() || finished(&mut settling).await.is_ok();
        if flight.ownership.is_held() {
            let cancelled = member_states.iter_mut();
            let mut known: Vec<_> = cancelled.map(|it| std::mem::take(&mut it.queued)).collect();
            if is_settled {
                let _ = self.settle(done).await;
            } else {
                known.extend(done.into_iter().map(|settled| settled.queued));
            }
            self.store_apart(known).await;
        }
        Err(stop)
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

/// Resolves when a running future does; never if there is none.
async fn finished<T>(running: &mut Option<BoxFuture<'_, T>>) -> T {
    match running {
        Some(running) => running.await,
        None => pending().await,
    }
}
