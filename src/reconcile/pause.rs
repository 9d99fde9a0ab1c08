//! Why and for how long the work on an account pauses, and what is said of it. Called by the worker where a turn ends early.

use std::{sync::atomic::Ordering, time::Duration};

use access::Instant;

use super::{
    execute::{Stop, back_off},
    worker::Worker,
};
use crate::{
    kisi::Error,
    store::{StoreError, kisi_accounts, row::KisiStatus},
};

impl Worker {
    pub(super) async fn set_status(
        &self,
        status: KisiStatus,
        problem: Option<String>,
    ) -> Result<(), StoreError> {
        let id = self.account;
        self.app
            .db
            .write(move |tx| {
                Box::pin(async move { kisi_accounts::set_status(tx, id, status, problem).await })
            })
            .await
    }

    /// Kisi asked for patience: whoever works on the account next, in this process or another, has it as well.
    async fn stop_until(&self, until: Instant) -> Result<(), StoreError> {
        let (id, until) = (self.account, until.micros());
        let stored = (self.app.db).write(move |tx| {
            Box::pin(async move { kisi_accounts::stop_until(tx, id, until).await })
        });
        stored.await
    }

    /// Says on the account what is wrong, and when to go on.
    pub(super) async fn stopped(&mut self, stop: Stop) -> Instant {
        let now = self.app.clock.now();
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(60));
        let mut wait = back_off(self.failures, first, most);
        match &stop {
            Stop::Kisi(Error::Unauthorized { .. }) => wait = most,
            Stop::Kisi(Error::RateLimited { after: Some(after) }) => wait = *after,
            _ => {}
        }
        let status = match &stop {
            Stop::Kisi(problem @ Error::Unauthorized { .. }) => {
                Some((KisiStatus::Unauthorized, problem.for_people()))
            }
            Stop::Kisi(Error::RateLimited { .. }) => None,
            // Once may be an accident.
            Stop::Kisi(problem)
                if self.failures > 0 || self.failures_in_a_row.load(Ordering::Relaxed) > 1 =>
            {
                Some((KisiStatus::Unreachable, problem.for_people()))
            }
            _ => None,
        };
        tracing::warn!(account = %self.account, error = ?stop, wait_ms = wait.as_millis(), "the work on an account pauses");
        if let Some((status, problem)) = status
            && let Err(second) = self.set_status(status, Some(problem)).await
        {
            tracing::error!(error = ?second, "the state of an account could not be stored");
        }
        self.failures = self.failures.saturating_add(1);
        let until = now.plus(wait);
        if let Stop::Kisi(Error::RateLimited { .. }) = &stop
            && let Err(second) = self.stop_until(until).await
        {
            tracing::error!(error = ?second, "the stop of an account could not be stored");
        }
        self.stopped_until = Some(until);
        until
    }
}
