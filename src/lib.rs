//! Latchkey keeps the door access of a club in Kisi in step with the club's platforms: it receives signed webhooks, evaluates
//! rules to decide who may open what and when, and updates Kisi. ARCHITECTURE.md describes the parts.

mod auth;
pub mod cli;
#[cfg(test)]
pub mod fixture;
pub mod graphql;
mod history_export;
pub mod http;
pub mod playground;
mod readiness;
pub mod telemetry;
pub mod untrusted;

// The layers below, under the paths that this one uses.
pub use ::latchkey_service::{
    app, config, connect, decide, dry_run, erasure, feed, ingest, invitations, kisi, kisi_events,
    metrics, outbound, preview, reconcile, retention, running, start_error, suggest, unlock,
};
use ::latchkey_service::{body, duration, public_url, sealed, sentinel};
pub use ::latchkey_store::{self as store, clock, id, map, secret, transaction, wake};
