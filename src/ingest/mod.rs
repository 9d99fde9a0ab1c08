//! Letting events in: raw bytes, verified, translated, and stored with all that follows from them in one transaction, before
//! the sender is told. It acts on nothing itself: it marks members due and wakes the loop.

pub mod accept;
pub mod adapter;
pub mod apply;
pub mod batch;
pub mod envelope;
pub mod identity;
mod keys;
pub mod queue;
pub mod readers;
pub mod rehearsal;
pub mod rejections;
pub mod removal;
pub mod replay;
pub mod signature;
pub mod statement;

#[cfg(test)]
mod tests;
