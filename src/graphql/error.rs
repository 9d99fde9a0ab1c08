//! Errors of the API. A mistake that the caller can mend is data: a `UserError` in the payload. Everything else is a
//! GraphQL error with a code; what lies inside is logged where the answer is made, and never shown.

use async_graphql::{Enum, Error, ErrorExtensions, SimpleObject};

use crate::store::StoreError;

/// Why a mutation was refused.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
pub enum UserErrorCode {
    /// A value that makes no sense; the message says what may be there.
    Invalid,
    /// An id names nothing of its kind in this club.
    NotFound,
    /// There is one of this name already.
    AlreadyExists,
    /// The state has moved on since the preview: look again.
    Stale,
    /// Kisi says that the credentials are wrong.
    KisiUnauthorized,
    /// The Kisi user has ten API logins already.
    KisiTooManyLogins,
    /// Kisi asks for the one-time code of its second factor.
    KisiCodeNeeded,
    /// The Kisi user is no owner or administrator of the organization.
    KisiNotAdmin,
    /// Kisi does not answer. Whether a door opened all the same may not be known: the message says so.
    KisiUnreachable,
    /// Kisi refused; the message bears its reason.
    KisiRefused,
    /// Kisi has no role for this place or organization that can do nothing but open doors, and one that can do more is not
    /// given: make a group with those doors in Kisi, manage it here, and share that.
    KisiNoDoorRole,
    /// Another connection of this service manages the group already.
    GroupInUse,
    /// The rules say no; see the decision.
    AccessDenied,
    /// The club lets only people with an active membership unlock from a front end.
    UnlockNotVisible,
    /// Too often; the message says when again.
    RateLimited,
}

/// A mistake that the caller can mend. Nothing was changed.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserError {
    /// A stable word for programs.
    pub code: UserErrorCode,
    /// What is wrong, and what to do next.
    pub message: String,
    /// The path of the input field that it is about; null where it is about none.
    pub field: Option<Vec<String>>,
}

impl UserError {
    /// A mistake in one field, `path` parted by dots, such as `input.conditions.0`.
    pub fn at(code: UserErrorCode, path: &str, message: impl Into<String>) -> Self {
        let field = (!path.is_empty()).then(|| path.split('.').map(str::to_owned).collect());
        Self {
            code,
            message: message.into(),
            field,
        }
    }
}

/// Why a mutation did not do what was asked.
#[derive(Debug)]
pub enum Refusal {
    /// The caller can mend it.
    User(UserError),
    /// The caller cannot.
    Inside(Error),
}

impl From<UserError> for Refusal {
    fn from(error: UserError) -> Self {
        Self::User(error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Inside(error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Inside(inside(error))
    }
}

impl Refusal {
    /// The user error for a payload, or the GraphQL error.
    pub fn into_user_errors(self) -> Result<Vec<UserError>, Error> {
        match self {
            Self::User(error) => Ok(vec![error]),
            Self::Inside(error) => Err(error),
        }
    }
}

/// What the role of the caller may not do.
pub fn forbidden(message: &str) -> Error {
    Error::new(message).extend_with(|_, e| e.set("code", "FORBIDDEN"))
}

/// An argument that makes no sense.
pub fn bad_input(message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, e| e.set("code", "BAD_USER_INPUT"))
}

/// What would cost more than one document may.
pub fn too_complex(limit: &'static str, message: &str) -> Error {
    Error::new(format!("{limit}: {message}")).extend_with(|_, extensions| {
        extensions.set("code", "TOO_COMPLEX");
        extensions.set("limit", limit);
    })
}

/// A list that could not be read.
pub fn unlisted(error: StoreError) -> Error {
    match error {
        StoreError::TooManyEvaluations => too_complex(
            "evaluations",
            "a document may have 100,000 members evaluated: ask for fewer lists at a time",
        ),
        other => inside(other),
    }
}

/// A fault of ours. The text is for the log: the answer masks it.
pub fn internal(message: impl Into<String>) -> Error {
    Error::new(message)
}

/// A fault of the database or another layer of ours; its causes are for the log.
pub fn inside(error: impl std::error::Error) -> Error {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(": {next}"));
        cause = next.source();
    }
    Error::new(text)
}
