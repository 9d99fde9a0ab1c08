//! Why the service cannot start. `App::start` and the parts that it starts return it; it stands below both.

use crate::{
    http_client::ClientError, kisi::HttpClientError, secret::SecretError, store::StoreError,
    traces::CollectorError,
};

/// Why `App::start` failed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened or migrated.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The encryption key is invalid.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database holds encrypted secrets, but the file with their key is missing.
    #[error(
        "the database holds encrypted secrets, but the key file {path} is missing: restore the file, or set \
         LATCHKEY_ENCRYPTION_KEY. Without the key, connect Kisi again and give each source a new secret"
    )]
    KeyMissing {
        /// The expected path of the key file.
        path: String,
    },
    /// The metrics cannot be registered.
    #[error("the metrics cannot be set up")]
    Metrics(#[from] prometheus::Error),
    /// The system starts no further thread.
    #[error("the threads of queries cannot be started")]
    Threads(#[source] std::io::Error),
    #[error("the HTTP client cannot be set up")]
    Http(#[from] HttpClientError),
    #[error(transparent)]
    OtherHttp(#[from] ClientError),
    #[error(transparent)]
    Traces(#[from] CollectorError),
    /// The key file beside the SQLite database cannot be read or created.
    #[error("the encryption key file {path} cannot be read or created: check its permissions")]
    KeyFile {
        path: String,
        #[source]
        source: std::io::Error,
    },
}
