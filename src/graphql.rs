//! The GraphQL API: a file a noun, each with its object, its queries and its mutations. Designed from the contract, never
//! derived from tables. Answers from the store and the heart, marks members due and wakes the loop; Kisi is called by
//! connecting an account and by unlocking alone.

pub mod access_event;
mod admission;
mod batch;
pub mod club;
pub mod company;
pub mod context;
pub mod decision;
pub mod delivery;
pub mod door;
pub mod entitlement;
pub mod error;
pub mod executor;
pub mod explanation;
pub mod grant;
pub mod group;
pub mod held_revocation;
pub mod http;
pub mod input;
pub mod kisi_account;
pub mod loader;
pub mod location;
pub mod lock;
pub mod member;
pub mod mutation;
pub mod node;
pub mod offering;
pub mod page;
pub mod place;
pub mod preview;
pub mod prompt;
pub mod query;
pub mod reach;
mod restriction;
pub mod roles;
pub mod rule;
pub mod scalar;
pub mod schema;
pub mod share;
pub mod socket;
pub mod source;
pub mod subscription;
pub mod suspension;
pub mod viewer;
pub mod words;
