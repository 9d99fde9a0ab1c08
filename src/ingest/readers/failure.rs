//! Why an API could not be read. Whatever it is, nothing is concluded from what was read so far. Says to people what is wrong
//! and who can mend it, and never what an answer or a secret holds.

use std::time::Duration;

use crate::{
    ingest::queue::NotStored, retry_after::LONGEST, secret::SecretError, store::StoreError,
};

/// Why a reading failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The platform does not know the credentials.
    #[error("the credentials are refused")]
    Unauthorized,
    /// The credentials may not read this.
    #[error("{path} may not be read with these credentials")]
    Forbidden {
        /// The path that was asked for.
        path: String,
    },
    /// Too many requests; after which time again, where the platform says.
    #[error("too many requests")]
    RateLimited(Option<Duration>),
    /// No whole answer came.
    #[error("{path} does not answer")]
    Unreachable {
        /// The path that was asked for.
        path: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Another status than a good one.
    #[error("{path} answers with status {status}")]
    Status {
        /// The path that was asked for.
        path: String,
        /// What it answered.
        status: u16,
    },
    /// An answer that is not as the platform documents it.
    #[error("{path}: {what}")]
    Odd {
        /// The path that was asked for.
        path: String,
        /// What is odd, without what the answer holds.
        what: String,
    },
    /// A list that changed while it was read, again and again.
    #[error("{path} changed while it was read")]
    Moving {
        /// The path that was asked for.
        path: String,
    },
    /// Something is not as it has to be in the source's settings.
    #[error("{0}")]
    Settings(String),
    /// It took longer than a reading may.
    #[error("it took too long")]
    TooLong,
    /// The credentials cannot be opened.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// What was read could not be stored.
    #[error("what was read could not be stored")]
    NotStored(#[from] NotStored),
}

impl ReadError {
    /// What is odd about an answer.
    pub fn odd(path: &str, what: impl Into<String>) -> Self {
        Self::Odd {
            path: path.to_owned(),
            what: what.into(),
        }
    }

    /// What is wrong and who can mend it; `name` is the platform's.
    pub fn for_people(&self, name: &str) -> String {
        match self {
            Self::Unauthorized => {
                format!("{name} refuses the credentials: give the source new ones (updateSource).")
            }
            Self::Forbidden { path } => format!(
                "{name} does not let these credentials read {path}: give them more permissions there, or the source others."
            ),
            Self::RateLimited(_) => {
                format!("{name} gets too many requests: it is read again later, by itself.")
            }
            Self::Unreachable { .. } | Self::TooLong => {
                format!("{name} does not answer in time: it is read again later, by itself.")
            }
            Self::Status { path, status } => {
                format!("{name} answers {status} at {path}: it is read again later, by itself.")
            }
            Self::Odd { path, what } => format!(
                "{name} answered at {path} in a way that is not understood ({what}). Nothing was concluded from it; tell whoever \
                 looks after Latchkey."
            ),
            Self::Moving { path } => {
                format!(
                    "{name} changed {path} each time it was read: it is read again later, by itself."
                )
            }
            Self::Settings(words) => words.clone(),
            Self::Secret(problem) => format!("{problem}."),
            Self::Store(_) | Self::NotStored(_) => {
                "What was read could not be stored: it is read again later, by itself.".to_owned()
            }
        }
    }

    /// How long nothing is read, where the platform says.
    pub fn pause(&self) -> Option<Duration> {
        match self {
            Self::RateLimited(after) => after.map(|after| after.min(LONGEST)),
            _ => None,
        }
    }
}
