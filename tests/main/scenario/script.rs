//! Reads a scenario: its lines with their numbers, local times, lists of names, and fields behind bars. Pure; a line that
//! it cannot read is the author's to mend, so it panics with what it may be.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil, tz::TimeZone};

/// A line that says something.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// For messages: file and number.
    pub place: String,
    /// The line as it is written.
    pub text: &'a str,
    /// The first word.
    pub verb: &'a str,
    /// The rest of it.
    pub rest: &'a str,
}

/// The lines of a file, without comments and blanks.
pub fn lines<'a>(name: &str, text: &'a str) -> Vec<Line<'a>> {
    let numbered = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()));
    let said = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    said.map(|(number, text)| {
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

/// `a, b and c`, without `nobody`.
pub fn names(text: &str) -> Vec<&str> {
    text.split([','])
        .flat_map(|part| part.split(" and "))
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != "nobody")
        .collect()
}

/// `id | key value | key value`: the id, and the values by their keys.
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

    /// `2026-01-05 08:00`, local.
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

    /// A date stays a date; a local time becomes an instant.
    pub fn moment(&self, text: &str) -> String {
        if text.len() == 10 {
            text.to_owned()
        } else {
            self.instant(text).to_string()
        }
    }

    /// An instant as a scenario writes it.
    pub fn local(&self, at: Timestamp) -> String {
        at.to_zoned(self.0.clone())
            .strftime("%Y-%m-%d %H:%M")
            .to_string()
    }
}
