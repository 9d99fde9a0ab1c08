//! Reads paginated lists completely or fails: absence from a list ends access, so a missing page would revoke access. Each way of
//! paging fails closed on a malformed or repeated page, and on one that is not the last but has no next page.

use std::collections::HashSet;

use serde_json::Value;

use super::{api::Api, failure::ReadError};
use crate::ingest::values;

/// The page limit of a list.
const MOST_PAGES: usize = 20_000;
/// How often a list is read from its beginning if it changes meanwhile.
const ATTEMPTS: usize = 3;
/// Rows per page, the maximum of all these platforms.
const ROWS: usize = 100;

fn id_of(path: &str, row: &Value) -> Result<String, ReadError> {
    values::id(row.get("id")).ok_or_else(|| ReadError::odd(path, "a row has no id"))
}

/// Keeps a row as it is.
pub fn whole(row: &Value) -> Result<Value, ReadError> {
    Ok(row.clone())
}

fn rows_of<'a>(path: &str, page: &'a Value, name: &str) -> Result<&'a Vec<Value>, ReadError> {
    page.get(name)
        .and_then(Value::as_array)
        .ok_or_else(|| ReadError::odd(path, format!("a page has no list {name}")))
}

/// The rows so far, converted, without duplicates. Rows are converted page by page: a platform's own rows are many times larger
/// than what is used of them.
struct Rows<'c, T> {
    rows: Vec<T>,
    seen: HashSet<String>,
    convert: Convert<'c, T>,
}

/// Converts a platform's row.
pub type Convert<'c, T> = &'c (dyn Fn(&Value) -> Result<T, ReadError> + Send + Sync);

impl<'c, T> Rows<'c, T> {
    fn new(convert: Convert<'c, T>) -> Self {
        Self {
            rows: Vec::new(),
            seen: HashSet::new(),
            convert,
        }
    }

    /// Adds a page; returns whether every row of it is new.
    fn take(&mut self, path: &str, page: &[Value]) -> Result<bool, ReadError> {
        for row in page {
            if !self.seen.insert(id_of(path, row)?) {
                return Ok(false);
            }
            self.rows.push((self.convert)(row)?);
        }
        Ok(true)
    }
}

/// How numbered pages name their parts.
pub struct Numbered {
    count: &'static str,
    rows: &'static str,
    /// The field that is null on the last page; none if only the count tells.
    next: Option<&'static str>,
}

/// Lists with `count`, `next` and `results`.
pub const RESULTS: Numbered = Numbered {
    count: "count",
    rows: "results",
    next: Some("next"),
};

/// Reports with `total` and `rows`.
pub const REPORT: Numbered = Numbered {
    count: "total",
    rows: "rows",
    next: None,
};

/// Pages by number. If the count changes or a row appears twice, the list has changed and is read again from its beginning.
pub async fn read_by_number<T>(
    api: &Api,
    shape: &Numbered,
    path: &str,
    query: &[(&str, String)],
    convert: Convert<'_, T>,
) -> Result<Vec<T>, ReadError> {
    for _ in 0..ATTEMPTS {
        if let Some(rows) = numbered_once(api, shape, path, query, convert).await? {
            return Ok(rows);
        }
    }
    Err(ReadError::Changing {
        path: path.to_owned(),
    })
}

