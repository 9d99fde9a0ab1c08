//! The layers of the settings: text by key from the file, the environment and the flags, later layers overriding earlier ones.
//!
//! An unknown name is refused in every layer, and each value carries its origin. Values are not interpreted here.
//! `Config::load` fills the layers and reads from them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use config::{File, FileFormat, Source, Value, ValueKind};

use super::{ConfigError, Default, SETTINGS, Setting, Visibility};

const PREFIX: &str = "LATCHKEY_";

/// Prefixes of variables for the tests, and for scripts that look for the binary; the service ignores them.
const NOT_SETTINGS: [&str; 2] = ["LATCHKEY_TEST_", "LATCHKEY_BIN"];

/// The maximum length of an invalid value in an error, in characters.
const SHOWN: usize = 80;

struct Entry {
    /// The name as it was written.
    name: String,
    origin: String,
    /// `None` if the file holds a type that no setting has, such as a table.
    text: Option<String>,
}

/// The value of each key from the highest layer that sets it.
#[derive(Default)]
pub(super) struct Layers(HashMap<&'static str, Entry>);

impl Layers {
    pub(super) fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let values = File::from_str(&text, FileFormat::Toml)
            .collect()
            .map_err(|error| ConfigError::NotToml {
                path: path.to_owned(),
                reason: without_excerpt(&error.to_string()),
            })?;
        // Sorted, so that several errors in one file always report the same one first.
        for (name, value) in values.into_iter().collect::<BTreeMap<_, _>>() {
            self.add(
                name.clone(),
                path.display().to_string(),
                &name,
                str::to_owned,
                text_of(value),
            )?;
        }
        Ok(())
    }

    pub(super) fn add_environment(
        &mut self,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        for (name, text) in env.collect::<BTreeMap<_, _>>() {
            let ours = name.starts_with(PREFIX);
            if !ours || NOT_SETTINGS.iter().any(|prefix| name.starts_with(prefix)) {
                continue;
            }
            // Environment variables are case-sensitive. A name with lower-case letters becomes an upper-case key, which no
            // setting has, so it is refused.
            let key = name.strip_prefix(PREFIX).unwrap_or_default();
            let upper = key.to_ascii_uppercase();
            let key = if key == upper {
                upper.to_ascii_lowercase()
            } else {
                upper
            };
            self.add(
                name,
                "environment".to_owned(),
                &key,
                environment_name,
                Some(text),
            )?;
        }
        Ok(())
    }

    pub(super) fn add_flags(
        &mut self,
        flags: &BTreeMap<String, String>,
    ) -> Result<(), ConfigError> {
        for (key, text) in flags {
            self.add(
                flag_name(key),
                "flag".to_owned(),
                key,
                flag_name,
                Some(text.clone()),
            )?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        name: String,
        origin: String,
        key: &str,
        written: fn(&str) -> String,
        text: Option<String>,
    ) -> Result<(), ConfigError> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            let nearest = written(nearest(key));
            return Err(ConfigError::Unknown {
                name,
                origin,
                nearest,
            });
        };
        self.0.insert(setting.key, Entry { name, origin, text });
        Ok(())
    }

    /// The value of a setting from the highest layer that sets it, else its default.
    pub(super) fn read<T>(
        &self,
        setting: &Setting,
        read: fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let wrong = |name: &str, origin: &str, text: Option<&str>| ConfigError::Invalid {
            name: name.to_owned(),
            origin: origin.to_owned(),
            holds: shown(setting.shown, text),
            may_hold: setting.may_hold,
        };
        let preset = match setting.preset {
            Default::Is(text) => text,
            Default::Absent(_) => "",
        };
        let Some(Entry { name, origin, text }) = self.0.get(setting.key) else {
            return read(preset)
                .ok_or_else(|| wrong(&environment_name(setting.key), "default", Some(preset)));
        };
        // An empty value is an error, not a missing one: it reveals a variable that somebody forgot to fill in.
        let unfilled = text.as_deref() == Some("") && matches!(setting.preset, Default::Absent(_));
        let value = text.as_deref().filter(|_| !unfilled).and_then(read);
        value.ok_or_else(|| wrong(name, origin, text.as_deref()))
    }
}

fn environment_name(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase())
}

fn flag_name(key: &str) -> String {
    format!("--{}", key.replace('_', "-"))
}

/// A value of the file in the notation of an environment variable.
fn text_of(value: Value) -> Option<String> {
    match value.kind {
        ValueKind::String(text) => Some(text),
        ValueKind::Boolean(truth) => Some(truth.to_string()),
        ValueKind::I64(number) => Some(number.to_string()),
        ValueKind::Float(number) => Some(number.to_string()),
        ValueKind::Array(items) => {
            let texts: Option<Vec<String>> = items.into_iter().map(text_of).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

/// The part of an invalid value that may be shown, in one line.
fn shown(shown: Visibility, text: Option<&str>) -> String {
    let Some(text) = text else {
        return "a table".to_owned();
    };
    if text.is_empty() {
        return "empty".to_owned();
    }
    match (shown, text.split_once(':')) {
        (Visibility::Nothing, _) => "invalid".to_owned(),
        (Visibility::Scheme, None) => "invalid".to_owned(),
        (Visibility::Scheme, Some((scheme, _))) => format!("{:?}", clipped(scheme, ":…")),
        // A URL may contain a password before its host.
        (Visibility::Whole, Some((scheme, rest))) if rest.contains('@') => {
            format!("{:?}", clipped(scheme, ":…"))
        }
        (Visibility::Whole, _) => format!("{:?}", clipped(text, "")),
    }
}

fn clipped(text: &str, end: &str) -> String {
    let mut piece: String = text.chars().take(SHOWN).collect();
    piece.push_str(if piece.len() < text.len() { "…" } else { end });
    piece
}

/// The parser's message without the lines that it quotes from the file.
fn without_excerpt(message: &str) -> String {
    let lines = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let kept: Vec<&str> = lines.filter(|line| !line.contains('|')).collect();
    kept.join(": ")
}

/// The key with the smallest edit distance to an unknown name.
fn nearest(written: &str) -> &'static str {
    let written = written.to_ascii_lowercase().replace('-', "_");
    let keys = SETTINGS.iter().map(|setting| setting.key);
    keys.min_by_key(|key| distance(&written, key))
        .unwrap_or_default()
}

/// The Levenshtein distance, by characters.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.chars().enumerate() {
        let mut left = row + 1;
        let mut line = vec![left];
        for ((other, diagonal), up) in to.iter().zip(&above).zip(above.iter().skip(1)) {
            left = (diagonal + usize::from(letter != *other))
                .min(up + 1)
                .min(left + 1);
            line.push(left);
        }
        above = line;
    }
    above.last().copied().unwrap_or_default()
}
