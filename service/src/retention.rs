//! Pruning: bodies of deliveries, history, superseded versions, unlock requests and counted revocations are deleted after the
//! configured times. One process prunes at a time, all clubs, in transactions of a few hundred rows with a pause after each, so
//! that webhooks and queries do not wait. `serve` starts the loop.

use std::{sync::Arc, time::Duration};

use access::Instant;
use tokio::sync::watch;

use crate::{
    app::App,
    lease::{self, Lease},
    running::{BackgroundLoop, is_stopping},
    secret::random_byte,
    store::{
        ClubScope, StoreError, clubs,
        retention::{self, Step},
        row, tokens,
    },
    transaction,
};

/// The name of the lease of the process that prunes.
const LEASE: &str = "retention";
/// How often old rows are looked for.
const INTERVAL: Duration = Duration::from_hours(1);
/// The most rows that one transaction deletes.
const MOST: u64 = 500;
/// The pause after each transaction, in which others may write.
const PAUSE: Duration = Duration::from_millis(20);

/// Starts the loop. It prunes about hourly, and never at the same time in all processes.
pub fn start(app: Arc<App>) -> BackgroundLoop {
    BackgroundLoop::start(|stopping| run(app, stopping))
}

async fn run(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    while !is_stopping(&stopping) {
        let spread = INTERVAL / 4 * u32::from(random_byte()) / 256;
        tokio::select! {
            () = app.clock.sleep(INTERVAL.saturating_sub(spread)) => {}
            _ = stopping.changed() => return,
        }
        match prune(&app, &stopping).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "pruned what was kept for its time"),
            Err(problem) => {
                tracing::error!(error = ?problem, "pruning failed; trying again in an hour");
            }
        }
    }
}

/// Prunes once, if no other process does so. Returns the number of rows.
///
/// # Errors
/// If the database fails. What was pruned until then stays pruned.
pub async fn prune(app: &App, stopping: &watch::Receiver<bool>) -> Result<usize, StoreError> {
    let Some(lease) = Lease::take(&app.db, LEASE, &app.holder, lease::USUAL).await? else {
        return Ok(0);
    };
    let pruned = prune_all(app, || lease.is_held() && !is_stopping(stopping)).await;
    lease.release().await;
    pruned
}

async fn prune_all(app: &App, may_go_on: impl Fn() -> bool) -> Result<usize, StoreError> {
    let now = app.clock.now();
    let mut rows = 0_usize;
    for scope in tokens::clubs_with_expired_sessions(app.db.read(), now.micros()).await? {
        let cleaned: Result<(), StoreError> =
            transaction!(app.db, |tx| tokens::clean_sessions(tx, scope, now.micros())
                .await)
            .await;
        cleaned?;
    }
    for club in clubs::all(app.db.read()).await? {
        let scope = ClubScope::new(club.id);
        for step in Step::ALL {
            let before = now.minus(kept_for(app, &club, step)).micros();
            while may_go_on() {
                let removed = one(app, scope, step, before).await?;
                rows = rows.saturating_add(removed);
                if u64::try_from(removed).is_ok_and(|removed| removed < MOST) {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    Ok(rows)
}

/// Removes the oldest rows of a step in one transaction; none is begun where there are none. Returns their number.
async fn one(app: &App, scope: ClubScope, step: Step, before: i64) -> Result<usize, StoreError> {
    let ids = retention::find(app.db.read(), scope, step, (before, MOST)).await?;
    let count = ids.len();
    if count > 0 {
        let removed: Result<(), StoreError> = transaction!(app.db, |tx| retention::remove(
            tx, scope, step, before, &ids
        )
        .await)
        .await;
        removed?;
    }
    Ok(count)
}

/// How long the rows of a step are kept. Revocations are kept for the window of the club's brake at least.
fn kept_for(app: &App, club: &row::Club, step: Step) -> Duration {
    let config = &app.config;
    match step {
        Step::Bodies | Step::WebhookMessages => config.keep_bodies,
        Step::Deliveries | Step::History => config.keep_history,
        Step::UnlockRequests => config.keep_unlock_requests,
        Step::Revocations => {
            let window = Duration::from_secs(club.brake_window_s.unsigned_abs());
            config.keep_revocations.max(window)
        }
        _ => config.keep_versions,
    }
}

/// Since when the club's versions are complete, if `at` is before it.
///
/// # Errors
/// If the database fails.
pub async fn forgotten_before(
    app: &App,
    scope: ClubScope,
    at: i64,
) -> Result<Option<Instant>, StoreError> {
    let club = clubs::get(app.db.read(), scope).await?;
    let since = club.and_then(|club| club.known_since);
    Ok(since.filter(|since| at < *since).map(Instant::from_micros))
}
