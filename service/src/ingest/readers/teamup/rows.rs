//! TeamUp's rows as rows of a roster. Pure. Nested objects come as an id or as an object, depending on `expand`.

use std::collections::BTreeMap;

use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::ingest::{
    adapter::put,
    readers::{failure::ReadError, strict},
    values::{self, joined_name},
};

/// What blocks the memberships of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// When staff blocked the customer, as TeamUp writes it; none if they did not.
    pub blocked_since: Option<String>,
    pub has_failed_payments: bool,
    /// TeamUp is trying a payment again.
    pub has_retry_payments: bool,
}

/// By the customer's id.
pub type Standings = BTreeMap<String, Standing>;

/// The id of an entity that is given as an id or as an expanded object.
pub fn id_of(value: Option<&Value>) -> Option<Value> {
    match value? {
        Value::Object(fields) => id_of(fields.get("id")),
        id @ (Value::Number(_) | Value::String(_)) => Some(id.clone()),
        _ => None,
    }
}

/// The same as text, to compare ids.
pub fn key_of(value: Option<&Value>) -> Option<String> {
    values::id(id_of(value).as_ref())
}

fn name_of(value: Option<&Value>) -> Option<&Value> {
    value?.get("name")
}

pub fn customer(row: &Value) -> Result<Value, ReadError> {
    Ok(json!({
        "id": row.get("id"),
        "email": strict::text("customers", row, "email")?.map(str::trim),
        "name": joined_name(row, ["first_name", "last_name"]),
    }))
}

/// The customer of a registration block, and since when it holds; none if the block is lifted.
pub fn block(row: &Value) -> Result<Option<(String, String)>, ReadError> {
    let odd = |what: &str| ReadError::odd("customer_registration_blocks", what);
    match row.get("is_active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Ok(None),
        _ => return Err(odd("is_active is neither true nor false")),
    }
    let customer = key_of(row.get("customer")).ok_or_else(|| odd("a row names no customer"))?;
    let since = row.get("created_at").and_then(Value::as_str);
    let since = since.ok_or_else(|| odd("a row has no created_at"))?;
    Ok(Some((customer, since.to_owned())))
}

/// A customer's row in the report of customers: whether payments failed, and whether one is tried again.
pub fn payments(row: &Value) -> Result<(String, bool, bool), ReadError> {
    let odd = |what: &str| ReadError::odd("reports/customers/data", what);
    let customer = key_of(row.get("id")).ok_or_else(|| odd("a row has no id"))?;
    let flag = |name: &str| match row.get(name) {
        Some(Value::Bool(flag)) => Ok(*flag),
        None | Some(Value::Null) => Ok(false),
        Some(_) => Err(odd("a payment column is neither true nor false")),
    };
    Ok((
        customer,
        flag("has_failed_payments")?,
        flag("has_retry_payments")?,
    ))
}

/// The parts of a membership: around a hold, and separately for people whose own block differs from the owner's.
pub fn memberships(row: &Value, standings: &Standings) -> Result<Vec<Value>, ReadError> {
    let odd = |what: &str| ReadError::odd("customer_memberships", what);
    let status = match row.get("status").and_then(Value::as_str) {
        Some("active") => "active",
        Some("hold") => "paused",
        Some("completed" | "complete" | "cancelled" | "upgraded" | "downgraded") => "ended",
        _ => {
            return Err(odd(
                "a status is none of active, hold, completed and cancelled",
            ));
        }
    };
    let plan = row.get("membership");
    let plan = json!({
        "id": id_of(plan).ok_or_else(|| odd("a row names no membership"))?,
        "name": name_of(plan).or_else(|| row.get("name")),
    });
    let id = key_of(row.get("id")).ok_or_else(|| odd("a row has no id"))?;
    let owner = key_of(row.get("customer")).ok_or_else(|| odd("a row names no customer"))?;
    let shared = shared_with(row)?;
    let manual = |person: &str| standings.get(person)?.blocked_since.clone();
    let payment = payment_block(row, standings.get(&owner));
    let (alike, apart): (Vec<_>, Vec<_>) = shared
        .into_iter()
        .partition(|person| manual(person).is_none() && manual(&owner).is_none());
    let mut holders = vec![(id.clone(), owner, alike)];
    holders.extend(
        apart
            .into_iter()
            .map(|person| (format!("{id}:{person}"), person, Vec::new())),
    );
    let parts = parts(row, status)?;
    let mut rows = Vec::new();
    for (id, holder, shared) in holders {
        let block = match (manual(&holder), payment) {
            (Some(since), _) => Some(json!({ "reason": "manual", "since": since })),
            (None, Some(reason)) => Some(json!({ "reason": reason })),
            (None, None) => None,
        };
        for part in &parts {
            let shared: Vec<_> = shared.iter().map(|id| json!({ "id": id })).collect();
            let mut out = json!({
                "id": format!("{id}{}", part.suffix),
                "member": { "id": holder },
                "plan": plan,
                "shared_with": shared,
                "status": part.status,
                "starts_at": part.starts,
                "ends_at": part.ends,
            });
            if let Some(block) = &block {
                put(&mut out, "blocked", block.clone());
            }
            rows.push(out);
        }
    }
    Ok(rows)
}

