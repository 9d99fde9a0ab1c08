//! Errors of reading a platform's API. After any of them, nothing of the reading is used. The texts name the problem and who can
//! fix it, and contain no part of a response or a secret.

use std::time::Duration;

use crate::{
    ingest::queue::QueueError,
    retry_after::MAX_PAUSE,
    secret::SecretError,
    store::{StoreError, row::SourceProblemKind},
};

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The platform refuses the credentials.
    #[error("the credentials are refused")]
    Unauthorized,
    /// The credentials lack a permission.
    #[error("the credentials lack the permission to read {path}")]
    Forbidden { path: String },
    /// Too many requests; with the pause, if the platform gives one.
    #[error("too many requests")]
    RateLimited(Option<Duration>),
    /// No complete response came.
    #[error("{path} does not answer")]
    Unreachable {
        path: String,
        #[source]
        source: reqwest::Error,
    },
    /// A status other than 2xx.
    #[error("{path} answers with status {status}")]
    Status { path: String, status: u16 },
    /// A response that does not match the platform's documentation.
    #[error("{path}: {what}")]
    Malformed {
        path: String,
        /// What is wrong, without any content of the response.
        what: String,
    },
    /// A list changed during each of several attempts to read it.
    #[error("{path} changed while it was read")]
    Changing { path: String },
    /// The source's settings are wrong; the text is for people.
    #[error("{0}")]
    Settings(String),
    /// The reading took longer than allowed.
    #[error("the reading took too long")]
    TimedOut,
    /// The sealed credentials cannot be opened.
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the database failed")]
    Store(#[from] StoreError),
    #[error("the reading could not be stored")]
    NotStored(#[from] QueueError),
}

impl ReadError {
    /// `what` must not contain any content of the response.
    pub fn odd(path: &str, what: impl Into<String>) -> Self {
        Self::Malformed {
            path: path.to_owned(),
            what: what.into(),
        }
    }

    /// The problem as a text for people, with who can fix it; `name` is the platform's.
    pub fn user_message(&self, name: &str) -> String {
        match self {
            Self::Unauthorized => {
                format!("{name} refuses the credentials: give the source new ones (updateSource).")
            }
            Self::Forbidden { path } => format!(
                "{name} does not let these credentials read {path}: give them more permissions there, or give the source other credentials (updateSource)."
            ),
            Self::RateLimited(_) => {
                format!("{name} reports too many requests: it is read again later automatically.")
            }
            Self::Unreachable { .. } | Self::TimedOut => {
                format!("{name} does not answer in time: it is read again later automatically.")
            }
            Self::Status { path, status } => {
                format!("{name} answers {status} at {path}: it is read again later automatically.")
            }
            Self::Malformed { path, what } => format!(
                "{name} answered at {path} in an unexpected form ({what}). The reading was not used; tell the person who \
                 maintains Latchkey."
            ),
            Self::Changing { path } => {
                format!(
                    "{name} changed {path} each time it was read: it is read again later automatically."
                )
            }
            Self::Settings(words) => words.clone(),
            Self::Secret(problem) => format!("{problem}."),
            Self::Store(_) | Self::NotStored(_) => {
                "The reading could not be stored: it is read again later automatically.".to_owned()
            }
        }
    }

    /// What is wrong with the source, as a kind.
    pub fn kind(&self) -> SourceProblemKind {
        match self {
            Self::Unauthorized => SourceProblemKind::CredentialsRefused,
            Self::Forbidden { .. } => SourceProblemKind::PermissionMissing,
            Self::Settings(_) => SourceProblemKind::SettingsWrong,
            Self::RateLimited(_)
            | Self::Unreachable { .. }
            | Self::TimedOut
            | Self::Status { .. }
            | Self::Changing { .. } => SourceProblemKind::PlatformUnavailable,
            Self::Malformed { .. } => SourceProblemKind::AnswerNotUnderstood,
            Self::Secret(_) | Self::Store(_) | Self::NotStored(_) => {
                SourceProblemKind::ServiceFailed
            }
        }
    }

    /// The pause before the next reading, if the platform gives one; at most `LONGEST`.
    pub fn pause(&self) -> Option<Duration> {
        match self {
            Self::RateLimited(after) => after.map(|after| after.min(MAX_PAUSE)),
            _ => None,
        }
    }
}
