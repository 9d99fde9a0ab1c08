//! Parser for CSV as spreadsheets write it: RFC 4180 with commas, semicolons or tabs, with or without a byte order mark. Returns
//! records by the column names in the first line. Knows nothing about rosters.

use std::collections::BTreeMap;

use anyhow::{Context, bail};

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line of the file that it starts in, from 1.
    pub line: usize,
    /// Values by column name in lower case; blank values are left out.
    pub fields: BTreeMap<String, String>,
}

/// Parses a text. Returns the column names of the first line, in lower case, and the records.
///
/// # Errors
/// An unclosed quote, a line with more or fewer fields than columns, a duplicate column name.
pub fn records(text: &str) -> anyhow::Result<(Vec<String>, Vec<Record>)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().next().unwrap_or_default();
    let separator = [',', ';', '\t']
        .into_iter()
        .rev()
        .max_by_key(|mark| first.matches(*mark).count())
        .unwrap_or(',');
    let mut rows = rows(text, separator)?.into_iter();
    let (_, names) = rows
        .next()
        .context("the file is empty: the first line must have the column names")?;
    let names: Vec<String> = names
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    if let Some(duplicate) = names.iter().find(|name| !seen.insert(*name)) {
        bail!("line 1: the column {duplicate:?} appears twice");
    }
    let mut records = Vec::new();
    for (line, values) in rows {
        if values.len() != names.len() {
            bail!(
                "line {line}: {} fields, but the first line has {} columns",
                values.len(),
                names.len()
            );
        }
        let fields = names.iter().cloned().zip(values);
        let fields = fields
            .map(|(name, value)| (name, value.trim().to_owned()))
            .filter(|(_, value)| !value.is_empty());
        records.push(Record {
            line,
            fields: fields.collect(),
        });
    }
    Ok((names, records))
}

/// The fields of each row that is not blank, with its line number.
fn rows(text: &str, separator: char) -> anyhow::Result<Vec<(usize, Vec<String>)>> {
    let mut rows = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut field = String::new();
    let (mut line, mut begun, mut quoted) = (1, 1, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\n' {
            line += 1;
        }
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.trim().is_empty() => {
                field.clear();
                quoted = true;
            }
            letter if quoted => field.push(letter),
            '\r' if letters.peek() == Some(&'\n') => {}
            '\n' => {
                row.push(std::mem::take(&mut field));
                rows.push((begun, std::mem::take(&mut row)));
                begun = line;
            }
            letter if letter == separator => row.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    if quoted {
        bail!("line {begun}: a quote is not closed");
    }
    row.push(field);
    rows.push((begun, row));
    rows.retain(|(_, row)| row.iter().any(|field| !field.trim().is_empty()));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, Vec<(String, String)>)> {
        let (_, records) = records(text).unwrap();
        records
            .into_iter()
            .map(|record| (record.line, record.fields.into_iter().collect()))
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn quotes_separators_and_line_ends_of_spreadsheets_are_parsed() {
        let expected = vec![
            (2, vec![pair("id", "1"), pair("name", "Doe, \"Ann\"")]),
            (4, vec![pair("id", "2"), pair("name", "two\nlines")]),
        ];
        for text in [
            "id,name\n1,\"Doe, \"\"Ann\"\"\"\n\n2,\"two\nlines\"\n",
            "\u{feff}ID;Name\r\n1;\"Doe, \"\"Ann\"\"\"\r\n\r\n2; \"two\nlines\"\r\n",
            "id\tname\n1\tDoe, \"Ann\"\n\t\n2\t\"two\nlines\"",
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(read("id,name\n1,\n"), [(2, vec![pair("id", "1")])]);
    }

    #[test]
    fn an_error_names_its_line() {
        for (text, words) in [
            ("", "empty"),
            ("id,id\n", "twice"),
            ("id,name\n1,a\n2\n", "line 3: 1 fields"),
            ("id,name\n1,\"a\n2,b\n", "line 2: a quote"),
        ] {
            let wrong = records(text).unwrap_err().to_string();
            assert!(wrong.contains(words), "{wrong}");
        }
    }
}
