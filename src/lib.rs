//! Latchkey keeps the doors of a club in step with its books: signed webhooks come in, rules decide who may open what, when
//! and why, and Kisi is made so. ARCHITECTURE.md says how the parts hang together.

pub mod app;
mod auth;
mod body;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connect;
pub mod decide;
pub mod feed;
pub mod graphql;
pub mod http;
pub mod id;
pub mod ingest;
mod key_file;
pub mod kisi;
pub mod kisi_events;
pub mod map;
pub mod metrics;
pub mod playground;
pub mod preview;
mod proxy;
mod readiness;
pub mod reconcile;
mod retry_after;
pub mod running;
pub mod sandbox;
mod sealed;
pub mod secret;
mod sentinel;
pub mod store;
pub mod telemetry;
pub mod unlock;
pub mod untrusted;
pub mod wake;