fn shared_with(row: &Value) -> Result<Vec<String>, ReadError> {
    let odd = |what: &str| ReadError::odd("customer_memberships", what);
    match row.get("shared_with") {
        // A collection that was not expanded is a URL.
        None | Some(Value::Null | Value::String(_)) => Ok(Vec::new()),
        Some(Value::Array(all)) => {
            let one = |one: &Value| key_of(one.get("customer")).or_else(|| key_of(Some(one)));
            all.iter()
                .map(one)
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| odd("shared_with names no customer"))
        }
        Some(_) => Err(odd("shared_with is not a list")),
    }
}

/// Payments block what is paid by subscription; `payment_subscription` is null for anything else.
fn payment_block(row: &Value, owner: Option<&Standing>) -> Option<&'static str> {
    let subscription = row.get("payment_subscription");
    if subscription == Some(&Value::Null) {
        return None;
    }
    let retries = subscription
        .and_then(|it| it.get("retry_count"))
        .and_then(Value::as_i64);
    if owner.is_some_and(|owner| owner.has_failed_payments) {
        Some("payment_failed")
    } else if retries.unwrap_or(0) > 0 || owner.is_some_and(|owner| owner.has_retry_payments) {
        Some("payment_retrying")
    } else {
        None
    }
}

/// A part of a membership in time. The dates are the first and the last day.
struct Part {
    suffix: &'static str,
    status: &'static str,
    starts: Value,
    ends: Value,
}

/// A hold divides a membership: it is active until the day before the hold, and again, as a membership of its own, from the day
/// after the hold. So a hold that is planned takes effect at its time, and ends at its time, without another reading.
fn parts(row: &Value, status: &'static str) -> Result<Vec<Part>, ReadError> {
    let odd = |what: &str| ReadError::odd("customer_memberships", what);
    let given = |name: &str| row.get(name).cloned().unwrap_or(Value::Null);
    let whole = |status| Part {
        suffix: "",
        status,
        starts: given("start_date"),
        ends: given("expiration_date"),
    };
    let hold = match row.get("active_hold") {
        // A hold that was not expanded is an id.
        None | Some(Value::Null | Value::Number(_) | Value::String(_)) => None,
        Some(hold @ Value::Object(_)) => Some(hold),
        Some(_) => return Err(odd("active_hold is neither an object nor an id")),
    };
    let hold = hold.filter(|hold| hold.get("active") != Some(&Value::Bool(false)));
    let Some(hold) = hold.filter(|_| status != "ended") else {
        return Ok(vec![whole(status)]);
    };
    let first = day(hold, "start_date")?.ok_or_else(|| odd("a hold has no start_date"))?;
    let last = day(hold, "end_date")?;
    let (starts, ends) = (day(row, "start_date")?, day(row, "expiration_date")?);
    let before = first.checked_sub(1.day()).ok();
    let mut parts = Vec::new();
    match before.filter(|before| starts.is_none_or(|starts| starts <= *before)) {
        Some(before) if status == "active" => parts.push(Part {
            ends: json!(ends.map_or(before, |ends| ends.min(before)).to_string()),
            ..whole("active")
        }),
        _ => parts.push(whole("paused")),
    }
    let again = last.and_then(|last| last.checked_add(1.day()).ok());
    if let Some(again) = again.filter(|again| ends.is_none_or(|ends| *again <= ends)) {
        parts.push(Part {
            suffix: ":after-hold",
            starts: json!(starts.map_or(again, |starts| starts.max(again)).to_string()),
            ..whole("active")
        });
    }
    Ok(parts)
}

/// The date at the beginning of a text; none if there is no text.
fn day(row: &Value, name: &str) -> Result<Option<Date>, ReadError> {
    let path = "customer_memberships";
    let Some(text) = strict::text(path, row, name)? else {
        return Ok(None);
    };
    let day = text.get(..10).and_then(|day| day.parse().ok());
    let odd = || ReadError::odd(path, format!("{name} is not a date"));
    day.map(Some).ok_or_else(odd)
}

