//! Reads platforms' APIs: every source that has credentials is read completely on its schedule, and the changes are read whenever
//! an event or an admin asks; the same loop sends check-ins. Level-triggered: a wake-up carries no data; the loop queries which sources are due. A new
//! platform's API is one file that makes a roster, and its lines in `platform_api`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use crate::{
    app::App,
    proxy::Proxies,
    running::{BackgroundLoop, is_stopping},
    store::{self, ClubScope, StoreError, readings},
};

mod api;
mod changes;
mod check_ins;
mod clubspot;
mod collapse;
mod credentials;
mod failure;
pub mod offline;
pub mod options;
mod pages;
mod pass;
mod platform_api;
mod requests;
mod spacebring;
mod strict;
mod teamup;

pub use credentials::Credentials;
pub use pass::name_of;

/// How often the loop checks for due sources without a wake-up.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// Starts the loop. A reading that is interrupted by a stop starts from its beginning the next time.
///
/// # Errors
/// When TLS cannot be set up, as without any root certificates.
pub fn start(app: Arc<App>) -> Result<BackgroundLoop, reqwest::Error> {
    let http = api::http_client(&Proxies::from_environment())?;
    Ok(BackgroundLoop::start(|stopping| {
        supervise(app, http, stopping)
    }))
}

/// Reads the due sources concurrently.
async fn supervise(app: Arc<App>, http: reqwest::Client, mut stopping: watch::Receiver<bool>) {
    let mut reading: HashMap<Uuid, JoinHandle<()>> = HashMap::new();
    while !is_stopping(&stopping) {
        let woken = app.waker.register_readers();
        reading.retain(|_, task| !task.is_finished());
        match due(&app).await {
            Ok(due) => {
                for (club, id) in due {
                    let read =
                        || tokio::spawn(one(app.clone(), http.clone(), club, id, stopping.clone()));
                    reading.entry(id).or_insert_with(read);
                }
            }
            Err(problem) => {
                tracing::error!(error = ?problem, "the due sources could not be queried; trying again");
            }
        }
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(LOOK_AROUND) => {}
            _ = stopping.changed() => {}
        }
    }
    for (_, task) in reading {
        let _ = task.await;
    }
}

/// The sources that are due for a reading, or have check-ins to send.
async fn due(app: &App) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let now = app.clock.now().micros();
    let mut due = readings::due(app.db.read(), now).await?;
    due.extend(store::check_ins::due(app.db.read(), now).await?);
    Ok(due)
}

async fn one(
    app: Arc<App>,
    http: reqwest::Client,
    club: Uuid,
    id: Uuid,
    stopping: watch::Receiver<bool>,
) {
    if let Err(problem) = pass::read(&app, &http, ClubScope::new(club), id, stopping).await {
        tracing::error!(error = ?problem, source = %id, "the result of a reading could not be stored");
    }
}
