//! What Latchkey does, without its API: takes in events from platforms, evaluates rules, and keeps Kisi in step. The layer above
//! serves it over HTTP and GraphQL; `store` below keeps its data.

pub mod app;
pub mod body;
pub mod check_ins;
pub mod claim_roles;
pub mod config;
pub mod connect;
pub mod decide;
pub mod dry_run;
pub mod duration;
pub mod erasure;
pub mod feed;
#[cfg(test)]
mod fixture;
pub mod http_client;
pub mod ingest;
pub mod invitations;
mod jitter;
pub mod key_file;
pub mod kisi;
pub mod kisi_events;
pub mod lease;
pub mod metrics;
pub mod outbound;
pub mod ownership;
pub mod preview;
pub mod proxy;
pub mod public_url;
pub mod query_runtime;
pub mod reconcile;
pub mod retention;
pub mod retry_after;
pub mod running;
pub mod sealed;
pub mod sentinel;
pub mod sign_in;
pub mod start_error;
pub mod suggest;
pub mod traces;
pub mod unlock;

// The layer below, under the paths that this one uses.
use ::latchkey_store::{self as store, clock, id, map, secret, transaction, version, wake};
