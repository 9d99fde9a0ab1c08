//! Why and for how long the work on an account pauses, and what is said of it. What Kisi answers counts for the credentials
//! that the call was made with, and for no others. A database that fails says nothing about Kisi: it is tried again within a
//! second, and the account stays as it is. Called by the worker where a turn ends early.

use std::{sync::atomic::Ordering, time::Duration};

use access::Instant;

use super::{
    execute::{AccountError, back_off},
    worker::Worker,
};
use crate::{
    kisi::Error,
    store::{
        StoreError,
        kisi_accounts::{self, CallCredentials},
        row::KisiStatus,
    },
};

/// How long the work waits for Kisi after a first failure, and at most.
const KISI: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// … for the database, in real time.
pub(super) const DATABASE: (Duration, Duration) =
    (Duration::from_millis(50), Duration::from_secs(1));

/// How a pause ends.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// At an instant of the clock, or as soon as the account has other credentials.
    Until(Instant),
    /// After a length of real time, whatever the clock shows: the database failed.
    For(Duration),
}

impl Worker {
    /// False where the account has other credentials meanwhile: what they are good for is not known, and nothing was written.
    pub(super) async fn set_status(
        &self,
        status: KisiStatus,
        problem: Option<String>,
    ) -> Result<bool, StoreError> {
        let call = self.call();
        self.app
            .db
            .write(move |tx| {
                Box::pin(async move { kisi_accounts::set_status(tx, &call, status, problem).await })
            })
            .await
    }

    /// Kisi asked for patience: whoever works on the account next, in this process or another, has it as well.
    async fn stop_until(&self, until: Instant) -> Result<(), StoreError> {
        let (call, until) = (self.call(), until.micros());
        let stored = (self.app.db).write(move |tx| {
            Box::pin(async move { kisi_accounts::stop_until(tx, &call, until).await })
        });
        stored.await
    }

    fn call(&self) -> CallCredentials {
        CallCredentials {
            account: self.account,
            credentials: self.tried.clone(),
        }
    }

    /// Says on the account what is wrong, and when to go on.
    pub(super) async fn stopped(&mut self, stop: AccountError) -> Pause {
        match &stop {
            AccountError::Store(_) => self.without_database(&stop),
            AccountError::Kisi(problem) => {
                let wait = self.without_kisi(problem).await;
                self.pauses(&stop, wait)
            }
            AccountError::Credentials => self.pauses(&stop, KISI.1),
            AccountError::LeaseLost => self.pauses(&stop, KISI.0),
        }
    }

    fn pauses(&mut self, stop: &AccountError, wait: Duration) -> Pause {
        tracing::warn!(account = %self.account, error = ?stop, wait_ms = wait.as_millis(), "the work on an account pauses");
        let until = self.app.clock.now().plus(wait);
        self.stopped_until = Some(until);
        Pause::Until(until)
    }

    fn without_database(&mut self, stop: &AccountError) -> Pause {
        let wait = back_off(self.database_failures, DATABASE.0, DATABASE.1);
        self.database_failures = self.database_failures.saturating_add(1);
        tracing::warn!(account = %self.account, error = ?stop, wait_ms = wait.as_millis(), "the database failed; the account waits for it");
        Pause::For(wait)
    }

    /// Stores what a failure of Kisi means for the account; how long to wait.
    async fn without_kisi(&mut self, problem: &Error) -> Duration {
        if self.made_progress.swap(false, Ordering::Relaxed) {
            // Kisi did something of what was asked: it is not the same trouble that goes on.
            self.failures = 0;
        }
        let wait = match problem {
            Error::Unauthorized { .. } => KISI.1,
            Error::RateLimited { after: Some(after) } => *after,
            _ => back_off(self.failures, KISI.0, KISI.1),
        };
        let status = match problem {
            Error::Unauthorized { .. } => Some(KisiStatus::Unauthorized),
            Error::RateLimited { .. } => None,
            // Once may be an accident.
            _ if self.failures > 0 || self.failures_in_a_row.load(Ordering::Relaxed) > 1 => {
                Some(KisiStatus::Unreachable)
            }
            _ => None,
        };
        if let Some(status) = status
            && let Err(second) = self.set_status(status, Some(problem.for_people())).await
        {
            tracing::error!(error = ?second, "the state of an account could not be stored");
        }
        self.failures = self.failures.saturating_add(1);
        if let Error::RateLimited { .. } = problem
            && let Err(second) = self.stop_until(self.app.clock.now().plus(wait)).await
        {
            tracing::error!(error = ?second, "the stop of an account could not be stored");
        }
        wait
    }
}
