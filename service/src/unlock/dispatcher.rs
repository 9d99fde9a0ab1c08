//! Carries out the unlock requests that other replicas received, on the process that holds the lease of the account; ends overdue
//! requests and deletes old ones. Runs beside the worker of the account for as long as it holds the lease.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use super::{record, send};
use crate::{
    app::App,
    kisi::Guard,
    store::{
        ClubScope, StoreError, listeners,
        row::{self, UnlockState},
        unlock_requests,
    },
    transaction,
};

/// How often to poll for requests of other replicas, in case the wake-up reached another process.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How often to look for overdue and old requests.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(10);
/// How long requests and the keys of Kisi events are kept.
const KEPT: Duration = Duration::from_hours(72);

/// Serves an account until `over` becomes true, then waits for the started requests.
pub async fn serve(
    app: Arc<App>,
    (scope, account): (ClubScope, Uuid),
    guard: Guard,
    mut over: watch::Receiver<bool>,
) {
    let mut requests = JoinSet::new();
    let mut tidied: Option<tokio::time::Instant> = None;
    // With a single machine, the process that received a request carries it out, so only the cleanup remains.
    let look = if app.db.is_sqlite() {
        CLEANUP_INTERVAL
    } else {
        POLL_INTERVAL
    };
    while !*over.borrow() && over.has_changed().is_ok() {
        let wake_up = app.waker.register();
        if tidied.is_none_or(|at| at.elapsed() >= CLEANUP_INTERVAL) {
            tidied = Some(tokio::time::Instant::now());
            if let Err(problem) = clean_up(&app, scope, account).await {
                tracing::error!(error = ?problem, "cannot clean up old unlock requests; retrying");
            }
        }
        if !app.db.is_sqlite()
            && let Err(problem) = take(&app, scope, account, &guard, &mut requests).await
        {
            tracing::error!(error = ?problem, "cannot read the unlock requests of other replicas; retrying");
        }
        while requests.try_join_next().is_some() {}
        tokio::select! {
            () = wake_up => {}
            () = tokio::time::sleep(look) => {}
            _ = over.changed() => {}
        }
    }
    while requests.join_next().await.is_some() {}
}

async fn take(
    app: &Arc<App>,
    scope: ClubScope,
    account: Uuid,
    guard: &Guard,
    requests: &mut JoinSet<()>,
) -> Result<(), StoreError> {
    for unlock_request in
        unlock_requests::in_state(app.db.read(), scope, account, UnlockState::Asked).await?
    {
        let (id, until) = (unlock_request.id, send::until());
        let is_taken: Result<bool, StoreError> =
            transaction!(app.db, |tx| unlock_requests::claim(tx, scope, id, until)
                .await)
            .await;
        if !is_taken? {
            continue;
        }
        let unlock_request = row::UnlockRequest {
            state: UnlockState::Taken,
            ..unlock_request
        };
        let (app, guard) = (app.clone(), guard.clone());
        requests.spawn(async move {
            if let Err(problem) = send::carry_out(app, unlock_request, Some(guard)).await {
                tracing::error!(error = ?problem, "cannot store the outcome of an unlock request");
            }
        });
    }
    Ok(())
}

/// Ends overdue requests and deletes old ones.
async fn clean_up(app: &App, scope: ClubScope, account: Uuid) -> Result<(), StoreError> {
    for unlock_request in
        unlock_requests::in_state(app.db.read(), scope, account, UnlockState::Taken).await?
    {
        if record::is_overdue(&unlock_request) {
            record::give_up(app, &unlock_request).await?;
        }
    }
    let before = app.clock.now().minus(KEPT).micros();
    transaction!(app.db, |tx| {
        unlock_requests::forget(tx, scope, account, before).await?;
        listeners::forget(tx, scope, account, before).await
    })
    .await
}
