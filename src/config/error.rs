//! What can be wrong with the settings, each in one line.
//!
//! Promises that the line names the setting as its writer wrote it. Never holds a secret: what may
//! not be shown does not get in here. `Config::load` returns it; the program's start prints it.

use std::path::PathBuf;

use thiserror::Error;

/// Why the program does not start; its text is one line.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file that was named could not be read.
    #[error("the configuration file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is no TOML. The parser's own error quotes the file, and with it perhaps a key, so
    /// it is not kept.
    #[error("the configuration file {} is not TOML: {reason}", path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// Where and what, without the file's text.
        reason: String,
    },
    /// A setting that there is not.
    #[error("{name} ({origin}) is no setting; the nearest is {nearest}")]
    Unknown {
        /// As it was written.
        name: String,
        /// Where it stands.
        origin: String,
        /// The setting whose name is most like it, as it is written there.
        nearest: String,
    },
    /// A setting that holds what it may not.
    #[error("{name} ({origin}) holds {holds}; it may hold {may_hold}")]
    Wrong {
        /// As it was written.
        name: String,
        /// Where it stands.
        origin: String,
        /// The value, as far as it may be shown.
        holds: String,
        /// What would be right.
        may_hold: &'static str,
    },
    /// Without a key of its own, a database server's replicas would each make one.
    #[error(
        "LATCHKEY_ENCRYPTION_KEY (nowhere set) holds nothing; with PostgreSQL it must hold \
         32 bytes in base64, as `openssl rand -base64 32` prints them"
    )]
    KeyNeeded,
}
