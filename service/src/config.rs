//! The settings: a TOML file, overridden by environment variables, overridden by flags.
//!
//! An invalid or unknown setting stops the start with one line: its name, its origin, its value and the expected values.
//! Secrets appear neither in that line nor in `Debug` output. The caller passes the environment in. The program's start calls
//! [`Config::load`]; other code receives the values that it needs.

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

use crate::claim_roles::RoleMap;

struct Setting {
    /// The key in the file. The environment variable is `LATCHKEY_` and the key in upper case; the flag has hyphens.
    key: &'static str,
    preset: Default,
    may_hold: &'static str,
    meaning: &'static str,
    shown: Visibility,
}

/// The default of a setting.
enum Default {
    Is(&'static str),
    /// No value. The text says what happens without one.
    Absent(&'static str),
}

/// How much of an invalid value an error may show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visibility {
    Whole,
    /// The part before the first colon: a password may follow.
    Scheme,
    Nothing,
}

/// Generates the fields of [`Config`], their loading and the example file from one table.
macro_rules! settings {
    ($(
        $key:ident: $type:ty = $preset:expr, $read:path, $shown:ident, $may_hold:literal,
        $meaning:literal;
    )*) => {
        /// All settings, validated.
        #[derive(Debug, Clone)]
        pub struct Config {
            $(#[doc = $meaning] pub $key: $type,)*
        }

        #[expect(non_upper_case_globals, reason = "the fields' names are the keys")]
        mod row {
            use super::{Default::{Absent, Is}, Setting, Visibility};

            $(pub(super) const $key: Setting = Setting {
                key: stringify!($key),
                preset: $preset,
                may_hold: $may_hold,
                meaning: $meaning,
                shown: Visibility::$shown,
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

use Default::{Absent, Is};

settings! {
    database_url: SecretString = Is("sqlite://latchkey.db?mode=rwc"), value::database, Scheme,
        "a URL that begins with sqlite: or postgres://",
        "The database: SQLite, or postgres://USER:PASSWORD@HOST/NAME.";
    database_deadline: Duration = Is("PT10S"), value::deadline, Whole,
        "an ISO 8601 duration from PT1S to PT5M",
        "How long a statement may take before its database connection is discarded.";
    listen: String = Is("127.0.0.1:8080"), value::listen, Whole,
        "HOST:PORT, such as 127.0.0.1:8080",
        "The address that the service listens on. Port 0 chooses a free port.";
    public_url: Option<Url> =
        Absent("the address that the service listens on, if that is a loopback address; else webhook URLs are not shown"),
        value::optional_url, Whole,
        "an https address without credentials, query or fragment; http for this machine alone",
        "The address at which platforms and Kisi reach this service, for the webhook URLs that the API shows.";
    encryption_key: Option<SecretString> =
        Absent("generated at the first start beside a SQLite file; required with PostgreSQL"),
        value::key, Nothing,
        "32 bytes in base64, as `openssl rand -base64 32` prints them",
        "The key that encrypts the stored Kisi credentials and signing secrets.";
    encryption_key_old: Option<SecretString> = Absent("only encryption_key is used"), value::key, Nothing,
        "32 bytes in base64, as `openssl rand -base64 32` prints them",
        "The previous key, during a key rotation: decrypts secrets that it encrypted.";
    kisi_url: Url = Is("https://api.kisi.io"), value::url, Whole,
        "an https address without credentials, query or fragment; http for this machine alone",
        "The base URL of Kisi's API.";
    kisi_rate: u32 = Is("5"), value::rate, Whole,
        "a whole number from 1 to 1000",
        "The maximum number of requests per second for each Kisi user.";
    kisi_contact: Option<String> = Absent("no contact address is sent to Kisi"), value::contact, Whole,
        "an e-mail address",
        "The operator's contact address, sent to Kisi with every request, as Kisi asks of integrations.";
    spacebring_url: Url = Is("https://api.spacebring.com"), value::url, Whole,
        "an https address without credentials, query or fragment; http for this machine alone",
        "The base URL of Spacebring's API.";
    teamup_url: Url = Is("https://goteamup.com/api/v2"), value::url, Whole,
        "an https address without credentials, query or fragment; http for this machine alone",
        "The base URL of TeamUp's API.";
    clubspot_url: Url = Is("https://api.theclubspot.com/api/v1"), value::url, Whole,
        "an https address without credentials, query or fragment; http for this machine alone",
        "The base URL of Clubspot's API.";
    horizon: Duration = Is("P7D"), value::horizon, Whole,
        "an ISO 8601 duration from PT1H to P366D",
        "How far ahead access is sent to Kisi: access that begins within this time is sent with its full window.";
    sweep_interval: Duration = Is("PT1H"), value::sweep_interval, Whole,
        "an ISO 8601 duration from PT1M to P7D",
        "How often all assignments in Kisi are read and compared with the expected ones.";
    webhook_tolerance: Duration = Is("PT5M"), value::tolerance, Whole,
        "an ISO 8601 duration from PT0S to P1D",
        "How far a webhook's signed timestamp may differ from the current time, in either direction.";
    webhook_max_bytes: usize = Is("1048576"), value::max_bytes, Whole,
        "a whole number from 1024 to 67108864",
        "The largest webhook body that is accepted, in bytes.";
    webhook_private_addresses: bool = Is("false"), value::flag, Whole,
        "true or false",
        "Whether clubs may have events sent to addresses of private networks and of this machine, and over http.";
    keep_bodies: Duration = Is("P90D"), value::kept_a_week, Whole,
        "an ISO 8601 duration from P7D to P36500D",
        "How long headers and bodies of deliveries are kept, those of failed ones until they are replayed or dismissed; and sent messages.";
    keep_history: Duration = Is("P730D"), value::kept_a_month, Whole,
        "an ISO 8601 duration from P31D to P36500D",
        "How long the history and deliveries without a body are kept. A repeat of an older delivery is taken for a new one.";
    keep_versions: Duration = Is("P730D"), value::kept_a_month, Whole,
        "an ISO 8601 duration from P31D to P36500D",
        "How long superseded versions of facts are kept: explain(asKnownAt:) reaches back so far.";
    keep_revocations: Duration = Is("P31D"), value::kept_a_month, Whole,
        "an ISO 8601 duration from P31D to P36500D",
        "How long revocations are kept that the brake counts; at least for the window of the club's brake.";
    keep_unlock_requests: Duration = Is("PT72H"), value::kept_a_day, Whole,
        "an ISO 8601 duration from P1D to P36500D",
        "How long unlock requests are kept.";
    write_to_kisi: bool = Is("true"), value::flag, Whole,
        "true or false",
        "Whether the service works on the Kisi accounts. False after a restore, until the facts are complete: it stores events, access in Kisi stays as it is, and no messages are sent to endpoints.";
    playground: bool = Is("true"), value::flag, Whole,
        "true or false",
        "Whether the playground is served at /.";
    console: bool = Is("true"), value::flag, Whole,
        "true or false",
        "Whether the console is served at /console.";
    oidc_issuer: Option<String> = Absent("staff sign in to the console with tokens only"), value::issuer, Whole,
        "an https address without credentials, query or fragment; http for this machine alone",
        "The identity provider (OpenID Connect) that staff sign in to the console with, exactly as it names itself. Its client's redirect address is public_url and /console/callback.";
    oidc_client_id: Option<String> = Absent("required with oidc_issuer"), value::optional_text, Whole,
        "a text",
        "The client's id at the identity provider.";
    oidc_client_secret: Option<SecretString> = Absent("the client is a public one"), value::optional_secret, Nothing,
        "a text",
        "The client's secret at the identity provider.";
    oidc_name: String = Is("single sign-on"), value::text, Whole,
        "a text",
        "The name of the identity provider, for the button “Sign in with …”.";
    oidc_claim: String = Is("groups"), value::text, Whole,
        "the name of a claim",
        "The claim with the roles of a person: a text or a list of texts.";
    oidc_roles: RoleMap = Is(""), value::role_map, Whole,
        "VALUE=ROLE or VALUE=ROLE@CLUB separated by semicolons; ROLE is ADMIN, DESK or READER, CLUB the id of a club",
        "What the values of the claim permit, such as door-admins=ADMIN; desk=DESK. Empty: a value is itself ROLE or ROLE@CLUB. Without a club, a role counts where there is one club only.";
    oidc_session: Duration = Is("PT12H"), value::staff_session, Whole,
        "an ISO 8601 duration from PT15M to P7D",
        "How long a sign-in lasts. A change of a person's roles takes effect at the next sign-in.";
    cors_origins: Vec<String> = Is(""), value::origins, Whole,
        "origins separated by commas, such as https://desk.example.com, without a path",
        "The origins whose pages may call the API from a browser; requests from other origins are refused.";
    otlp_endpoint: Option<Url> = Absent("no traces are sent"), value::collector, Whole,
        "an http or https address without credentials, query or fragment",
        "The OTLP collector (HTTP, JSON) that traces of deliveries are sent to, such as http://localhost:4318; /v1/traces is added.";
    otlp_headers: Option<SecretString> = Absent("no headers are added"), value::headers, Nothing,
        "NAME=VALUE, several separated by commas",
        "Headers for the OTLP collector, such as authorization=Bearer TOKEN.";
    otlp_sampling_percent: u32 = Is("100"), value::percent, Whole,
        "a whole number from 0 to 100",
        "How many of a hundred deliveries are traced.";
    log: String = Is("info"), value::log, Whole,
        "error, warn, info, debug or trace, or levels by module: info,latchkey_service::kisi=debug",
        "The log level.";
    log_format: LogFormat = Is("text"), value::log_format, Whole,
        "text or json",
        "The format of the log lines on standard error.";
}

impl Config {
    /// Reads `file`, if given, then applies `env` and then `flags` over it. Only variables that begin with `LATCHKEY_` are
    /// read; `flags` is keyed by the keys of the file. Values in `env` and `flags` are text; the file may also hold numbers,
    /// booleans and lists.
    ///
    /// The URLs end in a slash, so that a relative path can be joined to each.
    ///
    /// # Errors
    /// The first unknown or invalid setting, or an unreadable file. A value that a higher layer overrides is not validated.
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
        if config.oidc_issuer.is_some() && config.oidc_client_id.is_none() {
            return Err(ConfigError::ClientIdNeeded);
        }
        Ok(config)
    }

    /// Whether the database is SQLite, in a file or in memory.
    pub fn is_sqlite(&self) -> bool {
        self.database_url.expose_secret().starts_with("sqlite:")
    }
}

/// Parses a URL that requests may be sent to: https, or http to a loopback host, without credentials, query or fragment.
pub fn parse_outbound_url(text: &str) -> Option<Url> {
    value::url(text)
}

/// The text of `config.example.toml`: every setting with its default and meaning, commented out.
pub fn example() -> String {
    let mut text = String::from(
        "# Every setting of Latchkey with its default. Environment variables override this file, and\n\
         # flags override both: kisi_rate is LATCHKEY_KISI_RATE in the environment, --kisi-rate as a flag.\n",
    );
    for setting in SETTINGS {
        text.push_str(&format!(
            "\n# {}\n# Allowed: {}.\n",
            setting.meaning, setting.may_hold
        ));
        text.push_str(&match setting.preset {
            Is(default) => format!("#{} = {}\n", setting.key, value::toml(default)),
            Absent(consequence) => {
                format!("# If not set: {consequence}.\n#{} = \"…\"\n", setting.key)
            }
        });
    }
    text
}

#[cfg(test)]
mod tests;
