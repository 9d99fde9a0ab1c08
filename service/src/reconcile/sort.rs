//! Sorts due members: they are planned in batches, members without steps are settled together, and the others get a lane, unless
//! they are so few that the worker serves them at once. Called by the worker.

use access::Instant;

use super::{
    account_snapshot::AccountSnapshot,
    adoption,
    brake::{self, PendingRevocations},
    execute::AccountError,
    flight::Settled,
    member_state::{Assessment, Blocked, MemberState},
    worker::{INLINE_LIMIT, RECHECK_AFTER, SORT_BATCH, Worker, count},
};
use crate::{
    store::{StoreError, convert::lane_column, due, kisi_accounts, row},
    transaction,
};

impl Worker {
    /// Notes in the trace of each delivery that its members were evaluated, since `started`.
    fn trace_evaluations(&self, member_states: &[MemberState], started: Instant) {
        for member_state in member_states {
            let delivery = due::open_delivery(&member_state.due);
            if let Some(trace) = self.app.traces.of(delivery) {
                let span = trace.work("evaluate member", started);
                span.with("latchkey.account", self.account.to_string())
                    .end();
            }
        }
    }

    /// Plans a batch of due members. Early losses become pending revocations first, and are judged once all due members have been
    /// sorted. Returns those to serve at once, the most urgent first.
    pub(super) async fn sort(
        &self,
        snapshot: &AccountSnapshot,
        rows: Vec<row::Due>,
    ) -> Result<Vec<MemberState>, AccountError> {
        let (now, horizon) = (self.app.clock.now(), self.app.config.horizon);
        let is_all = count(rows.len()) < SORT_BATCH;
        let mut member_states = adoption::load_and_adopt(&self.app, snapshot, rows, now).await?;
        self.trace_evaluations(&member_states, now);
        let mut pending = PendingRevocations::default();
        for member_state in &mut member_states {
            pending.collect(member_state, snapshot, now);
        }
        let has_pending = |member_state: &MemberState| member_state.is_brake_pending();
        let is_brake_pending = !pending.is_empty() || member_states.iter().any(has_pending);
        if !pending.is_empty() {
            pending.write(&self.app, self.scope).await?;
        }
        if is_brake_pending
            && is_all
            && brake::judge(&self.app, self.scope, Some(self.account)).await?
        {
            // A decision marks its members due again, so the loaded rows are out of date.
            return Ok(Vec::new());
        }
        let mut settled: Vec<Settled> = Vec::new();
        let mut waiting: Vec<row::Due> = Vec::new();
        let mut open: Vec<(i32, MemberState)> = Vec::new();
        for member_state in member_states {
            match member_state.assess(snapshot, now, horizon) {
                Assessment::Settled(again_at) => {
                    settled.push(Settled::new(member_state, again_at));
                }
                Assessment::Blocked(Blocked::UnknownAnswer) => {
                    open.push((lane_column(access::Lane::Now), member_state));
                }
                Assessment::Blocked(Blocked::FirstReading | Blocked::Brake(_)) => {
                    waiting.push(member_state.due);
                }
                Assessment::Plan(plan) => open.push((lane_column(plan.lane), member_state)),
            }
        }
        self.settle(settled).await?;
        self.wait(waiting, now.plus(RECHECK_AFTER)).await?;
        if is_all && !snapshot.awaiting_evaluation().is_empty() {
            // All members were evaluated: the next sweep may remove strangers.
            let (id, at) = (snapshot.account.id, now.micros());
            let due: Result<(), StoreError> =
                transaction!(self.app.db, |tx| kisi_accounts::request_sweep(tx, id, at)
                    .await)
                .await;
            due?;
        }
        let db = self.app.db.read();
        let waiting = due::next(db, snapshot.account.id, now.micros(), 1).await?;
        if is_all && open.len() <= INLINE_LIMIT && waiting.is_empty() {
            open.sort_by_key(|(lane, _)| *lane);
            let at_once = open.into_iter().map(|(_, member_state)| member_state);
            return Ok(at_once.collect());
        }
        let lanes: Vec<(row::Due, i32)> = open
            .into_iter()
            .map(|(lane, member_state)| (member_state.due, lane))
            .collect();
        let written = transaction!(self.app.db, |tx| {
            let lanes: Vec<(&row::Due, i32)> =
                lanes.iter().map(|(row, lane)| (row, *lane)).collect();
            due::set_lanes(tx, &lanes).await
        });
        written.await?;
        Ok(Vec::new())
    }
}
