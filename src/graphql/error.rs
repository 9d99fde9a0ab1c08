//! Errors of the API. A mistake that the caller can correct is data: a `UserError` in the payload. Everything else is a
//! GraphQL error with a code. The text of an internal error is logged where the response is built, and never sent to the
//! caller.

use async_graphql::{Enum, Error, ErrorExtensions, SimpleObject};

use super::scalar::{DateTime, format_instant};
use crate::{ingest::manual::EntryError, store::StoreError};

/// Why a mutation was refused.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
pub enum UserErrorCode {
    /// A value is invalid; the message says what is accepted.
    Invalid,
    /// An id matches no object of its type in this club.
    NotFound,
    /// An object with this name already exists.
    AlreadyExists,
    /// The state has changed since the preview: preview again.
    Stale,
    /// Kisi rejects the credentials. Of a login, it does not say whether the e-mail address or the password is wrong.
    KisiUnauthorized,
    /// Kisi has no organization with the domain of the login.
    KisiDomainUnknown,
    /// The organization uses single sign-on, so that only its owner can log in with a password.
    KisiSingleSignOn,
    /// The Kisi user already has ten API logins.
    KisiTooManyLogins,
    /// Kisi requires the one-time code of the second factor.
    KisiCodeNeeded,
    /// The Kisi user is not an owner or administrator of the organization.
    KisiNotAdmin,
    /// Kisi does not respond. For an unlock, it may be unknown whether the door opened: the message says so.
    KisiUnreachable,
    /// Kisi refused the request; the message contains Kisi's reason.
    KisiRefused,
    /// Kisi has no role for this place or organization that only opens doors, and a more powerful role is never assigned.
    /// Create a group with those doors in Kisi, manage it here, and share that group.
    KisiNoDoorRole,
    /// Another Kisi account connected to this service already manages the group.
    GroupInUse,
    /// The rules deny access; see the decision.
    AccessDenied,
    /// The club allows unlocking from a front end only to people with an active membership.
    UnlockNotVisible,
    /// Too many requests; the message says when to try again.
    RateLimited,
    /// What it needs is no longer stored.
    NotRetained,
}

/// A mistake that the caller can correct. Nothing was changed.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct UserError {
    /// Stable, machine-readable code.
    pub code: UserErrorCode,
    /// What is wrong, and what to do next.
    pub message: String,
    /// The path of the input field with the mistake; null if it concerns no field.
    pub field: Option<Vec<String>>,
}

impl UserError {
    /// `path` is the input field, separated by dots, such as `input.conditions.0`; empty for a mistake that concerns no
    /// field.
    pub fn at(code: UserErrorCode, path: &str, message: impl Into<String>) -> Self {
        let field = (!path.is_empty()).then(|| path.split('.').map(str::to_owned).collect());
        Self {
            code,
            message: message.into(),
            field,
        }
    }
}

/// Why a mutation changed nothing.
#[derive(Debug)]
pub enum Refusal {
    /// The caller can correct these mistakes: returned in the payload. At least one.
    User(Vec<UserError>),
    /// An internal error: returned as a GraphQL error, without details.
    Internal(Error),
}

impl From<UserError> for Refusal {
    fn from(error: UserError) -> Self {
        Self::User(vec![error])
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Internal(error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Internal(internal_error(error))
    }
}

impl From<EntryError> for Refusal {
    fn from(error: EntryError) -> Self {
        Self::Internal(internal_error(error))
    }
}

impl Refusal {
    /// Returns the user error for the payload.
    ///
    /// # Errors
    /// The internal error, as the GraphQL error of the field.
    pub fn into_user_errors(self) -> Result<Vec<UserError>, Error> {
        match self {
            Self::User(errors) => Ok(errors),
            Self::Internal(error) => Err(error),
        }
    }
}

/// How many mistakes are returned at most.
const MAX_MISTAKES: usize = 100;

impl Refusal {
    /// The value of a check, or none after its mistakes were added to `all`.
    pub fn keep<T>(checked: Result<T, Self>, all: &mut Option<Self>) -> Option<T> {
        match (checked, all.take()) {
            (Ok(value), before) => {
                *all = before;
                return Some(value);
            }
            (Err(Self::User(more)), Some(Self::User(mut mistakes))) => {
                mistakes.extend(more);
                mistakes.truncate(MAX_MISTAKES);
                *all = Some(Self::User(mistakes));
            }
            // An internal error goes before mistakes.
            (Err(Self::User(_)), Some(internal)) => *all = Some(internal),
            (Err(refusal), _) => *all = Some(refusal),
        }
        None
    }

    /// The values of all checks, or all their mistakes.
    pub fn collect<T>(checks: impl Iterator<Item = Result<T, Self>>) -> Result<Vec<T>, Self> {
        let mut all = None;
        let mut values = Vec::new();
        for checked in checks {
            values.extend(Self::keep(checked, &mut all));
        }
        all.map_or(Ok(values), Err)
    }
}

/// Makes each check and binds its value to its name; if any fails, returns from the function with the mistakes of all, so that a
/// caller sees them at once: `checked! { name = name(…); until = future_end(…); }`.
macro_rules! checked {
    ($($name:ident = $check:expr;)+) => {
        let mut refusal = None;
        $(let $name = $crate::graphql::error::Refusal::keep($check, &mut refusal);)+
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        $(let Some($name) = $name else {
            return Err($crate::graphql::error::internal("a check gave no value").into());
        };)+
    };
}
pub(super) use checked;

/// The caller's role does not permit the operation: code FORBIDDEN.
pub fn forbidden(message: &str) -> Error {
    Error::new(message).extend_with(|_, e| e.set("code", "FORBIDDEN"))
}

/// An argument of a query is invalid: code BAD_USER_INPUT.
pub fn bad_input(message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, e| e.set("code", "BAD_USER_INPUT"))
}

/// The versions of that time are no longer stored: code NOT_RETAINED, with the instant since when they are.
pub fn not_retained(argument: &str, since: DateTime) -> Error {
    let since = format_instant(since.0);
    let message = format!("{argument}: what was known before {since} is no longer stored");
    Error::new(message).extend_with(|_, extensions| {
        extensions.set("code", "NOT_RETAINED");
        extensions.set("knownSince", since.clone());
    })
}

/// The document exceeds the named limit: code TOO_COMPLEX.
pub fn too_complex(limit: &'static str, message: &str) -> Error {
    Error::new(format!("{limit}: {message}")).extend_with(|_, extensions| {
        extensions.set("code", "TOO_COMPLEX");
        extensions.set("limit", limit);
    })
}

/// The error for a list that could not be read: TOO_COMPLEX if it needs too many evaluations, otherwise internal.
pub fn list_error(error: StoreError) -> Error {
    match error {
        StoreError::TooManyEvaluations => too_complex(
            "evaluations",
            "a document may evaluate at most 100,000 members: request fewer lists at a time",
        ),
        other => internal_error(other),
    }
}

/// An internal error. The message is for the log: the response replaces it.
pub fn internal(message: impl Into<String>) -> Error {
    Error::new(message)
}

/// An internal error with the messages of all its sources, for the log: the response replaces it.
pub fn internal_error(error: impl std::error::Error) -> Error {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(": {next}"));
        cause = next.source();
    }
    Error::new(text)
}
