//! Latchkey keeps the door access of a club in Kisi in step with the club's platforms: it receives signed webhooks, evaluates
//! rules to decide who may open what and when, and updates Kisi. ARCHITECTURE.md describes the parts.

pub mod app;
mod auth;
mod body;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connect;
pub mod decide;
pub mod dry_run;
mod duration;
pub mod feed;
#[cfg(test)]
pub mod fixture;
pub mod graphql;
pub mod http;
mod http_client;
pub mod id;
pub mod ingest;
mod key_file;
pub mod kisi;
pub mod kisi_events;
mod lease;
pub mod map;
pub mod metrics;
pub mod playground;
pub mod preview;
mod proxy;
mod public_url;
mod readiness;
pub mod reconcile;
mod retry_after;
pub mod running;
mod sealed;
pub mod secret;
mod sentinel;
pub mod start_error;
pub mod store;
pub mod telemetry;
pub mod unlock;
pub mod untrusted;
mod version;
pub mod wake;
