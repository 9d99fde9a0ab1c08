//! Sorts whoever is due: many are planned at once, those who need nothing are settled together, the others get their lane.
//! Never calls Kisi but for the few that are served at once. Called by the worker.

use access::Instant;

use super::{
    adoption,
    brake::{self, Questions},
    case::{self, Case, Ground, lane_number},
    execute::Stop,
    flight::Flight,
    lease::Lease,
    worker::{FEW, SORTED_AT_ONCE, UNANSWERED, Worker, count},
};
use crate::{
    kisi::Client,
    store::{StoreError, due, kisi_accounts, row},
};

impl Worker {
    /// Plans for many at once: whoever needs nothing is settled together, the others get their lane. What would be lost
    /// early is asked of the brake first, and answered once everybody who is due has been sorted.
    pub(super) async fn sort(
        &self,
        ground: &Ground,
        rows: Vec<row::Due>,
        client: &Client,
        lease: &Lease,
    ) -> Result<(), Stop> {
        let (now, horizon) = (self.app.clock.now(), self.app.config.horizon);
        let is_all = count(rows.len()) < SORTED_AT_ONCE;
        let mut cases = case::load(&self.app.db, ground, rows).await?;
        adoption::adopt(&self.app, ground, &mut cases, now).await?;
        let mut questions = Questions::default();
        for case in &mut cases {
            questions.of(case, ground, now, &self.app);
        }
        let asks = |case: &Case| case.is_asking();
        let is_asking = !questions.is_empty() || cases.iter().any(asks);
        if !questions.is_empty() {
            questions.write(&self.app, self.scope).await?;
        }
        if is_asking && is_all && brake::judge(&self.app, self.scope, self.account).await? {
            // An answer marks its members anew: the rows at hand are out of date.
            return Ok(());
        }
        let mut settled: Vec<(row::Due, Option<i64>)> = Vec::new();
        let mut waiting: Vec<row::Due> = Vec::new();
        let mut open: Vec<(i32, Case)> = Vec::new();
        for case in cases {
            let plan = case.plan(ground, now, horizon);
            if case.is_in_flight() {
                open.push((lane_number(access::Lane::Now), case));
            } else if plan.steps.is_empty() && case.is_waiting_for_reading(ground, now, horizon) {
                waiting.push(case.due);
            } else if plan.steps.is_empty() {
                settled.push((case.due, plan.again_at.map(Instant::micros)));
            } else if case.is_asking() {
                open.push((lane_number(access::Lane::Revocation), case));
            } else {
                open.push((lane_number(plan.lane), case));
            }
        }
        self.settle(settled).await?;
        self.wait(waiting, now.plus(UNANSWERED)).await?;
        if is_all && !ground.waiting_for_evaluation().is_empty() {
            // Everybody was evaluated: the next sweep may remove strangers.
            let (id, at) = (ground.account.id, now.micros());
            let due: Result<(), StoreError> = (self.app.db)
                .write(move |tx| Box::pin(async move { kisi_accounts::read_due(tx, id, at).await }))
                .await;
            due?;
        }
        let db = self.app.db.read();
        let waiting = due::next(db, ground.account.id, now.micros(), 1).await?;
        if is_all && open.len() <= FEW && waiting.is_empty() {
            open.sort_by_key(|(lane, _)| *lane);
            let mut cases: Vec<Case> = open.into_iter().map(|(_, case)| case).collect();
            let flight = Flight::new(ground, client, lease);
            return self.serve_all(flight, &mut cases).await;
        }
        let lanes: Vec<(row::Due, i32)> = open
            .into_iter()
            .map(|(lane, case)| (case.due, lane))
            .collect();
        let sorted = self.app.db.write(move |tx| {
            Box::pin(async move {
                let lanes: Vec<(&row::Due, i32)> =
                    lanes.iter().map(|(row, lane)| (row, *lane)).collect();
                due::sort_all(tx, &lanes).await
            })
        });
        Ok(sorted.await?)
    }
}
