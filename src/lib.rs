//! Latchkey keeps the door access of a club in Kisi in step with the club's platforms: it receives signed webhooks, evaluates
//! rules to decide who may open what and when, and updates Kisi. ARCHITECTURE.md describes the parts.

mod asset;
mod auth;
pub mod cli;
mod console;
mod cookie;
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
    app, claim_roles, config, connect, decide, dry_run, erasure, feed, ingest, invitations, kisi,
    kisi_events, metrics, outbound, preview, reconcile, retention, running, sign_in, start_error,
    suggest, unlock,
};
use ::latchkey_service::{body, duration, public_url, sealed, sentinel};
#[cfg(test)]
use ::latchkey_service::{http_client, proxy};
pub use ::latchkey_store::{self as store, clock, id, map, secret, transaction, wake};