/// Checks the optional parts of an event or a session that decide who has access: where they are given, they have an id.
fn check_event(path: &str, event: &Value, parts: &[&str]) -> Result<(), ReadError> {
    strict::text(path, event, "status")?;
    for name in parts {
        let part = event.get(*name).filter(|part| !part.is_null());
        if part.is_some() && id_of(part).is_none() {
            return Err(ReadError::odd(path, format!("{name} has no id")));
        }
    }
    Ok(())
}

/// None for registrations that open no door: without a customer, or online.
pub fn registration(row: &Value) -> Result<Option<Value>, ReadError> {
    let odd = |what: &str| ReadError::odd("attendances", what);
    let event = row.get("event").filter(|event| event.is_object());
    let event = event.ok_or_else(|| odd("an event is not expanded"))?;
    check_event("attendances", event, &["offering_type", "venue"])?;
    let is_appointment = match event.get("is_appointment") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(is_appointment)) => *is_appointment,
        Some(_) => return Err(odd("is_appointment is neither true nor false")),
    };
    let offering = event
        .get("offering_type")
        .filter(|offering| !offering.is_null());
    let item = json!({
        "id": id_of(offering).or_else(|| id_of(Some(event))),
        "name": name_of(offering).or_else(|| event.get("name")),
    });
    let kind = if is_appointment {
        "appointment"
    } else {
        "class"
    };
    attendance(row, event, kind, item).map_err(odd)
}

/// A customer's place in one session of a course; none as for [`registration`]. Its id has a prefix, because TeamUp numbers these
/// attendances separately.
pub fn course_registration(row: &Value) -> Result<Option<Value>, ReadError> {
    let odd = |what: &str| ReadError::odd("course_session_attendances", what);
    let session = row.get("course_session").filter(|it| it.is_object());
    let session = session.ok_or_else(|| odd("a course session is not expanded"))?;
    check_event("course_session_attendances", session, &["course", "venue"])?;
    let course = session.get("course").filter(|course| !course.is_null());
    let item = json!({
        "id": id_of(course).or_else(|| id_of(Some(session))),
        "name": name_of(course).filter(|name| !name.is_null()).or_else(|| session.get("name")),
    });
    let mut found = attendance(row, session, "course", item).map_err(odd)?;
    if let Some(found) = &mut found {
        let id = key_of(row.get("id")).ok_or_else(|| odd("a row has no id"))?;
        put(found, "id", json!(format!("course:{id}")));
    }
    Ok(found)
}

fn attendance(
    row: &Value,
    event: &Value,
    kind: &str,
    item: Value,
) -> Result<Option<Value>, &'static str> {
    let venue = event.get("venue");
    let is_online = |venue: &Value| {
        venue.get("is_online") == Some(&Value::Bool(true))
            || venue.get("venue_type").and_then(Value::as_str) == Some("online")
    };
    let member = id_of(row.get("customer"));
    if member.is_none() && row.get("customer").is_some_and(|it| !it.is_null()) {
        return Err("a customer has no id");
    }
    let Some(member) = member.filter(|_| !venue.is_some_and(is_online)) else {
        return Ok(None);
    };
    let waits = row.get("waitlist_spot").is_some_and(|spot| !spot.is_null());
    let called_off = event.get("status").and_then(Value::as_str) == Some("cancelled");
    let status = match row.get("status").and_then(Value::as_str) {
        _ if called_off => "cancelled",
        Some("registered" | "attended" | "no_show") => "confirmed",
        Some("not_registered") if waits => "waitlisted",
        Some("not_registered" | "late_cancelled") => "cancelled",
        _ => return Err("a status is none of the documented ones"),
    };
    Ok(Some(json!({
        "id": row.get("id"),
        "kind": kind,
        "item": item,
        "member": { "id": member },
        "status": status,
        "starts_at": event.get("starts_at"),
        "ends_at": event.get("ends_at"),
        "location": venue.and_then(location),
    })))
}

fn location(venue: &Value) -> Option<Value> {
    let mut location = Map::from_iter([("id".to_owned(), id_of(Some(venue))?)]);
    for (from, to) in [("name", "name"), ("timezone", "time_zone")] {
        if let Some(value) = venue.get(from) {
            location.insert(to.to_owned(), value.clone());
        }
    }
    Some(Value::Object(location))
}

#[cfg(test)]
mod tests;
