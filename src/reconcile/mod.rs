//! The loop that makes Kisi so. It is never told what happened, only who is due: webhooks, edits, the clock, retries and a
//! restart all mark members due and wake it. One worker for each Kisi account, by a lease; plan, then execute; an intent is
//! stored before each call, and what is not known is found out before anything is done again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use crate::{
    app::App,
    running::{BackgroundLoop, is_stopping},
    store::kisi_accounts,
};

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

/// How often new accounts are looked for where nobody wakes the loop.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// Starts the loop. It stops after the call that is under way, and gives the leases back.
pub fn start(app: Arc<App>) -> BackgroundLoop {
    BackgroundLoop::start(|stopping| supervise(app, stopping))
}

/// Keeps a worker for each account that work is done for.
async fn supervise(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    let holder = app.holder.clone();
    let mut workers: HashMap<Uuid, JoinHandle<()>> = HashMap::new();
    let mut clock_watch = ClockWatch::new();
    let mut failures = 0u32;
    while !is_stopping(&stopping) {
        let woken = app.waker.register();
        if let Err(problem) = clock_watch.look(&app).await {
            tracing::error!(error = ?problem, "it is not known whether the clock was put back; trying again");
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
                // Whoever works already goes on. A wake-up does not mend a database, so it ends no pause.
                let wait = back_off(failures, pause::DATABASE.0, pause::DATABASE.1);
                failures = failures.saturating_add(1);
                tracing::error!(error = ?problem, wait_ms = wait.as_millis(), "the accounts cannot be read; trying again");
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    _ = stopping.changed() => {}
                }
                continue;
            }
        }
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(LOOK_AROUND) => {}
            _ = stopping.changed() => {}
        }
    }
    for (_, worker) in workers {
        let _ = worker.await;
    }
}
