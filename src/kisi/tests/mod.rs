//! Tests of the client against a small server that is made of bytes, and of the pacer by the clock.
//!
//! The server knows nothing of Kisi: each test says what comes back, so that nothing here can agree
//! with the client by sharing its types.

mod calls;
mod failures;
mod pacing;
mod paging;
mod proxies;
mod server;
