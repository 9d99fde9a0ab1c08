//! The settings of the schemes CUSTOM and SHARED_SECRET, as an admin writes them and as they are stored with the source, and
//! their validation.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Serialize};

use super::rule::{
    Algorithm, Encoding, IdPlace, KeyEncoding, MacRule, Piece, SharedSecret, Stamp, StampPlace,
    Verification,
};
use crate::store::row::SignatureScheme;

/// The most seconds of tolerance.
const MOST_TOLERANCE_S: i64 = 86_400;
/// The longest name, prefix, path or content.
const LONGEST: usize = 200;

/// How a sender outside the known schemes signs its requests. Stored as JSON, to which fields may be added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    /// The header with the signature or the secret.
    pub header: String,
    /// The text before it.
    pub prefix: Option<String>,
    pub encoding: Option<Digits>,
    /// The signed bytes, with the tokens `{body}`, `{timestamp}` and `{id}`.
    pub content: Option<String>,
    pub timestamp: Option<StampSettings>,
    #[serde(rename = "eventId")]
    pub id: Option<IdSettings>,
    pub tolerance_seconds: Option<i64>,
    pub algorithm: Option<Algorithm>,
    pub secret_encoding: Option<KeyEncoding>,
}

/// How a signature is written.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Digits {
    Hex,
    Base64,
}

/// Where the signed timestamp is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StampSettings {
    pub header: Option<String>,
    pub prefix: Option<String>,
    pub unit: Option<Unit>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Unit {
    Seconds,
    Milliseconds,
}

/// Where the event's id is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdSettings {
    pub header: Option<String>,
    pub path: Option<String>,
}

/// A fault of settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SettingsError {
    /// The names of the fields that lead to the fault.
    pub path: Vec<&'static str>,
    /// What is expected.
    pub message: &'static str,
}

