//! Passes wake-ups between processes on PostgreSQL, so that the process that owns an account works on it at once. A wake-up that
//! is lost, or a database that cannot pass them, delays the work until the next query of the scheduler.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    app::App,
    ownership::Membership,
    running::is_stopping,
    store::notifications::{self, Listener},
};

/// How long to wait before listening again after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// Sends and receives wake-ups while there are other processes.
pub(super) async fn run(
    app: Arc<App>,
    mut members: watch::Receiver<Option<Membership>>,
    mut stopping: watch::Receiver<bool>,
) {
    if app.db.is_sqlite() {
        return;
    }
    while !is_stopping(&stopping) {
        let has_others = members
            .borrow_and_update()
            .as_ref()
            .is_some_and(Membership::has_others);
        app.waker.set_relaying(has_others);
        if !has_others {
            tokio::select! {
                Ok(()) = members.changed() => {}
                _ = stopping.changed() => {}
            }
            continue;
        }
        tokio::select! {
            () = receive(&app) => {}
            () = send(&app) => {}
            Ok(()) = members.changed() => {}
            _ = stopping.changed() => {}
        }
    }
    app.waker.set_relaying(false);
}

/// Wakes this process for the clubs that others name. Never returns.
async fn receive(app: &App) {
    loop {
        let failed = match Listener::open(&app.db).await {
            Ok(mut listener) => loop {
                match listener.next().await {
                    Ok(clubs) => clubs.into_iter().for_each(|club| app.waker.wake_here(club)),
                    Err(problem) => break problem,
                }
            },
            Err(problem) => problem,
        };
        tracing::debug!(error = ?failed, "wake-ups of other processes cannot be received; their marks are found by queries");
        tokio::time::sleep(RETRY).await;
    }
}

/// Names the woken clubs to the other processes. Never returns.
async fn send(app: &App) {
    loop {
        let woken = app.waker.register_relay();
        let clubs = app.waker.take_for_others();
        if clubs.is_empty() {
            woken.await;
            continue;
        }
        if let Err(problem) = notifications::send(app.db.read(), &clubs).await {
            tracing::debug!(error = ?problem, "wake-ups cannot be sent to other processes; they find the marks by queries");
        }
    }
}
