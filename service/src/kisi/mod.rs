//! The client of Kisi's REST API.
//!
//! Contract: every call waits for its turn, so the request limit of a Kisi user is never exceeded;
//! a list is complete or an error; an error says whether its call may have taken effect. Never
//! retries, never follows a redirect, and never logs a body, a secret or a person's e-mail address.
//! Called by the reconciler, by unlock requests and when an account is connected; each sends its
//! calls sequentially.

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

pub use assignments::{AppliesTo, Assignment, AssignmentFilter, NewAssignment, as_stored};
pub use client::{Client, Guard, http_client};
pub use clients::{Clients, HttpClientError};
pub use error::Error;
pub use logins::{ApiLogin, Login, MemberLogin, PublicOrganization, log_in, public_organization};
pub use pacer::{Lane, Pacer, Turn};
/// A client for HTTP requests, which keeps its connections.
pub use reqwest::Client as HttpClient;
pub use setup::{
    Group, GroupLock, Integration, Location, Lock, Me, Organization, OrganizationRef, Place, Role,
};
pub use users::{NewUser, User};
