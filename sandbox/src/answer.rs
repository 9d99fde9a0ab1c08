//! Results of the resource modules: an object, a list, nothing, or an error in one of Kisi's two formats.
//!
//! Contract: `error` and `code` for a refused request, `errors` by field for invalid fields (422). Knows
//! nothing of HTTP but the status number. Used by every resource module, rendered by `http`.

use std::collections::BTreeMap;

use serde_json::Value;
use thiserror::Error;

/// The result of a request.
pub(super) type Outcome = Result<Answer, Refusal>;

#[derive(Debug)]
pub(super) enum Answer {
    One(Value),
    /// `range` is `None` for lists that are not paged.
    Many {
        rows: Vec<Value>,
        range: Option<String>,
    },
    Nothing,
}

#[derive(Debug, Error)]
pub(super) enum Refusal {
    #[error("{message}")]
    Fault {
        status: u16,
        code: &'static str,
        message: String,
    },
    #[error("invalid fields")]
    Invalid(BTreeMap<String, Vec<String>>),
    #[error("too many requests")]
    TooMany {
        retry_after: Option<u64>,
        body: bool,
    },
}

impl Refusal {
    pub(super) fn fault(status: u16, code: &'static str, message: &str) -> Self {
        Self::Fault {
            status,
            code,
            message: message.to_owned(),
        }
    }

    pub(super) fn bad_request(message: &str) -> Self {
        Self::fault(400, "000400", message)
    }

    pub(super) fn unauthorized() -> Self {
        Self::fault(
            401,
            "000401",
            "You need to sign in or sign up before continuing.",
        )
    }

    /// The caller's role does not permit it.
    pub(super) fn denied() -> Self {
        Self::fault(403, "fcd8ef", "Access denied.")
    }

    /// The row does not exist; its code tells it apart from `no_endpoint`.
    pub(super) fn not_found() -> Self {
        Self::fault(404, "000000", "The resource does not exist.")
    }

    pub(super) fn no_endpoint() -> Self {
        let message = "The endpoint does not exist, please check your request.";
        Self::fault(404, "000404", message)
    }

    pub(super) fn server_error() -> Self {
        Self::fault(500, "ffffff", "An unexpected issue occurred.")
    }

    pub(super) fn invalid(field: &str, reason: &str) -> Self {
        Self::Invalid(BTreeMap::from([(
            field.to_owned(),
            vec![reason.to_owned()],
        )]))
    }

    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Fault { status, .. } => *status,
            Self::Invalid(_) => 422,
            Self::TooMany { .. } => 429,
        }
    }
}

/// Collects the errors of a body by field.
#[derive(Debug, Default)]
pub(super) struct FieldErrors(BTreeMap<String, Vec<String>>);

impl FieldErrors {
    pub(super) fn add(&mut self, field: &str, reason: &str) {
        self.0
            .entry(field.to_owned())
            .or_default()
            .push(reason.to_owned());
    }

    /// # Errors
    /// 422 if there is any error.
    pub(super) fn into_result(self) -> Result<(), Refusal> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Invalid(self.0))
        }
    }
}
