//! The settings: a TOML file, over it the environment, over it flags.
//!
//! Promises that a setting which is wrong or unknown ends the start with one line: which it is,
//! where it came from, what it holds and what it may hold. Never shows a secret, neither in that
//! line nor in a `Debug`. Reads no environment by itself: it is given. The program's start calls
//! it; everything else is handed what it needs.

mod error;
mod layers;
mod value;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use error::ConfigError;
use layers::Layers;
pub use value::LogFormat;

/// One row of the table of settings.
struct Setting {
    /// Its key in the file; the environment has it in upper case behind `LATCHKEY_`, flags with
    /// hyphens.
    key: &'static str,
    preset: Preset,
    may_hold: &'static str,
    meaning: &'static str,
    shown: Shown,
}

/// What a setting is where nobody sets it.
enum Preset {
    Is(&'static str),
    /// Nothing; in words, what happens then.
    Absent(&'static str),
}

/// How much of a wrong value an error may show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Whole,
    /// What stands before the first colon: a password may stand behind it.
    Scheme,
    Nothing,
}

/// The one table: it makes the fields, loads them, and writes the example.
macro_rules! settings {
    ($(
        $key:ident: $type:ty = $preset:expr, $read:path, $shown:ident, $may_hold:literal,
        $meaning:literal;
    )*) => {
        /// All settings, each of them checked.
        #[derive(Debug, Clone)]
        pub struct Config {
            $(#[doc = $meaning] pub $key: $type,)*
        }

        /// Each row under the name of its field.
        #[expect(non_upper_case_globals, reason = "the fields' names are the keys")]
        mod row {
            use super::{Preset::{Absent, Is}, Setting, Shown};

            $(pub(super) const $key: Setting = Setting {
                key: stringify!($key),
                preset: $preset,
                may_hold: $may_hold,
                meaning: $meaning,
                shown: Shown::$shown,
            };)*
        }

        const SETTINGS: &[Setting] = &[$(row::$key,)*];

        impl Config {
            fn read(layers: &Layers) -> Result<Self, ConfigError> {
                Ok(Self { $($key: layers.read(&row::$key, $read)?,)* })
            }
        }
    };
}

use Preset::{Absent, Is};

settings! {
    database_url: SecretString = Is("sqlite://latchkey.db?mode=rwc"), value::database, Scheme,
        "a URL that begins with sqlite: or postgres://",
        "Where everything is kept: SQLite, or postgres://USER:PASSWORD@HOST/NAME.";
    database_deadline: Duration = Is("PT10S"), value::deadline, Whole,
        "an ISO 8601 duration from PT1S to PT5M",
        "How long a statement may take before its database connection is given up for lost.";
    listen: String = Is("127.0.0.1:8080"), value::listen, Whole,
        "HOST:PORT, such as 127.0.0.1:8080",
        "Where the service listens. Port 0 takes a free one.";
    encryption_key: Option<SecretString> =
        Absent("made at the first start beside a SQLite file; needed with PostgreSQL"),
        value::key, Nothing,
        "32 bytes in base64, as `openssl rand -base64 32` prints them",
        "Encrypts the Kisi credentials and signing secrets that are stored.";
    encryption_key_old: Option<SecretString> = Absent("only one key is known"), value::key, Nothing,
        "32 bytes in base64, as `openssl rand -base64 32` prints them",
        "Decrypts what an earlier key wrote, while keys are changed.";
    kisi_url: Url = Is("https://api.kisi.io"), value::url, Whole,
        "an https address without credentials, query or fragment; http for this machine alone",
        "Where Kisi's API is.";
    kisi_rate: u32 = Is("5"), value::rate, Whole,
        "a whole number from 1 to 1000",
        "Requests a second for each Kisi user.";
    kisi_contact: Option<String> = Absent("Kisi is told no address"), value::contact, Whole,
        "an e-mail address",
        "Where Kisi can reach whoever runs this service; sent with every request, as Kisi asks of integrations.";
    spacebring_url: Url = Is("https://api.spacebring.com"), value::url, Whole,
        "an https address without credentials, query or fragment; http for this machine alone",
        "Where Spacebring's API is read.";
    teamup_url: Url = Is("https://goteamup.com/api/v2"), value::url, Whole,
        "an https address without credentials, query or fragment; http for this machine alone",
        "Where TeamUp's API is read.";
    clubspot_url: Url = Is("https://api.theclubspot.com/api/v1"), value::url, Whole,
        "an https address without credentials, query or fragment; http for this machine alone",
        "Where Clubspot's API is read.";
    horizon: Duration = Is("P7D"), value::horizon, Whole,
        "an ISO 8601 duration from PT1H to P366D",
        "How far ahead access is sent to Kisi: what begins within it is sent whole.";
    sweep_interval: Duration = Is("PT1H"), value::sweep_interval, Whole,
        "an ISO 8601 duration from PT1M to P7D",
        "How often everything in Kisi is read and compared.";
    webhook_tolerance: Duration = Is("PT5M"), value::tolerance, Whole,
        "an ISO 8601 duration from PT0S to P1D",
        "How far a webhook's signed timestamp may lie from now, either way.";
    webhook_max_bytes: usize = Is("1048576"), value::max_bytes, Whole,
        "a whole number from 1024 to 67108864",
        "The largest webhook body that is taken, in bytes.";
    playground: bool = Is("true"), value::flag, Whole,
        "true or false",
        "Whether the playground is at /.";
    cors_origins: Vec<String> = Is(""), value::origins, Whole,
        "origins separated by commas, such as https://desk.example.com, without a path",
        "Whose pages may call the API from a browser; browsers of other origins are refused.";
    log: String = Is("info"), value::log, Whole,
        "error, warn, info, debug or trace, or several for modules: info,latchkey::kisi=debug",
        "What is logged.";
    log_format: LogFormat = Is("text"), value::log_format, Whole,
        "text or json",
        "How it is logged, to standard error.";
}

impl Config {
    /// Reads the file, if one is named, and lays `env` and `flags` over it. Of the environment,
    /// only what begins with `LATCHKEY_` is looked at; flags bear the keys of the file. The
    /// environment and flags hold text, the file may hold numbers, true and false, and lists as
    /// well.
    ///
    /// The URLs end in a slash, so that a relative path can be joined to each.
    ///
    /// # Errors
    /// The first setting that is unknown or wrong, or a file that cannot be read. Only what would
    /// take effect is checked.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        flags: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        if let Some(path) = file {
            layers.add_file(path)?;
        }
        layers.add_environment(env)?;
        layers.add_flags(flags)?;
        let config = Self::read(&layers)?;
        if config.encryption_key.is_none() && !config.is_sqlite() {
            return Err(ConfigError::KeyNeeded);
        }
        Ok(config)
    }

    /// Whether the database is a SQLite file or in memory, and not a server.
    pub fn is_sqlite(&self) -> bool {
        self.database_url.expose_secret().starts_with("sqlite:")
    }
}

/// An address that something may be sent to: https, or http for this machine alone, without credentials, query or fragment.
pub fn address(text: &str) -> Option<Url> {
    value::url(text)
}

/// The text of `config.example.toml`: every setting with its default and meaning, all of them
/// commented out.
pub fn example() -> String {
    let mut text = String::from(
        "# Every setting of Latchkey with its default. The environment goes over this file, flags\n\
         # go over both: kisi_rate here is LATCHKEY_KISI_RATE there, --kisi-rate as a flag.\n",
    );
    for setting in SETTINGS {
        text.push_str(&format!(
            "\n# {}\n# May hold: {}.\n",
            setting.meaning, setting.may_hold
        ));
        text.push_str(&match setting.preset {
            Is(default) => format!("#{} = {}\n", setting.key, value::toml(default)),
            Absent(words) => format!("# Left out: {words}.\n#{} = \"…\"\n", setting.key),
        });
    }
    text
}

#[cfg(test)]
mod tests;
