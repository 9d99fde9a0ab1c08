//! Tests of the client against a small raw TCP server, and of the pacer in real time.
//!
//! The server knows nothing about Kisi: each test defines the responses, so that the client is not
//! tested against its own types.

mod calls;
mod failures;
mod pacing;
mod paging;
mod proxies;
mod server;
