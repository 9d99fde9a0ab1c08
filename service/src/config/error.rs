//! The errors of the settings, each printed as one line.
//!
//! The line names the setting as it was written. It never contains a secret: only values that may be shown are stored in the
//! error. `Config::load` returns it; the program's start prints it.

use std::path::PathBuf;

use thiserror::Error;

/// Why the program does not start. `Display` is one line.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("the configuration file {} cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The file is not valid TOML. The parser's own error quotes the file and may contain a key, so it is not kept.
    #[error("the configuration file {} is not TOML: {reason}", path.display())]
    NotToml {
        path: PathBuf,
        /// The position and the kind of the error, without text of the file.
        reason: String,
    },
    #[error("{name} ({origin}) is not a setting; did you mean {nearest}?")]
    Unknown {
        /// As it was written.
        name: String,
        /// `environment`, `flag`, or the path of the file.
        origin: String,
        /// The most similar setting, in the notation of that origin.
        nearest: String,
    },
    #[error("{name} ({origin}) is {holds}; expected {may_hold}")]
    Invalid {
        /// As it was written.
        name: String,
        /// `environment`, `flag`, `default`, or the path of the file.
        origin: String,
        /// The value, as far as it may be shown.
        holds: String,
        may_hold: &'static str,
    },
    /// With PostgreSQL the key is required: each replica would generate a different one.
    #[error(
        "LATCHKEY_ENCRYPTION_KEY is not set; PostgreSQL requires it: \
         32 bytes in base64, as `openssl rand -base64 32` prints them"
    )]
    KeyNeeded,
    /// An identity provider without the client that it knows this service as.
    #[error(
        "oidc_issuer is set, and oidc_client_id is not: register a client at the identity provider and set its id"
    )]
    ClientIdNeeded,
}
