//! A reading for some customers only: their rows replace those of the last reading.

use std::collections::BTreeSet;

use access::Instant;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Lists, STANDINGS,
    rows::{Standings, key_of},
    to_keep,
};
use crate::ingest::{
    adapter::{
        put,
        teamup::{Part, of_texts},
    },
    readers::{api::Api, failure::ReadError},
};

/// The last reading with the rows of the customers that `objects` names read again. None if that is not enough: if the last
/// reading has no such lists, or one of its customers is no longer found, which only a complete reading may conclude.
pub async fn read_named(
    api: &Api,
    begun: Instant,
    objects: &[String],
    last: &Value,
) -> Result<Option<Value>, ReadError> {
    let Some((parts, ids)) = of_texts(objects.iter().map(String::as_str)) else {
        return Ok(None);
    };
    let Some(mut standings) = standings_of(last) else {
        return Ok(None);
    };
    let lists = Lists {
        api,
        begun,
        only: Some(&ids),
    };
    let reads = |part| parts.contains(&part);
    let mut next = last.clone();
    if reads(Part::Customers) {
        let found = lists.customers().await?;
        let found = found.into_iter().filter(|row| is_of(row, &ids));
        let found: Vec<Value> = found.collect();
        let known = rows_of(last, "members").filter(|row| is_of(row, &ids));
        if known.count() > found.len() {
            return Ok(None);
        }
        replace(&mut next, "members", found, |row| is_of(row, &ids));
    }
    if reads(Part::Blocks) {
        lists.blocks(&mut standings).await?;
    }
    if reads(Part::Payments) {
        lists.payments(&mut standings).await?;
    }
    if reads(Part::Memberships) {
        let found = lists.memberships(&standings).await?;
        let mut bases: BTreeSet<String> = found.iter().filter_map(base).collect();
        let touched = rows_of(last, "memberships").filter(|row| touches(row, &ids));
        bases.extend(touched.filter_map(base));
        let is_old = |row: &Value| base(row).is_some_and(|id| bases.contains(&id));
        replace(&mut next, "memberships", found, is_old);
    }
    let is_theirs = |row: &Value| holder(row).is_some_and(|id| ids.contains(&id));
    let theirs = |rows: Vec<Value>| rows.into_iter().filter(is_theirs).collect();
    if reads(Part::Attendances) {
        let found = theirs(lists.attendances().await?);
        let is_old = |row: &Value| is_theirs(row) && !is_course(row);
        replace(&mut next, "registrations", found, is_old);
    }
    if reads(Part::Courses)
        && let Some(found) = lists.courses().await?
    {
        let is_old = |row: &Value| is_theirs(row) && is_course(row);
        replace(&mut next, "registrations", theirs(found), is_old);
    }
    put(&mut next, STANDINGS, json!(to_keep(standings)));
    Ok(Some(next))
}

/// What the last reading knows of courses.
pub fn courses_of(last: Option<&Value>) -> Vec<Value> {
    let rows = last
        .into_iter()
        .flat_map(|last| rows_of(last, "registrations"));
    rows.filter(|row| is_course(row)).cloned().collect()
}

fn is_course(row: &Value) -> bool {
    row.get("kind").and_then(Value::as_str) == Some("course")
}

/// What the last reading knows of blocks; none if it was stored by a version that read none.
pub fn standings_of(reading: &Value) -> Option<Standings> {
    Standings::deserialize(reading.get(STANDINGS)?).ok()
}

fn rows_of<'r>(reading: &'r Value, list: &str) -> impl Iterator<Item = &'r Value> {
    reading
        .get(list)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn is_of(row: &Value, ids: &BTreeSet<String>) -> bool {
    key_of(Some(row)).is_some_and(|id| ids.contains(&id))
}

fn holder(row: &Value) -> Option<String> {
    key_of(row.get("member"))
}

/// TeamUp's id of the membership that a row is a part of.
fn base(row: &Value) -> Option<String> {
    let id = key_of(row.get("id"))?;
    Some(id.split(':').next().unwrap_or(&id).to_owned())
}

/// Whether the answer to these customers contains the membership of this row: one customer is asked for with what others share
/// with them, several only with what they own.
fn touches(row: &Value, ids: &BTreeSet<String>) -> bool {
    let is_theirs = holder(row).is_some_and(|id| ids.contains(&id));
    let id = key_of(row.get("id")).unwrap_or_default();
    let is_owners = id.split(':').nth(1).is_none_or(|part| part == "after-hold");
    if ids.len() > 1 {
        return is_theirs && is_owners;
    }
    let shared = row.get("shared_with").and_then(Value::as_array);
    is_theirs
        || shared
            .into_iter()
            .flatten()
            .any(|person| is_of(person, ids))
}

/// Puts rows in the place of those that are old.
fn replace(reading: &mut Value, list: &str, rows: Vec<Value>, is_old: impl Fn(&Value) -> bool) {
    if let Some(all) = reading.get_mut(list).and_then(Value::as_array_mut) {
        all.retain(|row| !is_old(row));
        all.extend(rows);
    }
}
