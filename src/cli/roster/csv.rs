//! Parser for CSV as spreadsheets write it: RFC 4180 with commas, semicolons or tabs, with or without a byte order mark. Returns
//! the column names of the first line, and one record after the other. Knows nothing about rosters.

use std::{collections::BTreeSet, iter::Peekable, str::Chars};

use anyhow::{Context, bail};

/// A table in CSV. Its records are read one after the other, each time that they are asked for.
#[derive(Debug)]
pub struct Csv<'t> {
    text: &'t str,
    separator: char,
    /// The column names of the first line, in lower case.
    pub names: Vec<String>,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line of the file that it starts in, from 1.
    pub line: usize,
    values: Vec<String>,
}

impl Record {
    /// The value of the column at this position; none if it is blank.
    pub fn get(&self, column: usize) -> Option<&str> {
        let value = self.values.get(column)?.trim();
        (!value.is_empty()).then_some(value)
    }
}

impl<'t> Csv<'t> {
    /// Reads the column names.
    ///
    /// # Errors
    /// An empty text, a duplicate column name, an unclosed quote in the first line.
    pub fn open(text: &'t str) -> anyhow::Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first = text.lines().next().unwrap_or_default();
        let separator = [',', ';', '\t']
            .into_iter()
            .rev()
            .max_by_key(|mark| first.matches(*mark).count())
            .unwrap_or(',');
        let names = Rows::new(text, separator)
            .next()
            .context("the file is empty: the first line must have the column names")??;
        let names: Vec<String> = names
            .values
            .iter()
            .map(|name| name.trim().to_lowercase())
            .collect();
        let mut seen = BTreeSet::new();
        if let Some(duplicate) = names.iter().find(|name| !seen.insert(*name)) {
            bail!("line 1: the column {duplicate:?} appears twice");
        }
        Ok(Self {
            text,
            separator,
            names,
        })
    }

    /// The records from the first one on. An error ends them: an unclosed quote, or a line with more or fewer fields than columns.
    pub fn records(&self) -> impl Iterator<Item = anyhow::Result<Record>> {
        let width = self.names.len();
        Rows::new(self.text, self.separator)
            .skip(1)
            .map(move |record| {
                let record = record?;
                if record.values.len() != width {
                    bail!(
                        "line {}: {} fields, but the first line has {width} columns",
                        record.line,
                        record.values.len(),
                    );
                }
                Ok(record)
            })
    }
}

/// The rows that are not blank.
struct Rows<'t> {
    letters: Peekable<Chars<'t>>,
    separator: char,
    /// The current line, from 1.
    line: usize,
    is_done: bool,
}

impl<'t> Rows<'t> {
    fn new(text: &'t str, separator: char) -> Self {
        Self {
            letters: text.chars().peekable(),
            separator,
            line: 1,
            is_done: false,
        }
    }

    /// The next row, blank or not.
    fn row(&mut self) -> anyhow::Result<Record> {
        let line = self.line;
        let mut values: Vec<String> = Vec::new();
        let mut field = String::new();
        let mut quoted = false;
        while let Some(letter) = self.letters.next() {
            if letter == '\n' {
                self.line += 1;
            }
            match letter {
                '"' if quoted && self.letters.peek() == Some(&'"') => {
                    self.letters.next();
                    field.push('"');
                }
                '"' if quoted => quoted = false,
                '"' if field.trim().is_empty() => {
                    field.clear();
                    quoted = true;
                }
                letter if quoted => field.push(letter),
                '\r' if self.letters.peek() == Some(&'\n') => {}
                '\n' => {
                    values.push(field);
                    return Ok(Record { line, values });
                }
                letter if letter == self.separator => values.push(std::mem::take(&mut field)),
                letter => field.push(letter),
            }
        }
        self.is_done = true;
        if quoted {
            bail!("line {line}: a quote is not closed");
        }
        values.push(field);
        Ok(Record { line, values })
    }
}

impl Iterator for Rows<'_> {
    type Item = anyhow::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_done {
            match self.row() {
                Ok(row) if (0..row.values.len()).all(|column| row.get(column).is_none()) => {}
                row => return Some(row),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line and the fields of each record.
    type Lines = Vec<(usize, Vec<(String, String)>)>;

    fn read(text: &str) -> anyhow::Result<Lines> {
        let csv = Csv::open(text)?;
        let records = csv.records().map(|record| {
            let record = record?;
            let names = csv.names.iter().enumerate();
            let fields = names.filter_map(|(at, name)| Some(pair(name, record.get(at)?)));
            Ok((record.line, fields.collect()))
        });
        records.collect()
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
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        assert_eq!(read("id,name\n1,\n").unwrap(), [(2, vec![pair("id", "1")])]);
    }

    #[test]
    fn an_error_names_its_line() {
        for (text, words) in [
            ("", "empty"),
            ("id,id\n", "twice"),
            ("id,name\n1,a\n2\n", "line 3: 1 fields"),
            ("id,name\n1,\"a\n2,b\n", "line 2: a quote"),
        ] {
            let wrong = read(text).unwrap_err().to_string();
            assert!(wrong.contains(words), "{wrong}");
        }
    }
}
