//! How Kisi writes things, where serde does not read it by itself.
//!
//! Promises: a missing or null value becomes the empty one, a time with or without fractions is
//! read, a date that stands for none is none, a time that cannot be read is an error and never an
//! open end. Called by the types of this module.

use std::collections::BTreeMap;

use access::Instant;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::assignments::{AppliesTo, Assignment};
use super::error::Error;
use super::page::Row;
use crate::sentinel;

/// Null as the empty value; together with `#[serde(default)]` a missing key as well.
pub(super) fn or_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// The start of a window.
fn start<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    bound(deserializer, sentinel::start)
}

/// The end of a window.
fn end<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    bound(deserializer, sentinel::end)
}

/// An instant or null. Anything else fails: a window whose end is not understood must not count as
/// open.
fn bound<'de, D: Deserializer<'de>>(
    deserializer: D,
    known: fn(Instant) -> Option<Instant>,
) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let at = sentinel::parse(&text).ok_or_else(|| de::Error::custom("not an instant"))?;
    Ok(known(at).map(Instant::timestamp))
}

/// The permissions of a role. What is neither yes nor no is kept as such: it grants nothing, and is not known to be harmless.
pub(super) fn permissions<'de, D>(
    deserializer: D,
) -> Result<BTreeMap<String, Option<bool>>, D::Error>
where
    D: Deserializer<'de>,
{
    let all = Option::<BTreeMap<String, Value>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(all
        .into_iter()
        .map(|(name, value)| (name, value.as_bool()))
        .collect())
}

/// What is kept of whatever is shown of a person.
#[derive(Default)]
struct Shown {
    email: String,
    name: String,
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shown = Option::<Value>::deserialize(deserializer)?.unwrap_or_default();
        let text = |field| shown.get(field).and_then(Value::as_str).unwrap_or_default();
        Ok(Self {
            email: text("email").to_owned(),
            name: text("name").to_owned(),
        })
    }
}

/// A flag that is on unless Kisi says that it is off.
pub(super) fn on() -> bool {
    true
}

/// An assignment in both dialects at once.
#[derive(Deserialize)]
pub(super) struct AssignmentRow {
    id: i64,
    #[serde(default, deserialize_with = "or_empty")]
    role_id: String,
    applies_to_type: Option<String>,
    applies_to_id: Option<i64>,
    assignee_type: Option<String>,
    assignee_id: Option<i64>,
    created_by_type: Option<String>,
    created_by_id: Option<i64>,
    issued_by_id: Option<i64>,
    scope: Option<String>,
    user_id: Option<i64>,
    #[serde(default)]
    assignee: Shown,
    #[serde(default)]
    user: Shown,
    group_id: Option<i64>,
    place_id: Option<i64>,
    organization_id: Option<i64>,
    #[serde(default, deserialize_with = "start")]
    valid_from: Option<Timestamp>,
    #[serde(default, deserialize_with = "end")]
    valid_until: Option<Timestamp>,
}

impl Row for AssignmentRow {
    fn id(&self) -> i64 {
        self.id
    }
}

impl AssignmentRow {
    /// `None` for an assignment on something that we have no word for.
    pub(super) fn read(self, shape: &str) -> Result<Option<Assignment>, Error> {
        let kind = self.applies_to_type.as_deref().or(self.scope.as_deref());
        let applies_to = match kind.map(str::to_ascii_lowercase).as_deref() {
            Some("group") => self.applies_to_id.or(self.group_id).map(AppliesTo::Group),
            Some("place") => self.applies_to_id.or(self.place_id).map(AppliesTo::Place),
            Some("organization") => self
                .applies_to_id
                .or(self.organization_id)
                .map(AppliesTo::Organization),
            Some(_) => return Ok(None),
            // The narrowest first: the wider ones may be there as well, to say where it lies.
            None => (self.group_id.map(AppliesTo::Group))
                .or(self.place_id.map(AppliesTo::Place))
                .or(self.organization_id.map(AppliesTo::Organization)),
        };
        let applies_to = applies_to.ok_or_else(|| elsewhere(shape, false))?;
        let user = |kind: Option<&str>, id: Option<i64>, else_id: Option<i64>| match kind {
            Some("User") => id.or(else_id),
            Some(_) => None,
            None => else_id,
        };
        let assignee = self.assignee_type.as_deref();
        let maker = self.created_by_type.as_deref();
        let either = |one: String, other| if one.is_empty() { other } else { one };
        Ok(Some(Assignment {
            id: self.id,
            role_id: self.role_id,
            applies_to,
            user_id: user(assignee, self.assignee_id, self.user_id),
            email: either(self.assignee.email, self.user.email),
            name: either(self.assignee.name, self.user.name),
            created_by_id: user(
                maker,
                self.created_by_id,
                self.created_by_id.or(self.issued_by_id),
            ),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
        }))
    }
}

/// The error for an assignment on nothing that can be named.
pub(super) fn elsewhere(shape: &str, of_write: bool) -> Error {
    let what = format!("{shape}: an assignment that does not say what it is for");
    Error::Malformed { what, of_write }
}
