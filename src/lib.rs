//! Latchkey keeps the doors of a club in step with its books: signed webhooks come in, rules decide who may open what, when
//! and why, and Kisi is made so. ARCHITECTURE.md says how the parts hang together.

pub mod app;
pub mod clock;
pub mod config;
pub mod graphql;
pub mod id;
pub mod ingest;
mod key_file;
pub mod kisi;
pub mod playground;
pub mod sandbox;
pub mod secret;
pub mod store;
pub mod wake;
