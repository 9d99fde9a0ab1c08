//! Sorts whoever is due: many are planned at once, those who need nothing are settled together, the others get their lane.
//! Never calls Kisi but for the few that are served at once. Called by the worker.

use access::Instant;

use super::{
    adoption,
    brake::{self, PendingRevocations},
    execute::AccountError,
    flight::Flight,
    member_state::{self, AccountSnapshot, MemberState, lane_number},
    worker::{FEW, SORTED_AT_ONCE, UNANSWERED, Worker, count},
};
use crate::{
    kisi::Client,
    lease::Lease,
    store::{StoreError, due, kisi_accounts, row},
};

impl Worker {
    /// Plans for many at once: whoever needs nothing is settled together, the others get their lane. What would be lost
    /// early is asked of the brake first, and answered once everybody who is due has been sorted.
    pub(super) async fn sort(
        &self,
        snapshot: &AccountSnapshot,
        rows: Vec<row::Due>,
        client: &Client,
        lease: &Lease,
    ) -> Result<(), AccountError> {
        let (now, horizon) = (self.app.clock.now(), self.app.config.horizon);
        let is_all = count(rows.len()) < SORTED_AT_ONCE;
        let mut member_states = member_state::load(&self.app.db, snapshot, rows).await?;
        adoption::adopt(&self.app, snapshot, &mut member_states, now).await?;
        let mut pending = PendingRevocations::default();
        for member_state in &mut member_states {
            pending.of(member_state, snapshot, now, &self.app);
        }
        let asks = |member_state: &MemberState| member_state.is_asking();
        let is_asking = !pending.is_empty() || member_states.iter().any(asks);
        if !pending.is_empty() {
            pending.write(&self.app, self.scope).await?;
        }
        if is_asking && is_all && brake::judge(&self.app, self.scope, self.account).await? {
            // An answer marks its members anew: the rows at hand are out of date.
            return Ok(());
        }
        let mut settled: Vec<(row::Due, Option<i64>)> = Vec::new();
        let mut waiting: Vec<row::Due> = Vec::new();
        let mut open: Vec<(i32, MemberState)> = Vec::new();
        for member_state in member_states {
            let plan = member_state.plan(snapshot, now, horizon);
            if member_state.is_in_flight() {
                open.push((lane_number(access::Lane::Now), member_state));
            } else if plan.steps.is_empty()
                && member_state.is_waiting_for_reading(snapshot, now, horizon)
            {
                waiting.push(member_state.due);
            } else if plan.steps.is_empty() {
                settled.push((member_state.due, plan.replan_at.map(Instant::micros)));
            } else if member_state.is_asking() {
                open.push((lane_number(access::Lane::Revocation), member_state));
            } else {
                open.push((lane_number(plan.lane), member_state));
            }
        }
        self.settle(settled).await?;
        self.wait(waiting, now.plus(UNANSWERED)).await?;
        if is_all && !snapshot.waiting_for_evaluation().is_empty() {
            // Everybody was evaluated: the next sweep may remove strangers.
            let (id, at) = (snapshot.account.id, now.micros());
            let due: Result<(), StoreError> = (self.app.db)
                .write(move |tx| {
                    Box::pin(async move { kisi_accounts::request_sweep(tx, id, at).await })
                })
                .await;
            due?;
        }
        let db = self.app.db.read();
        let waiting = due::next(db, snapshot.account.id, now.micros(), 1).await?;
        if is_all && open.len() <= FEW && waiting.is_empty() {
            open.sort_by_key(|(lane, _)| *lane);
            let mut member_states: Vec<MemberState> = open
                .into_iter()
                .map(|(_, member_state)| member_state)
                .collect();
            let flight = Flight::new(snapshot, client, lease);
            return self.serve_all(flight, &mut member_states).await;
        }
        let lanes: Vec<(row::Due, i32)> = open
            .into_iter()
            .map(|(lane, member_state)| (member_state.due, lane))
            .collect();
        let sorted = self.app.db.write(move |tx| {
            Box::pin(async move {
                let lanes: Vec<(&row::Due, i32)> =
                    lanes.iter().map(|(row, lane)| (row, *lane)).collect();
                due::set_lanes(tx, &lanes).await
            })
        });
        Ok(sorted.await?)
    }
}