fn wrong<T>(path: &[&'static str], message: &'static str) -> Result<T, SettingsError> {
    Err(SettingsError {
        path: path.to_vec(),
        message,
    })
}

impl Settings {
    /// The settings as they were stored; unreadable text verifies nothing.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The verification that these settings describe.
    ///
    /// # Errors
    /// The first fault; also where the scheme takes no settings.
    pub fn verification(&self, scheme: SignatureScheme) -> Result<Verification, SettingsError> {
        match scheme {
            SignatureScheme::Custom => self.mac().map(Verification::Mac),
            SignatureScheme::SharedSecret => self.shared_secret().map(Verification::SharedSecret),
            _ => wrong(
                &[],
                "this scheme has fixed rules: leave it out, or choose CUSTOM or SHARED_SECRET",
            ),
        }
    }

    fn shared_secret(&self) -> Result<SharedSecret, SettingsError> {
        let of_macs: [(bool, &'static str); 6] = [
            (self.encoding.is_some(), "encoding"),
            (self.content.is_some(), "content"),
            (self.timestamp.is_some(), "timestamp"),
            (self.tolerance_seconds.is_some(), "tolerance"),
            (self.algorithm.is_some(), "algorithm"),
            (self.secret_encoding.is_some(), "secretEncoding"),
        ];
        if let Some((_, name)) = of_macs.into_iter().find(|(given, _)| *given) {
            let message =
                "a shared secret signs nothing: there are only header, prefix and eventId";
            return wrong(&[name], message);
        }
        Ok(SharedSecret {
            header: header(&self.header, &["header"])?,
            prefix: self.prefix()?,
            id: self.id()?,
        })
    }

    fn mac(&self) -> Result<MacRule, SettingsError> {
        let content = pieces(self.content.as_deref().unwrap_or("{body}"))?;
        let timestamp = self.timestamp.as_ref().map(stamp).transpose()?;
        let id = self.id()?;
        let signs = |piece: Piece| content.contains(&piece);
        if !signs(Piece::Body) {
            return wrong(&["content"], "it has to contain {body}");
        }
        if signs(Piece::Timestamp) != timestamp.is_some() {
            let message = "content has {timestamp} exactly if timestamp says where it is: an unsigned timestamp proves nothing";
            return wrong(&["timestamp"], message);
        }
        let has_header_id = matches!(id, Some(IdPlace::Header(_)));
        if signs(Piece::Id) != has_header_id {
            let message = "content has {id} exactly if eventId has a header: an unsigned id proves nothing. An id in the body has a path";
            return wrong(&["eventId"], message);
        }
        let tolerance = match self.tolerance_seconds {
            None => None,
            Some(_) if timestamp.is_none() => {
                return wrong(&["tolerance"], "it needs a timestamp");
            }
            Some(seconds) if (1..=MOST_TOLERANCE_S).contains(&seconds) => {
                Some(Duration::from_secs(seconds.unsigned_abs()))
            }
            Some(_) => return wrong(&["tolerance"], "it has to be from PT1S to P1D"),
        };
        Ok(MacRule {
            header: Cow::Owned(header(&self.header, &["header"])?),
            prefix: Cow::Owned(self.prefix()?),
            encoding: match self.encoding {
                Some(Digits::Hex) => Encoding::Hex,
                Some(Digits::Base64) => Encoding::Base64,
                None => return wrong(&["encoding"], "it is required: HEX or BASE64"),
            },
            algorithm: self.algorithm.unwrap_or(Algorithm::Sha256),
            content: Cow::Owned(content),
            timestamp,
            id,
            key: self.secret_encoding.unwrap_or(KeyEncoding::Text),
            tolerance,
        })
    }

    fn prefix(&self) -> Result<String, SettingsError> {
        let prefix = self.prefix.clone().unwrap_or_default();
        if prefix.len() > LONGEST || !prefix.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return wrong(&["prefix"], "it has to be ASCII text of at most 200 bytes");
        }
        Ok(prefix)
    }

    fn id(&self) -> Result<Option<IdPlace>, SettingsError> {
        let Some(id) = &self.id else {
            return Ok(None);
        };
        match (&id.header, &id.path) {
            (Some(name), None) => Ok(Some(IdPlace::Header(Cow::Owned(header(
                name,
                &["eventId", "header"],
            )?)))),
            (None, Some(path)) if path.starts_with('/') && path.len() <= LONGEST => {
                Ok(Some(IdPlace::Member(Cow::Owned(path.clone()))))
            }
            (None, Some(_)) => wrong(
                &["eventId", "path"],
                "it has to be a path into the body that begins with /, such as /id",
            ),
            _ => wrong(&["eventId"], "it has to have either header or path"),
        }
    }
}

fn stamp(settings: &StampSettings) -> Result<Stamp, SettingsError> {
    let place = match (&settings.header, &settings.prefix) {
        (Some(name), None) => {
            StampPlace::Header(Cow::Owned(header(name, &["timestamp", "header"])?))
        }
        (None, Some(prefix)) if !prefix.trim().is_empty() && prefix.len() <= LONGEST => {
            StampPlace::Prefix(Cow::Owned(prefix.clone()))
        }
        _ => {
            let message = "it has to have either header, or prefix: the text before the timestamp in the signature's header, such as t=";
            return wrong(&["timestamp"], message);
        }
    };
    let per_second = match settings.unit {
        None | Some(Unit::Seconds) => 1,
        Some(Unit::Milliseconds) => 1_000,
    };
    Ok(Stamp { place, per_second })
}

/// A header's name in lower case.
fn header(name: &str, path: &[&'static str]) -> Result<String, SettingsError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte);
    if name.is_empty() || name.len() > LONGEST || !name.bytes().all(is_token) {
        return wrong(
            path,
            "it has to be the name of a header, such as x-signature",
        );
    }
    Ok(name.to_ascii_lowercase())
}

/// The parts of a content such as `{timestamp}.{body}`.
fn pieces(content: &str) -> Result<Vec<Piece>, SettingsError> {
    let refuse = |message| wrong(&["content"], message);
    if content.len() > LONGEST {
        return refuse("it has to have at most 200 bytes");
    }
    let mut pieces = Vec::new();
    let mut rest = content;
    while !rest.is_empty() {
        let Some((before, after)) = rest.split_once('{') else {
            pieces.push(Piece::Text(Cow::Owned(rest.to_owned())));
            break;
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(Cow::Owned(before.to_owned())));
        }
        let Some((token, after)) = after.split_once('}') else {
            return refuse("a { without }");
        };
        let piece = match token {
            "body" => Piece::Body,
            "timestamp" => Piece::Timestamp,
            "id" => Piece::Id,
            _ => {
                return refuse(
                    "it has the tokens {body}, {timestamp} and {id}; everything else is text",
                );
            }
        };
        if pieces.contains(&piece) {
            return refuse("each token may be there once");
        }
        pieces.push(piece);
        rest = after;
    }
    Ok(pieces)
}
