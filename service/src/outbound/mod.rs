//! Outbound webhooks: the club's events, sent to the addresses that its admins registered, as Standard Webhooks.
//!
//! Messages are stored with the changes that they tell about. The dispatcher claims those that are due, sends them, and stores the
//! outcome; one whose outcome is lost is sent again with the same id, so a receiver must ignore an id that it knows. Every
//! process sends. `serve` starts the loops.

use std::sync::Arc;

pub mod address;
mod dispatcher;
mod problem_watch;
mod request;
pub mod schedule;
#[cfg(test)]
mod tests;

use crate::{app::App, http_client::ClientError, running::BackgroundLoop};

pub use request::message_id;

/// Starts the loops. When they are stopped, they finish the requests in flight.
///
/// # Errors
/// The HTTP client cannot be made.
pub fn start(app: Arc<App>) -> Result<BackgroundLoop, ClientError> {
    let sender = request::Sender::new(&app.config)?;
    Ok(BackgroundLoop::start(|mut stopping| async move {
        let watch = BackgroundLoop::start({
            let app = app.clone();
            |stopping| problem_watch::run(app, stopping)
        });
        let dispatcher = BackgroundLoop::start(|stopping| dispatcher::run(app, sender, stopping));
        // An error means that the handle was dropped, which stops the loops too.
        let _ = stopping.changed().await;
        watch.stop().await;
        dispatcher.stop().await;
    }))
}
