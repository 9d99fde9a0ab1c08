//! Carries out the unlock requests that other processes received, for the accounts that this process owns, and ends overdue
//! requests. Runs beside the scheduler.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};

use super::{record, send};
use crate::{
    app::App,
    ownership::Membership,
    running::is_stopping,
    store::{
        ClubScope, StoreError, listeners,
        row::{self, UnlockState},
        unlock_requests,
    },
    transaction,
};

/// How often to look for requests that other processes received, and how often while no other process works on accounts.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
const LONE_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How old a request may be when it is taken: the door must not open once the person has left. Its sender has stopped waiting
/// before.
const LATEST: Duration = Duration::from_secs(15);
/// How often to look for overdue requests.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(10);
/// How often to delete the keys of old Kisi events.
const FORGET_INTERVAL: Duration = Duration::from_mins(10);
/// How long the keys of Kisi events are kept.
const KEPT: Duration = Duration::from_hours(72);

/// Serves all accounts of this process until it stops, then waits for the started requests.
pub async fn serve(
    app: Arc<App>,
    mut members: watch::Receiver<Option<Membership>>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut requests = JoinSet::new();
    let mut cleaned: Option<tokio::time::Instant> = None;
    let mut forgot: Option<tokio::time::Instant> = None;
    while !is_stopping(&stopping) {
        let membership = members.borrow_and_update().clone();
        // With a single machine, the process that received a request carries it out, so only the cleanup remains.
        let is_sqlite = app.db.is_sqlite();
        let has_others = membership.as_ref().is_some_and(Membership::has_others);
        let is_due = |at: Option<tokio::time::Instant>, interval| {
            at.is_none_or(|at| at.elapsed() >= interval)
        };
        if let Some(membership) = membership {
            let holder = &membership.own.holder;
            if is_due(cleaned, CLEANUP_INTERVAL) {
                cleaned = Some(tokio::time::Instant::now());
                if let Err(problem) = end_overdue(&app, holder).await {
                    tracing::error!(error = ?problem, "cannot end overdue unlock requests; retrying");
                }
            }
            if is_due(forgot, FORGET_INTERVAL) {
                forgot = Some(tokio::time::Instant::now());
                if let Err(problem) = forget(&app).await {
                    tracing::error!(error = ?problem, "cannot delete the keys of old Kisi events; retrying");
                }
            }
            if !is_sqlite && let Err(problem) = take(&app, holder, &mut requests).await {
                tracing::error!(error = ?problem, "cannot read the unlock requests of other processes; retrying");
            }
        }
        while requests.try_join_next().is_some() {}
        let look = match (is_sqlite, has_others) {
            (true, _) => CLEANUP_INTERVAL,
            (false, true) => POLL_INTERVAL,
            (false, false) => LONE_POLL_INTERVAL,
        };
        tokio::select! {
            () = tokio::time::sleep(look) => {}
            Ok(()) = members.changed() => {}
            _ = stopping.changed() => {}
        }
    }
    while requests.join_next().await.is_some() {}
}

async fn take(app: &Arc<App>, holder: &str, requests: &mut JoinSet<()>) -> Result<(), StoreError> {
    let asked = UnlockState::Asked;
    for unlock_request in unlock_requests::of_owner(app.db.read(), holder, asked).await? {
        let Some(ownership) = app.owned.get(unlock_request.account_id) else {
            continue;
        };
        if unlock_request.asked_at < app.clock.now().minus(LATEST).micros() {
            record::give_up(app, &unlock_request).await?;
            continue;
        }
        let scope = ClubScope::new(unlock_request.club_id);
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
        let app = app.clone();
        requests.spawn(async move {
            let guard = Some(ownership.guard());
            if let Err(problem) = send::carry_out(app, unlock_request, guard).await {
                tracing::error!(error = ?problem, "cannot store the outcome of an unlock request");
            }
        });
    }
    Ok(())
}

async fn end_overdue(app: &App, holder: &str) -> Result<(), StoreError> {
    let taken = UnlockState::Taken;
    for unlock_request in unlock_requests::of_owner(app.db.read(), holder, taken).await? {
        if record::is_overdue(&unlock_request) {
            record::give_up(app, &unlock_request).await?;
        }
    }
    Ok(())
}

async fn forget(app: &App) -> Result<(), StoreError> {
    let before = app.clock.now().minus(KEPT).micros();
    transaction!(app.db, |tx| listeners::forget(tx, before).await).await
}
