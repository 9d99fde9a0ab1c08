//! What can go wrong between us and Kisi, told apart by what it means for the caller.
//!
//! Promises: an error says whether its call may have happened, and `Unknown` is the answer to every
//! doubt. Display never carries a secret, an address of a person or the text of a source. Made by
//! the client; read by everyone who must act on a failure or explain it.

#![expect(
    missing_docs,
    reason = "the fields bear the names that Kisi gives them"
)]

use std::time::Duration;

use super::words;

/// Why a call to Kisi did not do what was asked. `message` is Kisi's own text and may be empty.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 401: the key or login is wrong, deleted or expired.
    #[error("Kisi does not accept the key or login{}", tail(.code.as_deref()))]
    Unauthorized {
        code: Option<String>,
        message: String,
    },
    /// 403: known, but not allowed.
    #[error("Kisi does not allow this{}", tail(.code.as_deref()))]
    Forbidden {
        code: Option<String>,
        message: String,
    },
    /// 404, from Kisi itself.
    #[error("Kisi has no such thing{}", tail(.code.as_deref()))]
    NotFound {
        code: Option<String>,
        message: String,
    },
    /// 409: it contradicts what is there.
    #[error("Kisi reports a conflict{}", tail(.code.as_deref()))]
    Conflict {
        code: Option<String>,
        message: String,
    },
    /// 422: what was sent is not valid; `message` joins Kisi's reasons.
    #[error("Kisi finds what was sent not valid{}", tail(.code.as_deref()))]
    Unprocessable {
        code: Option<String>,
        message: String,
    },
    /// 429. The pacer is stopped already, for `after` or else for a second.
    #[error("Kisi's limit of requests is reached")]
    RateLimited { after: Option<Duration> },
    /// Any other 4xx, and the 503 by which an unlock says that a device is not there.
    #[error("Kisi refused with status {status}{}", tail(.code.as_deref()))]
    Refused {
        status: u16,
        code: Option<String>,
        message: String,
    },
    /// Not sent: whoever waited for a turn lost the right to it meanwhile.
    #[error("the call was withheld")]
    Withheld,
    /// Surely never reached Kisi: no connection was made.
    #[error("Kisi could not be reached")]
    NotSent(#[source] reqwest::Error),
    /// Sent, and no trustworthy answer came: it may have happened.
    #[error("no trustworthy answer came from Kisi: {reason}")]
    Unknown {
        reason: String,
        #[source]
        source: Option<reqwest::Error>,
    },
    /// Kisi pages through no more than 20,000 rows, and this list has more.
    #[error("Kisi's list is longer than it can be paged through")]
    TooLong,
    /// A 2xx whose content cannot be believed: no array, a page short, repeated or out of range.
    #[error("Kisi's answer is not as documented: {what}")]
    Malformed {
        what: String,
        /// The call was to change something, so it probably did.
        of_write: bool,
    },
}

impl Error {
    /// Whether it is certain that the call changed nothing.
    pub fn outcome_is_known(&self) -> bool {
        !matches!(
            self,
            Self::Unknown { .. } | Self::Malformed { of_write: true, .. }
        )
    }

    /// Whether Kisi does not accept the key or login.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Unauthorized { .. })
    }

    /// Whether Kisi, or the way to it, is out for the whole account: it waits, and tries again.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::NotSent(_) | Self::Unknown { .. } | Self::RateLimited { .. }
        )
    }

    /// Kisi's own six-character code, where the answer bore one.
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

    /// A sentence or two for an admin: what the matter is, and who can mend it. May quote Kisi's
    /// own text.
    pub fn for_people(&self) -> String {
        words::for_people(self)
    }

    /// Kisi says that the thing itself is not there; not merely that the address leads nowhere.
    pub fn says_gone(&self) -> bool {
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

/// What a failed exchange means. The address is taken off: it may name a person.
impl From<reqwest::Error> for Error {
    fn from(source: reqwest::Error) -> Self {
        let source = source.without_url();
        if source.is_connect() || source.is_builder() {
            return Self::NotSent(source);
        }
        let reason = if source.is_timeout() {
            "none in time"
        } else if source.is_body() || source.is_decode() {
            "it broke off"
        } else {
            "the connection was closed"
        };
        Self::Unknown {
            reason: reason.to_owned(),
            source: Some(source),
        }
    }
}

/// The code in brackets, where there is one.
pub(super) fn tail(code: Option<&str>) -> String {
    code.map(|code| format!(" (code {code})"))
        .unwrap_or_default()
}
