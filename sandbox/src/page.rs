//! Parses queries and bodies, and pages lists.
//!
//! Contract: limits have the default and maximum of their resource; offsets end at 20000; the range
//! header is not clipped to the existing rows. Used by every resource module.

use actix_web::web;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::answer::{Answer, FieldErrors, Outcome, Refusal};
use super::faults::OverLimit;
use super::rows::Second;
use super::state::{State, normalized};

const LAST_OFFSET: usize = 20_000;

/// The default and the maximum `limit` of a resource.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub default: usize,
    pub max: usize,
}

pub(super) const USERS: Limits = Limits {
    default: 50,
    max: 100,
};
pub(super) const DOORS: Limits = Limits {
    default: 50,
    max: 250,
};
pub(super) const OTHERS: Limits = Limits {
    default: 10,
    max: 250,
};

/// The query parameters.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        web::Query::<Vec<(String, String)>>::from_query(text)
            .map_or_else(|_| Self::default(), |pairs| Self(pairs.into_inner()))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// # Errors
    /// 400 if the value is not a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let wrong = |_| Refusal::bad_request(&format!("{name} is not a number."));
        text.parse().map(Some).map_err(wrong)
    }

    /// A user id; `me` is the caller.
    pub(super) fn user(&self, name: &str, me: i64) -> Result<Option<i64>, Refusal> {
        if self.get(name) == Some("me") {
            Ok(Some(me))
        } else {
            self.number(name)
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(|text| text.parse().ok())
    }

    /// Whether the filter `ids` includes this row: comma-separated, or repeated as `ids[]`.
    pub(super) fn has_id(&self, id: i64) -> bool {
        let mut named = self
            .0
            .iter()
            .filter(|(key, _)| key == "ids" || key == "ids[]")
            .peekable();
        named.peek().is_none()
            || named.any(|(_, list)| list.split(',').any(|one| one.trim().parse() == Ok(id)))
    }

    /// Whether any of the texts contains the search text `query`, regardless of case.
    pub(super) fn finds<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        let Some(wanted) = self.get("query").map(normalized) else {
            return true;
        };
        texts
            .into_iter()
            .any(|text| text.to_lowercase().contains(&wanted))
    }

    /// The column of `sort`, and whether the order is descending.
    pub(super) fn sort(&self) -> Option<(&str, bool)> {
        let text = self.get("sort")?;
        Some(
            text.strip_prefix('-')
                .map_or((text, false), |column| (column, true)),
        )
    }
}

/// Sorts rows by a text if `sort` names this column.
pub(super) fn sort_by<T>(rows: &mut [T], query: &Query, column: &str, text: impl Fn(&T) -> String) {
    if let Some((wanted, reversed)) = query.sort()
        && wanted == column
    {
        rows.sort_by_key(|row| text(row).to_lowercase());
        if reversed {
            rows.reverse();
        }
    }
}

/// Returns one page of the rows.
///
/// # Errors
/// 400 for an offset above 20000, and for an invalid limit (or one above the maximum, by the switch).
pub(super) fn paged<T>(
    rows: &[T],
    query: &Query,
    limits: Limits,
    state: &State,
    render: impl Fn(&T) -> Value,
) -> Outcome {
    let size = |name: &str, or: usize| match query.get(name) {
        None => Ok(or),
        Some(text) => text
            .parse()
            .map_err(|_| Refusal::bad_request(&format!("{name} is not valid."))),
    };
    let (limit, offset) = (size("limit", limits.default)?, size("offset", 0)?);
    if limit == 0 || (limit > limits.max && state.switches.over_limit == OverLimit::Refuse) {
        return Err(Refusal::bad_request("limit is out of range."));
    }
    if offset > LAST_OFFSET {
        return Err(Refusal::bad_request("offset is greater than 20000."));
    }
    let limit = limit.min(limits.max);
    let total = rows.len();
    let range = if total == 0 {
        "*/0".to_owned()
    } else {
        format!("{offset}-{}/{total}", offset + limit - 1)
    };
    let rows = rows.iter().skip(offset).take(limit).map(render).collect();
    Ok(Answer::Many {
        rows,
        range: Some(range),
    })
}

/// The object under the resource's name in a body.
///
/// # Errors
/// 400 without a body, or if the body has no such object.
pub(super) fn wrapped<'a>(
    body: Option<&'a Value>,
    name: &str,
) -> Result<&'a Map<String, Value>, Refusal> {
    body.and_then(|body| body.get(name)?.as_object())
        .ok_or_else(|| {
            let message = format!("param is missing or the value is empty: {name}");
            Refusal::bad_request(&message)
        })
}

/// A required text that must not be blank.
pub(super) fn required<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
    wrong: &mut FieldErrors,
) -> &'a str {
    let text = fields
        .get(name)
        .and_then(Value::as_str)
        .map(str::trim)
        .unwrap_or_default();
    if text.is_empty() {
        wrong.add(name, "can't be blank");
    }
    text
}

/// Copies a text from the body to a row if the body has it; null becomes `None`.
pub(super) fn optional(fields: &Map<String, Value>, name: &str, into: &mut Option<String>) {
    if let Some(value) = fields.get(name) {
        *into = value.as_str().map(str::to_owned);
    }
}

/// Copies a boolean from the body to a row if the body has it.
pub(super) fn flag(fields: &Map<String, Value>, name: &str, into: &mut bool) {
    if let Some(value) = fields.get(name).and_then(Value::as_bool) {
        *into = value;
    }
}

/// An optional time of the body: `None` if it is missing, `Some(None)` for null.
pub(super) fn instant(
    fields: &Map<String, Value>,
    name: &str,
    wrong: &mut FieldErrors,
) -> Option<Option<Second>> {
    match fields.get(name)? {
        Value::Null => Some(None),
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(at) => Some(Some(Second::of(at))),
            Err(_) => {
                wrong.add(name, "is not a valid date-time");
                None
            }
        },
        _ => {
            wrong.add(name, "is not a valid date-time");
            None
        }
    }
}
