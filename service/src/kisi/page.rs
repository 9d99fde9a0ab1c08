//! Reads paged lists to their end, or fails.
//!
//! Contract: returns every row once, as far as Kisi's responses show. Never returns a part of a
//! list: a caller that takes a missing row for absent would revoke access. Called by the files of
//! this module that list.

use std::collections::HashSet;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::Call;
use super::client::Client;
use super::error::Error;

/// Kisi rejects larger offsets.
const MAX_ROWS: u64 = 20_000;
/// The problem of a list with more rows; mapped to [`Error::TooLong`].
const TOO_LONG: &str = "more rows than can be paged through";

/// A row of a paged list.
pub(super) trait Row: DeserializeOwned {
    /// The page size: Kisi's maximum for this resource.
    const LIMIT: u64 = 250;
    fn id(&self) -> i64;
}

impl Client {
    /// Reads every row, page by page. `call` builds the call of one page, without limit and offset,
    /// and with a sort order where Kisi supports one: without an order, a page may repeat rows of
    /// the previous one and leave out others. The result is sorted by id and does not depend on
    /// Kisi's order.
    ///
    /// # Errors
    /// `Malformed` when a page is no array, short, out of range or repeats a row, or when rows
    /// disappear during the reading. `TooLong` when there are more rows than Kisi pages through.
    pub(super) async fn list<T: Row>(&self, call: impl Fn() -> Call) -> Result<Vec<T>, Error> {
        let shape = call().shape;
        let wrong = |what: &str| Error::malformed(format!("{shape}: {what}"));
        let mut rows: Vec<T> = Vec::new();
        let mut seen = HashSet::new();
        let mut progress = Progress::default();
        loop {
            let page = call()
                .with("limit", T::LIMIT)
                .with("offset", progress.offset);
            let answer = self.send_raw(page).await?;
            let Some(Value::Array(values)) = answer.json else {
                return Err(wrong("no array"));
            };
            let range = Range::of(&answer.headers).map_err(|()| wrong("unreadable range"))?;
            let count = u64::try_from(values.len()).unwrap_or(u64::MAX);
            let is_last = match progress.check_page(count, T::LIMIT, range) {
                Ok(is_last) => is_last,
                Err(TOO_LONG) => return Err(Error::TooLong),
                Err(what) => return Err(wrong(what)),
            };
            for value in values {
                let row: T = serde_json::from_value(value)
                    .map_err(|_| wrong("a row is not as documented"))?;
                if !seen.insert(row.id()) {
                    return Err(wrong("a row appears twice"));
                }
                rows.push(row);
            }
            if is_last {
                rows.sort_by_key(Row::id);
                return Ok(rows);
            }
        }
    }

    /// The number of rows of a list, from a request for one row; `None` if Kisi does not say.
    ///
    /// # Errors
    /// `Malformed` when the range cannot be read.
    pub(super) async fn total(&self, call: Call) -> Result<Option<u64>, Error> {
        let shape = call.shape;
        let probe = call.with("limit", 1u64).with("offset", 0u64);
        let answer = self.send_raw(probe).await?;
        let range = Range::of(&answer.headers);
        let range = range.map_err(|()| Error::malformed(format!("{shape}: unreadable range")))?;
        Ok(range.map(|range| range.total))
    }
}

/// The progress of reading a list.
#[derive(Default)]
struct Progress {
    offset: u64,
    total: Option<u64>,
}

impl Progress {
    /// Checks a page of `count` rows. Returns whether it is the last page, or the problem.
    fn check_page(
        &mut self,
        count: u64,
        limit: u64,
        range: Option<Range>,
    ) -> Result<bool, &'static str> {
        if count > limit {
            return Err("a page is longer than the requested limit");
        }
        let is_last = match range {
            Some(Range { start, total }) => {
                if start.is_some_and(|start| start != self.offset) {
                    return Err("a page starts at another offset");
                }
                if self.total.is_some_and(|before| total < before) {
                    return Err("rows disappeared during the reading");
                }
                if total > MAX_ROWS {
                    return Err(TOO_LONG);
                }
                self.total = Some(total);
                let expected = total.saturating_sub(self.offset).min(limit);
                if count < expected {
                    return Err("a page is short");
                }
                if count > expected {
                    return Err("a page is longer than its range");
                }
                self.offset + count >= total
            }
            None if self.total.is_some() => return Err("a page has no range"),
            None => count < limit,
        };
        self.offset += count;
        if self.offset > MAX_ROWS || (!is_last && self.offset == MAX_ROWS) {
            return Err(TOO_LONG);
        }
        Ok(is_last)
    }
}

/// `X-Collection-Range: <start>-<end>/<total>`, or `*/<total>` for an empty page. The end is
/// ignored: Kisi does not clip it to the existing rows.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    start: Option<u64>,
    total: u64,
}

impl Range {
    fn of(headers: &HeaderMap) -> Result<Option<Self>, ()> {
        let Some(value) = headers.get("x-collection-range") else {
            return Ok(None);
        };
        let text = value.to_str().map_err(|_| ())?;
        Self::parse(text).map(Some).ok_or(())
    }

    fn parse(text: &str) -> Option<Self> {
        let (span, total) = text.trim().rsplit_once('/')?;
        let total = total.trim().parse().ok()?;
        // Some servers put a unit in front, as in HTTP's Content-Range.
        let span = span.rsplit(' ').next()?;
        if span == "*" {
            return Some(Self { start: None, total });
        }
        let (start, _) = span.split_once('-')?;
        Some(Self {
            start: Some(start.trim().parse().ok()?),
            total,
        })
    }
}
