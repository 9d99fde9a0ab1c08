//! Detects that the machine's clock was ahead and was set back, while the service runs or between two starts. Then all members
//! are marked due, because instants stored under the wrong time would wait until the clock shows that time again. Called by the
//! loop at its start and at each poll.

use std::time::Duration;

use crate::{
    app::App,
    clock::{Clock, Stopwatch, created_at},
    store::{StoreError, clock_correction},
    transaction,
};

/// Differences up to this are normal between the clocks of replicas, or while a clock is slewed.
const TOLERANCE: Duration = Duration::from_secs(60);

pub struct ClockWatch {
    /// The last check: a monotonic stopwatch, and the wall clock in microseconds.
    last_check: Option<(Stopwatch, i64)>,
}

impl ClockWatch {
    pub fn new() -> Self {
        Self { last_check: None }
    }

    /// Checks the clock. If it was set back, resets stored future instants, which marks all members due.
    pub async fn check(&mut self, app: &App) -> Result<(), StoreError> {
        let now = Clock::system().now().micros();
        let tolerance = micros(TOLERANCE);
        let was_ahead = match &self.last_check {
            Some((since, then)) => {
                then.saturating_add(micros(since.elapsed())) > now.saturating_add(tolerance)
            }
            None => {
                let latest = clock_correction::latest_id(app.db.read()).await?;
                latest.is_some_and(|id| created_at(id) > now.saturating_add(tolerance))
            }
        };
        if was_ahead {
            tracing::warn!("the clock was ahead and was set back: all members are planned again");
            let at = app.clock.now().micros();
            let marked: Result<(), StoreError> =
                transaction!(app.db, |tx| clock_correction::reset_future_instants(tx, at)
                    .await)
                .await;
            marked?;
        }
        self.last_check = Some((Stopwatch::start(), now));
        Ok(())
    }
}

fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}