/// None if the list changed meanwhile.
async fn numbered_once<T>(
    api: &Api,
    shape: &Numbered,
    path: &str,
    query: &[(&str, String)],
    convert: Convert<'_, T>,
) -> Result<Option<Vec<T>>, ReadError> {
    let (mut rows, mut total) = (Rows::new(convert), None);
    for number in 1..=MOST_PAGES {
        let mut query = query.to_vec();
        query.extend([
            ("page", number.to_string()),
            ("page_size", ROWS.to_string()),
        ]);
        let page = api.get(path, &query).await?;
        let count = page.get(shape.count).and_then(Value::as_u64);
        let count = count.ok_or_else(|| ReadError::odd(path, "a page has no count"))?;
        let listed = rows_of(path, &page, shape.rows)?;
        if *total.get_or_insert(count) != count || !rows.take(path, listed)? {
            return Ok(None);
        }
        let have = u64::try_from(rows.seen.len()).unwrap_or(u64::MAX);
        let is_last = match shape.next.map(|name| page.get(name)) {
            None => have >= count,
            Some(Some(Value::Null)) => true,
            Some(Some(Value::String(_))) => false,
            Some(_) => {
                return Err(ReadError::odd(
                    path,
                    "a page does not say whether it is the last",
                ));
            }
        };
        match (is_last, have == count) {
            (true, true) => return Ok(Some(rows.rows)),
            (true, false) => return Err(ReadError::odd(path, "the list ends before its count")),
            (false, true) => return Err(ReadError::odd(path, "the list goes on after its count")),
            (false, false) if listed.is_empty() => {
                return Err(ReadError::odd(path, "an empty page is not the last"));
            }
            (false, false) => {}
        }
    }
    Err(ReadError::odd(path, "the list has no end"))
}

/// Pages by token: `nextPageToken` gives the next page, and the page without one is the last.
pub async fn read_by_token<T>(
    api: &Api,
    path: &str,
    name: &str,
    query: &[(&str, String)],
    convert: Convert<'_, T>,
) -> Result<Vec<T>, ReadError> {
    let (mut rows, mut tokens, mut token) = (Rows::new(convert), HashSet::new(), None::<String>);
    for _ in 0..MOST_PAGES {
        let mut query = query.to_vec();
        query.push(("limit", ROWS.to_string()));
        query.extend(token.iter().map(|token| ("nextPageToken", token.clone())));
        let page = api.get(path, &query).await?;
        let listed = rows_of(path, &page, name)?;
        if !rows.take(path, listed)? {
            return Err(ReadError::odd(path, "a row appears twice"));
        }
        token = match page.get("nextPageToken") {
            None | Some(Value::Null) => return Ok(rows.rows),
            Some(Value::String(token)) if token.is_empty() => return Ok(rows.rows),
            Some(Value::String(token)) => Some(token.clone()),
            Some(_) => return Err(ReadError::odd(path, "the token of a page is not a text")),
        };
        if listed.is_empty() {
            return Err(ReadError::odd(path, "an empty page is not the last"));
        }
        if !token.iter().all(|token| tokens.insert(token.clone())) {
            return Err(ReadError::odd(path, "a page token repeats"));
        }
    }
    Err(ReadError::odd(path, "the list has no end"))
}

/// Pages by the number of skipped rows: the list, by the first of its names that is there, is in `data` or at the top. `has_more`, in `data` or beside it, says whether there are more; if it is absent, an
/// empty page is the end.
pub async fn read_by_offset<T>(
    api: &Api,
    path: &str,
    names: &[&'static str],
    query: &[(&str, String)],
    convert: Convert<'_, T>,
) -> Result<Vec<T>, ReadError> {
    let mut rows = Rows::new(convert);
    for _ in 0..MOST_PAGES {
        let mut query = query.to_vec();
        query.push(("skip", rows.seen.len().to_string()));
        let page = api.get(path, &query).await?;
        // Some deployments answer with the list alone.
        let data = page.get("data").unwrap_or(&page);
        let named = names.iter().find(|name| data.get(**name).is_some());
        let name = named.or(names.first()).copied().unwrap_or_default();
        let listed = rows_of(path, data, name)?;
        if !rows.take(path, listed)? {
            return Err(ReadError::odd(path, "a row appears twice"));
        }
        let more = [&page, data]
            .into_iter()
            .find_map(|place| place.get("has_more"));
        match more {
            Some(Value::Bool(false)) => return Ok(rows.rows),
            None if listed.is_empty() => return Ok(rows.rows),
            Some(Value::Bool(true)) if listed.is_empty() => {
                return Err(ReadError::odd(path, "an empty page is not the last"));
            }
            Some(Value::Bool(true)) | None => {}
            Some(_) => return Err(ReadError::odd(path, "has_more is neither true nor false")),
        }
    }
    Err(ReadError::odd(path, "the list has no end"))
}
