//! Carries out what other replicas were asked for, where this process does the account's work; gives up what nobody
//! finished; forgets what is old. Runs beside the account's worker, for as long as that holds the lease.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use super::{record, send};
use crate::{
    app::App,
    kisi::Guard,
    store::{
        Scope, StoreError, listeners, presses,
        row::{self, PressState},
    },
};

/// How often it is looked for presses of other replicas, in case that a wake-up went there.
const LOOK: Duration = Duration::from_millis(250);
/// How often what is overdue or old is looked for.
const TIDY: Duration = Duration::from_secs(10);
/// How long presses and the keys of events are kept.
const KEPT: Duration = Duration::from_hours(72);

/// Serves an account until `over` says so, and finishes what it has begun.
pub async fn serve(
    app: Arc<App>,
    (scope, account): (Scope, Uuid),
    guard: Guard,
    mut over: watch::Receiver<bool>,
) {
    let mut under_way = JoinSet::new();
    let mut tidied: Option<tokio::time::Instant> = None;
    // Where there is one machine, whoever is asked carries it out.
    let look = if app.db.is_one_machine() { TIDY } else { LOOK };
    while !*over.borrow() && over.has_changed().is_ok() {
        let woken = app.waker.register();
        if tidied.is_none_or(|at| at.elapsed() >= TIDY) {
            tidied = Some(tokio::time::Instant::now());
            if let Err(problem) = tidy(&app, scope, account).await {
                tracing::error!(error = ?problem, "old presses cannot be looked after");
            }
        }
        if !app.db.is_one_machine()
            && let Err(problem) = take(&app, scope, account, &guard, &mut under_way).await
        {
            tracing::error!(error = ?problem, "the presses of other replicas cannot be read");
        }
        while under_way.try_join_next().is_some() {}
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(look) => {}
            _ = over.changed() => {}
        }
    }
    while under_way.join_next().await.is_some() {}
}

async fn take(
    app: &Arc<App>,
    scope: Scope,
    account: Uuid,
    guard: &Guard,
    under_way: &mut JoinSet<()>,
) -> Result<(), StoreError> {
    for press in presses::in_state(app.db.read(), scope, account, PressState::Asked).await? {
        let (id, until) = (press.id, send::until());
        let taken: Result<bool, StoreError> = app
            .db
            .write(move |tx| Box::pin(async move { presses::take(tx, scope, id, until).await }))
            .await;
        if !taken? {
            continue;
        }
        let press = row::Press {
            state: PressState::Taken,
            ..press
        };
        let (app, guard) = (app.clone(), guard.clone());
        under_way.spawn(async move {
            if let Err(problem) = send::carry_out(app, press, Some(guard)).await {
                tracing::error!(error = ?problem, "what a press came to could not be stored");
            }
        });
    }
    Ok(())
}

/// Ends what nobody finished, and forgets what is old.
async fn tidy(app: &App, scope: Scope, account: Uuid) -> Result<(), StoreError> {
    for press in presses::in_state(app.db.read(), scope, account, PressState::Taken).await? {
        if record::is_overdue(&press) {
            record::give_up(app, &press).await?;
        }
    }
    let before = app.clock.now().minus(KEPT).micros();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                presses::forget(tx, scope, account, before).await?;
                listeners::forget(tx, scope, account, before).await
            })
        })
        .await
}
