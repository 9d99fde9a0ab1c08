//! Deserializers for Kisi's conventions that serde does not cover.
//!
//! Contract: a missing or null value becomes the empty one; times are read with or without
//! fractions; a date that stands for "no limit" becomes `None`; an unreadable time is an error and
//! never an open end. Used by the types of this module.

use std::collections::BTreeMap;

use access::Instant;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::assignments::{AppliesTo, Assignment};
use super::error::Error;
use super::page::Row;
use crate::sentinel;

/// Reads null as the empty value; with `#[serde(default)]`, a missing key as well.
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

/// Reads an instant or null. Anything else is an error: a window with an unreadable end must not
/// count as open.
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

/// The permissions of a role. A value that is no boolean becomes `None`: it grants nothing, but is not known to be harmless.
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

/// The e-mail address and name of an embedded user object; all other fields are ignored.
#[derive(Default)]
struct UserBrief {
    email: String,
    name: String,
}

impl<'de> Deserialize<'de> for UserBrief {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shown = Option::<Value>::deserialize(deserializer)?.unwrap_or_default();
        let text = |field| shown.get(field).and_then(Value::as_str).unwrap_or_default();
        Ok(Self {
            email: text("email").to_owned(),
            name: text("name").to_owned(),
        })
    }
}

/// The default of a flag that is on unless Kisi says that it is off.
pub(super) fn default_true() -> bool {
    true
}

/// The fields of an assignment in both dialects.
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
    assignee: UserBrief,
    #[serde(default)]
    user: UserBrief,
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
    /// `None` for an assignment to an object that [`AppliesTo`] does not cover.
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
            // The narrowest first: the wider ids may be present too, as the location of the narrow one.
            None => (self.group_id.map(AppliesTo::Group))
                .or(self.place_id.map(AppliesTo::Place))
                .or(self.organization_id.map(AppliesTo::Organization)),
        };
        let applies_to = applies_to.ok_or_else(|| missing_target(shape, false))?;
        let user = |kind: Option<&str>, id: Option<i64>, else_id: Option<i64>| match kind {
            Some("User") => id.or(else_id),
            Some(_) => None,
            None => else_id,
        };
        let assignee = self.assignee_type.as_deref();
        let creator = self.created_by_type.as_deref();
        let either = |text: String, other| if text.is_empty() { other } else { text };
        Ok(Some(Assignment {
            id: self.id,
            role_id: self.role_id,
            applies_to,
            user_id: user(assignee, self.assignee_id, self.user_id),
            email: either(self.assignee.email, self.user.email),
            name: either(self.assignee.name, self.user.name),
            created_by_id: user(
                creator,
                self.created_by_id,
                self.created_by_id.or(self.issued_by_id),
            ),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
        }))
    }
}

/// The error for an assignment whose target is missing.
pub(super) fn missing_target(shape: &str, of_write: bool) -> Error {
    let what = format!("{shape}: an assignment has no target");
    Error::Malformed { what, of_write }
}

/// Reads a value about which nothing depends: none if it is absent or of another type. Null is a value where `T` has one.
pub fn readable<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: serde::de::DeserializeOwned,
    D: Deserializer<'de>,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}
