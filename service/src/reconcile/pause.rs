//! Why and for how long the work on an account pauses, and the status that is stored. A response of Kisi counts only for the
//! credentials of its call. A database failure says nothing about Kisi: it is retried within a second, and the status of the
//! account stays. Called by the worker when a turn ends with an error.

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
    transaction,
};

/// The first and the longest delay after failures of Kisi.
const KISI_BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The first and the longest delay after failures of the database, in real time.
pub(super) const DATABASE_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(50), Duration::from_secs(1));

/// How a pause ends.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// At an instant of the service's clock, or as soon as the account has other credentials.
    Until(Instant),
    /// After a duration of real time: the database failed.
    For(Duration),
}

impl Worker {
    /// Stores the status of the account. False, with nothing stored, if the account has other credentials by now.
    pub(super) async fn set_status(
        &self,
        status: KisiStatus,
        problem: Option<String>,
    ) -> Result<bool, StoreError> {
        let call = self.call_credentials();
        transaction!(self.app.db, |tx| kisi_accounts::set_status(
            tx, &call, status, problem
        )
        .await)
        .await
    }

    /// Stores the end of a pause that Kisi requested, so that the next owner of the account respects it too.
    async fn stop_until(&self, until: Instant) -> Result<(), StoreError> {
        let (call, until) = (self.call_credentials(), until.micros());
        let stored = transaction!(self.app.db, |tx| kisi_accounts::stop_until(
            tx, &call, until
        )
        .await);
        stored.await
    }

    fn call_credentials(&self) -> CallCredentials {
        CallCredentials {
            account: self.account,
            credentials: self.last_credentials.clone(),
        }
    }

    /// Stores the status that an error implies, and returns when to continue.
    pub(super) async fn handle_error(&mut self, stop: AccountError) -> Pause {
        match &stop {
            AccountError::Store(_) => self.pause_for_database(&stop),
            AccountError::Kisi(problem) => {
                let wait = self.record_kisi_failure(problem).await;
                self.pause_account(&stop, wait)
            }
            AccountError::Credentials => self.pause_account(&stop, KISI_BACKOFF.1),
            AccountError::NotOwned => self.pause_account(&stop, KISI_BACKOFF.0),
        }
    }

    fn pause_account(&mut self, stop: &AccountError, wait: Duration) -> Pause {
        tracing::warn!(account = %self.account, error = ?stop, wait_ms = wait.as_millis(), "the work on a Kisi account failed; it pauses");
        let until = self.app.clock.now().plus(wait);
        self.stopped_until = Some(until);
        Pause::Until(until)
    }

    fn pause_for_database(&mut self, stop: &AccountError) -> Pause {
        let wait = back_off(
            self.database_failures,
            DATABASE_BACKOFF.0,
            DATABASE_BACKOFF.1,
        );
        self.database_failures = self.database_failures.saturating_add(1);
        tracing::warn!(account = %self.account, error = ?stop, wait_ms = wait.as_millis(), "the database failed; the work on the account is retried");
        Pause::For(wait)
    }

    /// Stores what a failure of Kisi means for the account. Returns how long to wait.
    async fn record_kisi_failure(&mut self, problem: &Error) -> Duration {
        if self.made_progress.swap(false, Ordering::Relaxed) {
            // A call succeeded since the last failure, so this is a new failure.
            self.failures = 0;
        }
        let wait = match problem {
            Error::Unauthorized { .. } => KISI_BACKOFF.1,
            Error::RateLimited { after: Some(after) } => *after,
            _ => back_off(self.failures, KISI_BACKOFF.0, KISI_BACKOFF.1),
        };
        let status = match problem {
            Error::Unauthorized { .. } => Some(KisiStatus::Unauthorized),
            Error::RateLimited { .. } => None,
            // A single failure may be accidental.
            _ if self.failures > 0 || self.failures_in_a_row.load(Ordering::Relaxed) > 1 => {
                Some(KisiStatus::Unreachable)
            }
            _ => None,
        };
        if let Some(status) = status
            && let Err(second) = self.set_status(status, Some(problem.for_people())).await
        {
            tracing::error!(error = ?second, "the status of a Kisi account could not be stored");
        }
        self.failures = self.failures.saturating_add(1);
        if let Error::RateLimited { .. } = problem
            && let Err(second) = self.stop_until(self.app.clock.now().plus(wait)).await
        {
            tracing::error!(error = ?second, "the end of a pause of a Kisi account could not be stored");
        }
        wait
    }
}
