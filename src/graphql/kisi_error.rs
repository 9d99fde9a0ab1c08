//! Maps errors of the Kisi client to error codes of the API. Never calls Kisi.

use async_graphql::{Error, ErrorExtensions, resolver_utils::enum_value};

use super::error::UserErrorCode;
use crate::kisi;

impl UserErrorCode {
    /// The code for an error of a connected account.
    pub fn of_kisi(problem: &kisi::Error) -> Self {
        if problem.is_unauthorized() {
            Self::KisiUnauthorized
        } else if problem.is_outage() {
            Self::KisiUnreachable
        } else {
            Self::KisiRefused
        }
    }
}

/// The GraphQL error of a query that could not read from Kisi.
pub fn of_kisi(problem: &kisi::Error) -> Error {
    let code = enum_value(UserErrorCode::of_kisi(problem));
    Error::new(problem.for_people()).extend_with(|_, extensions| extensions.set("code", code))
}
