//! The reconcile loop. It makes Kisi hold what the rules want. Its only input is which members are due: webhooks, edits, the
//! clock, retries and restarts mark members due and wake it. One worker per Kisi account, guarded by a lease. A worker plans,
//! then executes. It stores the intent of each call before the call, and looks up a call with an unknown outcome before it
//! repeats it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use crate::{
    app::App,
    running::{BackgroundLoop, is_stopping},
    store::kisi_accounts,
};

mod account_snapshot;
mod adoption;
mod brake;
mod change;
mod clock_watch;
mod create;
mod directory;
mod execute;
mod flight;
mod member_state;
mod pause;
mod record;
mod recover;
mod replacing;
mod resting;
mod rounding;
mod setup;
mod sort;
mod sweep;
pub mod take_over;
mod worker;

use clock_watch::ClockWatch;
use execute::back_off;

/// How often to look for new accounts when no wake-up comes.
const ACCOUNT_POLL: Duration = Duration::from_secs(1);

/// Starts the loop. When it is stopped, it finishes the calls in flight and releases its leases.
pub fn start(app: Arc<App>) -> BackgroundLoop {
    BackgroundLoop::start(|stopping| supervise(app, stopping))
}

/// Runs one worker per connected account.
async fn supervise(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    let holder = app.holder.clone();
    let mut workers: HashMap<Uuid, JoinHandle<()>> = HashMap::new();
    let mut clock_watch = ClockWatch::new();
    let mut failures = 0u32;
    while !is_stopping(&stopping) {
        let woken = app.waker.register();
        if let Err(problem) = clock_watch.check(&app).await {
            tracing::error!(error = ?problem, "the check whether the clock was set back failed; trying again");
        }
        match kisi_accounts::all_connected(app.db.read()).await {
            Ok(accounts) => {
                failures = 0;
                workers.retain(|_, worker| !worker.is_finished());
                for account in accounts {
                    workers.entry(account.id).or_insert_with(|| {
                        let worker = worker::Worker::new(
                            app.clone(),
                            &account,
                            holder.clone(),
                            stopping.clone(),
                        );
                        tokio::spawn(worker.run())
                    });
                }
            }
            Err(problem) => {
                // Running workers continue. A wake-up does not end this pause, because it does not repair the database.
                let wait = back_off(
                    failures,
                    pause::DATABASE_BACKOFF.0,
                    pause::DATABASE_BACKOFF.1,
                );
                failures = failures.saturating_add(1);
                tracing::error!(error = ?problem, wait_ms = wait.as_millis(), "the Kisi accounts could not be read; trying again");
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    _ = stopping.changed() => {}
                }
                continue;
            }
        }
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(ACCOUNT_POLL) => {}
            _ = stopping.changed() => {}
        }
    }
    for (_, worker) in workers {
        let _ = worker.await;
    }
}
