//! Lists, read to their end or not at all.
//!
//! Promises: what is returned is every row once, as far as Kisi lets anyone know. Must never return
//! a part: whoever concludes from an absence would revoke by it. Called by the files of this module
//! that list.

use std::collections::HashSet;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::Call;
use super::client::Client;
use super::error::Error;

/// Kisi serves no offset beyond this.
const MOST_ROWS: u64 = 20_000;
/// What is wrong with a list that has more.
const TOO_LONG: &str = "more rows than can be paged through";

/// A row of a list that is paged.
pub(super) trait Row: DeserializeOwned {
    /// Asked of Kisi for each page: the most that it gives of this resource.
    const LIMIT: u64 = 250;
    fn id(&self) -> i64;
}

impl Client {
    /// Every row, over as many calls as it takes. `call` makes the call of one page, without limit
    /// and offset, and with an order where Kisi knows one: without it, a page may repeat rows of
    /// the one before and leave out others. What is returned is in the order of ids all the same,
    /// so that nothing hangs on how Kisi sorts.
    ///
    /// # Errors
    /// `Malformed` when a page is no array, short, out of range or repeats a row, when rows went
    /// while we read. `TooLong` when there are more than Kisi pages through.
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
            let answer = self.perform(page).await?;
            let Some(Value::Array(values)) = answer.json else {
                return Err(wrong("no array"));
            };
            let range = Range::of(&answer.headers).map_err(|()| wrong("unreadable range"))?;
            let count = u64::try_from(values.len()).unwrap_or(u64::MAX);
            let is_last = match progress.judge(count, T::LIMIT, range) {
                Ok(is_last) => is_last,
                Err(TOO_LONG) => return Err(Error::TooLong),
                Err(what) => return Err(wrong(what)),
            };
            for value in values {
                let row: T = serde_json::from_value(value)
                    .map_err(|_| wrong("a row is not as documented"))?;
                if !seen.insert(row.id()) {
                    return Err(wrong("a row comes twice"));
                }
                rows.push(row);
            }
            if is_last {
                rows.sort_by_key(Row::id);
                return Ok(rows);
            }
        }
    }

    /// How many rows a list has, by asking for one of them; none where Kisi does not say.
    ///
    /// # Errors
    /// `Malformed` when the range cannot be read.
    pub(super) async fn total(&self, call: Call) -> Result<Option<u64>, Error> {
        let shape = call.shape;
        let probe = call.with("limit", 1u64).with("offset", 0u64);
        let answer = self.perform(probe).await?;
        let range = Range::of(&answer.headers);
        let range = range.map_err(|()| Error::malformed(format!("{shape}: unreadable range")))?;
        Ok(range.map(|range| range.total))
    }
}

/// Where the reading of a list stands.
#[derive(Default)]
struct Progress {
    offset: u64,
    total: Option<u64>,
}

impl Progress {
    /// Takes a page of `count` rows into account. Whether it was the last, or what is wrong with
    /// it.
    fn judge(
        &mut self,
        count: u64,
        limit: u64,
        range: Option<Range>,
    ) -> Result<bool, &'static str> {
        if count > limit {
            return Err("a page is longer than asked for");
        }
        let is_last = match range {
            Some(Range { start, total }) => {
                if start.is_some_and(|start| start != self.offset) {
                    return Err("a page begins elsewhere");
                }
                if self.total.is_some_and(|before| total < before) {
                    return Err("rows went while they were read");
                }
                if total > MOST_ROWS {
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
            None if self.total.is_some() => return Err("a page without its range"),
            None => count < limit,
        };
        self.offset += count;
        if self.offset > MOST_ROWS || (!is_last && self.offset == MOST_ROWS) {
            return Err(TOO_LONG);
        }
        Ok(is_last)
    }
}

/// `X-Collection-Range: <start>-<end>/<total>`, or `*/<total>` for an empty page. The end is not
/// clipped to the rows that there are, and says nothing.
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
        // Some servers name a unit in front, as HTTP's own Content-Range does.
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
