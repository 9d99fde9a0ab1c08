//! Notices that the machine's clock was ahead and was put back, while the service runs or between two starts: everybody is looked at
//! again then, since what was decided and stored by the wrong time would wait until the clock shows that time once more. Called by
//! the loop at its start and at each look around.

use std::time::Duration;

use crate::{
    app::App,
    clock::{Clock, Stopwatch, created_at},
    store::{StoreError, clock_correction},
};

/// What clocks differ by without anybody having put one back: replicas, and a clock that is slewed.
const TOLERANCE: Duration = Duration::from_secs(60);

/// See the module.
pub struct ClockWatch {
    /// When the clock was looked at last, by the time that has gone by and by the time of day.
    seen: Option<(Stopwatch, i64)>,
}

impl ClockWatch {
    /// Has not looked yet.
    pub fn new() -> Self {
        Self { seen: None }
    }

    /// Looks at the clock; where it was put back, everybody is due.
    pub async fn look(&mut self, app: &App) -> Result<(), StoreError> {
        let now = Clock::system().now().micros();
        let tolerance = micros(TOLERANCE);
        let was_ahead = match &self.seen {
            Some((since, then)) => {
                then.saturating_add(micros(since.elapsed())) > now.saturating_add(tolerance)
            }
            None => {
                let latest = clock_correction::latest_id(app.db.read()).await?;
                latest.is_some_and(|id| created_at(id) > now.saturating_add(tolerance))
            }
        };
        if was_ahead {
            tracing::warn!("the clock was ahead and was put back: everybody is looked at again");
            let at = app.clock.now().micros();
            let marked: Result<(), StoreError> = app
                .db
                .write(move |tx| {
                    Box::pin(async move { clock_correction::reset_future_instants(tx, at).await })
                })
                .await;
            marked?;
        }
        self.seen = Some((Stopwatch::start(), now));
        Ok(())
    }
}

fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}
