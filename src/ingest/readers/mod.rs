//! Reading what platforms hold from their APIs: each source that has credentials, whole by its time, and what changed whenever
//! an event or an admin asks. Level-triggered: the loop is told nothing, and looks at which sources are due. Adding a platform's
//! API is one file, which makes a roster of it, and a line in `pass`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use crate::{
    app::App,
    proxy::Proxies,
    running::{Running, is_stopping},
    store::{Scope, readings},
};

mod api;
mod changes;
mod clubspot;
mod collapse;
mod credentials;
mod failure;
mod pages;
mod pass;
mod spacebring;
mod teamup;

pub use credentials::Credentials;
pub use pass::name_of;

/// How often sources that are due are looked for where nobody wakes the loop.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// Starts the loop. What is being read when it stops is given up: it is read again from its beginning.
///
/// # Errors
/// When TLS cannot be set up, as without any root certificates.
pub fn start(app: Arc<App>) -> Result<Running, reqwest::Error> {
    let http = api::http_client(&Proxies::from_environment())?;
    Ok(Running::start(|stopping| supervise(app, http, stopping)))
}

/// Reads the sources that are due, each beside the others.
async fn supervise(app: Arc<App>, http: reqwest::Client, mut stopping: watch::Receiver<bool>) {
    let mut reading: HashMap<Uuid, JoinHandle<()>> = HashMap::new();
    while !is_stopping(&stopping) {
        let woken = app.waker.register();
        reading.retain(|_, task| !task.is_finished());
        match readings::due(app.db.read(), app.clock.now().micros()).await {
            Ok(due) => {
                for (club, id) in due {
                    let read =
                        || tokio::spawn(one(app.clone(), http.clone(), club, id, stopping.clone()));
                    reading.entry(id).or_insert_with(read);
                }
            }
            Err(problem) => {
                tracing::error!(error = ?problem, "the sources cannot be looked at; trying again");
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

async fn one(
    app: Arc<App>,
    http: reqwest::Client,
    club: Uuid,
    id: Uuid,
    mut stopping: watch::Receiver<bool>,
) {
    tokio::select! {
        read = pass::read(&app, &http, Scope::new(club), id) => {
            if let Err(problem) = read {
                tracing::error!(error = ?problem, source = %id, "a reading could not be written down");
            }
        }
        _ = stopping.changed() => pass::give_up(&app, id).await,
    }
}
