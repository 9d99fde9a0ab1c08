//! How the work on members ends for now: they are settled, wait for a decision, or are retried later. Called by the worker.

use std::{collections::HashSet, sync::atomic::Ordering, time::Duration};

use access::Instant;
use futures_util::future::join_all;
use uuid::Uuid;

use super::{
    execute::{AccountError, back_off},
    flight::Settled,
    member_state::MemberState,
    record::{self, Write},
    worker::{RECHECK_AFTER, Worker},
};
use crate::{
    kisi::Error,
    store::{
        StoreError, deliveries, due, revocations,
        row::{self, RevocationState},
    },
    transaction,
};

impl Worker {
    /// Postpones members who wait for something that marks them due. At `at` they are planned again in any case.
    pub(super) async fn wait(&self, rows: Vec<row::Due>, at: Instant) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let postponed = transaction!(self.app.db, |tx| {
            let rows: Vec<&row::Due> = rows.iter().collect();
            due::postpone_all(tx, &rows, at.micros()).await
        });
        postponed.await
    }

    /// Schedules a retry for one member; the delay grows with the consecutive failures.
    pub(super) async fn retry(
        &self,
        member_state: &MemberState,
        attempts: u32,
        first: Duration,
    ) -> Result<(), StoreError> {
        let most = self.longest_wait(member_state, attempts);
        let wait = back_off(attempts, first.min(most), most);
        let (row, at) = (
            member_state.due.clone(),
            self.app.clock.now().plus(wait).micros(),
        );
        let attempts = attempts.saturating_add(1);
        let scheduled = transaction!(self.app.db, |tx| due::retry(tx, &row, attempts, at).await);
        scheduled.await
    }

    /// Schedules a retry for one member after a failure, so that the members behind it are served. A second failure in a row is
    /// treated as a failure of Kisi and returned.
    pub(super) async fn retry_failed(
        &self,
        member_state: &MemberState,
        attempts: u32,
        problem: Error,
    ) -> Result<(), AccountError> {
        self.retry(member_state, attempts, Duration::from_secs(1))
            .await?;
        let in_a_row = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
        if in_a_row > 0 {
            return Err(problem.into());
        }
        tracing::warn!(account = %self.account, error = ?problem, "a call to Kisi failed for one member; the member is retried later");
        Ok(())
    }

    /// Stores the queued results of members who are not settled, each apart. What cannot be stored is looked up by its intent.
    pub(super) async fn store_apart(&self, queued: Vec<Vec<Write>>) {
        let queued = queued.into_iter().filter(|writes| !writes.is_empty());
        let stored = queued.map(|writes| {
            let scope = self.scope;
            self.app
                .db
                .write_together(move |tx| Box::pin(record::store_all(tx, scope, writes.clone())))
        });
        for stored in join_all(stored).await {
            if let Err(problem) = stored {
                tracing::debug!(account = %self.account, error = ?problem, "the result of a call to Kisi is not stored; it is looked up");
            }
        }
    }

    /// Settles members whose assignments in Kisi are as wanted, and their deliveries, in one transaction with the queued results.
    /// Members who were marked due again are not settled. Members with a pending revocation are postponed: the decision of the brake
    /// marks them due.
    pub(super) async fn settle(&self, members: Vec<Settled>) -> Result<(), StoreError> {
        if members.is_empty() {
            return Ok(());
        }
        let (scope, account, now) = (self.scope, self.account, self.app.clock.now().micros());
        let members = members.into_iter();
        let (rows, queued): (Vec<_>, Vec<_>) = members
            .map(|member| ((member.due, member.again_at), member.queued))
            .unzip();
        let known = queued.clone();
        let started = self.app.clock.now();
        let settled = self.app.db.write_together(move |tx| {
            let (rows, queued) = (rows.clone(), queued.concat());
            Box::pin(async move {
                record::store_all(tx, scope, queued).await?;
                let members: Vec<Uuid> = rows.iter().map(|(row, _)| row.member_id).collect();
                let open = revocations::open(tx, scope, account, &members).await?;
                let pending = open.iter().filter(|it| it.state == RevocationState::Asked);
                let pending: HashSet<Uuid> = pending.map(|it| it.member_id).collect();
                let is_pending = |row: &row::Due| pending.contains(&row.member_id);
                let waiting = rows.iter().map(|(row, _)| row);
                let waiting: Vec<&row::Due> = waiting.filter(|row| is_pending(row)).collect();
                let delay = i64::try_from(RECHECK_AFTER.as_micros()).unwrap_or(i64::MAX);
                due::postpone_all(tx, &waiting, now.saturating_add(delay)).await?;
                let settled = rows.iter().filter(|(row, _)| !is_pending(row));
                let settled: Vec<(&row::Due, Option<i64>)> =
                    settled.map(|(row, at)| (row, *at)).collect();
                let members = due::settle_all(tx, &settled).await?;
                if !open.is_empty() {
                    revocations::settle(tx, scope, account, &members).await?;
                }
                deliveries::settle(tx, scope, &members, now).await
            })
        });
        let settled = match settled.await {
            Ok(settled) => settled,
            Err(problem) => {
                // One of them may be the reason. What is known of the others is kept.
                self.store_apart(known).await;
                return Err(problem);
            }
        };
        for delivery in settled {
            self.app.metrics.delivery_confirmed(&delivery);
            if let Some(trace) = self.app.traces.of(Some(delivery.id)) {
                trace.work("confirm delivery", started).end();
            }
        }
        Ok(())
    }
}
