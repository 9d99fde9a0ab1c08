//! The GraphQL API: a file a noun, each with its object, its queries and its mutations. Designed from the contract, never
//! derived from tables. Answers from the store and the heart, marks members due and wakes the loop; Kisi is called by
//! connecting an account and by unlocking alone.

pub mod context;
pub mod error;
pub mod http;
pub mod scalar;
