//! The one client of Kisi's REST API.
//!
//! Promises: every call waits for its turn, so the limit of a Kisi user is never passed; every list
//! is whole or an error; an error says whether its call may have happened. Never retries, never
//! logs a body, an address of a person or a secret, never follows a redirect. Called by the
//! reconciler, the unlock and the connecting of an account, each of which sends its calls one after
//! the other.

mod assignments;
mod call;
mod client;
mod clients;
mod error;
mod logins;
mod pacer;
mod page;
mod refusal;
mod setup;
mod users;
mod wire;
mod words;

#[cfg(test)]
mod tests;

pub use assignments::{AppliesTo, Assignment, AssignmentFilter, NewAssignment, as_kept};
pub use client::{Client, Guard, http_client};
pub use clients::{Clients, NoClient};
pub use error::Error;
pub use logins::{ApiLogin, Login, OnBehalf, log_in};
pub use pacer::{Lane, Pacer, Turn};
pub use setup::{
    Group, GroupLock, Integration, Location, Lock, Me, Organization, OrganizationRef, Place, Role,
};
pub use users::{NewUser, User};
