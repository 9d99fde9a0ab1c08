//! Parses a scenario: lines with their numbers, local times, lists of names, and fields separated by bars. Panics on an invalid
//! line with the expected form, for the author of the scenario.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil, tz::TimeZone};

/// A line that is neither blank nor a comment.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// File, line number and text, for messages.
    pub place: String,
    /// The whole line, trimmed.
    pub text: &'a str,
    /// The first word.
    pub verb: &'a str,
    /// The line after its first word.
    pub rest: &'a str,
}

/// The lines of a file, without comments and blanks.
pub fn lines<'a>(name: &str, text: &'a str) -> Vec<Line<'a>> {
    let numbered = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()));
    let statements = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    statements
        .map(|(number, text)| {
            let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
            Line {
                place: format!("{name}.txt:{number}: {text}"),
                text,
                verb,
                rest: rest.trim(),
            }
        })
        .collect()
}

/// Splits `a, b and c`. `nobody` is an empty list.
pub fn names(text: &str) -> Vec<&str> {
    text.split([','])
        .flat_map(|part| part.split(" and "))
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != "nobody")
        .collect()
}

/// Parses `id | key value | key value` into the id and the values by key.
pub fn fields<'a>(line: &Line<'a>) -> (&'a str, BTreeMap<&'a str, &'a str>) {
    let mut parts = line.rest.split('|').map(str::trim);
    let id = parts.next().unwrap_or("");
    (
        id,
        parts
            .map(|part| part.split_once(' ').unwrap_or((part, "")))
            .collect(),
    )
}

/// The club's time zone and its times.
#[derive(Clone, Debug)]
pub struct Zone(pub TimeZone);

impl Zone {
    pub fn named(name: &str) -> Self {
        Self(TimeZone::get(name).unwrap())
    }

    /// The instant of a local time such as `2026-01-05 08:00`.
    pub fn instant(&self, text: &str) -> Timestamp {
        let local: civil::DateTime =
            text.trim()
                .replacen(' ', "T", 1)
                .parse()
                .unwrap_or_else(|problem| {
                    panic!("{text:?} should be a local time, such as 2026-01-05 08:00: {problem}")
                });
        local.to_zoned(self.0.clone()).unwrap().timestamp()
    }

    /// A date (ten characters) is returned unchanged; a local time becomes an instant.
    pub fn moment(&self, text: &str) -> String {
        if text.len() == 10 {
            text.to_owned()
        } else {
            self.instant(text).to_string()
        }
    }

    /// An instant in the notation of a scenario.
    pub fn local(&self, at: Timestamp) -> String {
        at.to_zoned(self.0.clone())
            .strftime("%Y-%m-%d %H:%M")
            .to_string()
    }
}
