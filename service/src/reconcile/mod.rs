//! The reconcile loop. It makes Kisi hold what the rules want. Its only input is which members are due: webhooks, edits, the
//! clock, retries and restarts mark members due and wake it. Each Kisi account belongs to one process, whose scheduler runs a
//! worker for it while members are due. A worker plans, then executes. It stores the intent of each call before the call, and looks up a call with an unknown outcome before it
//! repeats it.

use std::sync::Arc;

use crate::{app::App, ownership, running::BackgroundLoop, unlock::dispatcher};

mod account_snapshot;
mod adoption;
mod brake;
mod change;
mod clock_watch;
mod create;
mod directory;
mod ending;
mod execute;
mod flight;
mod member_state;
mod pause;
mod record;
mod recover;
mod relay;
mod replacing;
mod resting;
mod rounding;
mod scheduler;
mod setup;
mod sort;
mod sweep;
pub mod take_over;
mod turns;
mod worker;

use scheduler::Scheduler;

/// How many accounts a process plans at the same time. While accounts wait for their turn, their members become due together, so
/// that each turn plans more of them with the same statements. Like the tasks that store deliveries, they leave connections of the
/// database to everything else.
pub const MAX_PLANNED: usize = 4;

/// Starts the loop. When it is stopped, it finishes the calls in flight and gives its accounts to other processes.
pub fn start(app: Arc<App>) -> BackgroundLoop {
    BackgroundLoop::start(|mut stopping| async move {
        let (heartbeat, members) = ownership::start(app.db.clone());
        app.metrics.watch_life(members.clone());
        let scheduler = Scheduler::new(app.clone(), members.clone(), stopping.clone());
        let scheduler = tokio::spawn(scheduler.run());
        let unlocks = BackgroundLoop::start({
            let (app, members) = (app.clone(), members.clone());
            |stopping| dispatcher::serve(app, members, stopping)
        });
        let relay = BackgroundLoop::start(|stopping| relay::run(app, members, stopping));
        // An error means that the handle was dropped, which stops the loop too.
        let _ = stopping.changed().await;
        let _ = scheduler.await;
        unlocks.stop().await;
        relay.stop().await;
        // Others take the accounts once this process is not on the list any more.
        heartbeat.stop().await;
    })
}
