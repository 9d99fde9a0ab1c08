//! Errors of Kisi calls, one variant per reaction of the caller.
//!
//! Contract: an error says whether its call may have taken effect; every doubtful case is
//! `Unknown`. `Display` never contains a secret, a person's e-mail address or the text of the
//! source error. Returned by the client to every caller.

#![expect(missing_docs, reason = "the fields have the names of Kisi's API")]

use std::time::Duration;

use super::words;
use crate::http_client::ExchangeError;

/// Why a call to Kisi failed. `message` is Kisi's own text and may be empty.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 401: the key or login is wrong, deleted or expired.
    #[error("Kisi does not accept the key or login{}", code_suffix(.code.as_deref()))]
    Unauthorized {
        code: Option<String>,
        message: String,
    },
    /// 403: authenticated, but not allowed.
    #[error("Kisi does not allow this{}", code_suffix(.code.as_deref()))]
    Forbidden {
        code: Option<String>,
        message: String,
    },
    /// 404, from Kisi itself.
    #[error("Kisi does not have this object{}", code_suffix(.code.as_deref()))]
    NotFound {
        code: Option<String>,
        message: String,
    },
    /// 409: conflicts with existing data.
    #[error("Kisi reports a conflict{}", code_suffix(.code.as_deref()))]
    Conflict {
        code: Option<String>,
        message: String,
    },
    /// 422: the request is not valid; `message` joins Kisi's reasons.
    #[error("Kisi rejected the request as invalid{}", code_suffix(.code.as_deref()))]
    Unprocessable {
        code: Option<String>,
        message: String,
    },
    /// 429. The client has already paused the pacer, for `after` or else for a second.
    #[error("Kisi's request limit is reached")]
    RateLimited { after: Option<Duration> },
    /// Any other 4xx, and the 503 with which an unlock reports an unavailable device.
    #[error("Kisi refused the call with status {status}{}", code_suffix(.code.as_deref()))]
    Refused {
        status: u16,
        code: Option<String>,
        message: String,
    },
    /// Not sent: the client's guard returned `false` when the call had its turn.
    #[error("the call was not sent: it was no longer allowed when its turn came")]
    Withheld,
    /// Never reached Kisi: no connection was made.
    #[error("Kisi could not be reached")]
    NotSent(#[source] reqwest::Error),
    /// Sent, without a trustworthy response: the call may have taken effect.
    #[error("the outcome of the Kisi call is unknown: {reason}")]
    Unknown {
        reason: String,
        #[source]
        source: Option<reqwest::Error>,
    },
    /// The list has more than the 20,000 rows that Kisi pages through.
    #[error("the list in Kisi has more than the 20,000 rows that Kisi returns")]
    TooLong,
    /// A 2xx with invalid content: no array, a page that is short, repeated or out of range.
    #[error("Kisi's response is not as documented: {what}")]
    Malformed {
        what: String,
        /// The call was a write, so it probably took effect.
        of_write: bool,
    },
}

impl Error {
    /// Whether the call certainly changed nothing.
    pub fn outcome_is_known(&self) -> bool {
        !matches!(
            self,
            Self::Unknown { .. } | Self::Malformed { of_write: true, .. }
        )
    }

    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Unauthorized { .. })
    }

    /// Whether Kisi is unavailable for the whole account, so that its work waits and is retried.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::NotSent(_) | Self::Unknown { .. } | Self::RateLimited { .. }
        )
    }

    /// Kisi's own six-character code, if the response had one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Unauthorized { code, .. }
            | Self::Forbidden { code, .. }
            | Self::NotFound { code, .. }
            | Self::Conflict { code, .. }
            | Self::Unprocessable { code, .. }
            | Self::Refused { code, .. } => code.as_deref(),
            _ => None,
        }
    }

    /// Kisi's own text; empty where there is none.
    pub fn message(&self) -> &str {
        match self {
            Self::Unauthorized { message, .. }
            | Self::Forbidden { message, .. }
            | Self::NotFound { message, .. }
            | Self::Conflict { message, .. }
            | Self::Unprocessable { message, .. }
            | Self::Refused { message, .. } => message,
            _ => "",
        }
    }

    /// One or two sentences for an admin: the problem, and who can fix it. May quote Kisi's own text.
    pub fn for_people(&self) -> String {
        words::for_people(self)
    }

    /// Whether Kisi reports that the object does not exist, as opposed to an unknown endpoint.
    pub fn is_object_missing(&self) -> bool {
        let Self::NotFound { code, message } = self else {
            return false;
        };
        let no_endpoint =
            code.as_deref() == Some("000404") && message.to_ascii_lowercase().contains("endpoint");
        !no_endpoint
    }

    pub(super) fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown {
            reason: reason.into(),
            source: None,
        }
    }

    pub(super) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed {
            what: what.into(),
            of_write: false,
        }
    }
}

impl From<ExchangeError> for Error {
    fn from(problem: ExchangeError) -> Self {
        match problem {
            ExchangeError::NotSent(source) => Self::NotSent(source),
            ExchangeError::Lost { reason, source } => Self::Unknown {
                reason: reason.to_owned(),
                source: Some(source),
            },
            ExchangeError::TooLarge => Self::unknown("the response is too large"),
        }
    }
}

/// The code in parentheses, or nothing.
pub(super) fn code_suffix(code: Option<&str>) -> String {
    code.map(|code| format!(" (code {code})"))
        .unwrap_or_default()
}
