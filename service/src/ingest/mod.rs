//! Webhook ingestion: verifies a raw body, translates it to statements, and stores them with all their effects in one
//! transaction, before the sender gets the answer. It only marks members due and wakes the reconcile loop; it never calls Kisi.

pub mod accept;
pub mod adapter;
pub mod addresses;
mod apply;
pub mod arrivals;
pub mod batch;
mod club_queues;
pub mod envelope;
pub mod erased_people;
pub mod identity;
mod keys;
pub mod manual;
pub mod pending_counts;
pub mod problems;
pub mod queue;
pub mod readers;
pub mod rejections;
pub mod removal;
pub mod replay;
pub mod signature;
pub mod statement;
mod values;

#[cfg(test)]
mod tests;
