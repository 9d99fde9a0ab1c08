//! TeamUp: customers, what they hold, and who is registered for what, from its API. Whether a membership is blocked, and who
//! takes part in a course, is nowhere said in a form that could be relied on: neither is read. Its webhooks are unsigned, so
//! that they are only reasons to read.

use std::time::Duration;

use access::Instant;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use url::Url;

use super::{api::Api, failure::ReadError, pages::numbered};

/// 250 requests a minute, with some room.
const PACE: Duration = Duration::from_millis(260);
/// How long after they began registrations are still read.
const BACK: Duration = Duration::from_hours(30 * 24);

/// Everything, as the lists of a roster.
pub async fn read(
    http: reqwest::Client,
    base: Url,
    token: &str,
    provider: Option<&str>,
    begun: Instant,
) -> Result<Value, ReadError> {
    let mut headers = vec![(
        "authorization",
        SecretString::from(format!("Bearer {token}")),
    )];
    headers.extend(provider.map(|id| ("teamup-provider-id", SecretString::from(id.to_owned()))));
    let api = Api::new(http, base, &headers, PACE)?;
    let customers = numbered(&api, "customers", &[("deleted", "false".to_owned())]).await?;
    let held = [
        ("status", "active,hold".to_owned()),
        ("expand", "membership".to_owned()),
    ];
    let held = numbered(&api, "customer_memberships", &held).await?;
    let since = begun.minus(BACK).timestamp().to_string();
    let attended = [
        ("event_starts_at_gte", since),
        ("expand", "event,event.offering_type,event.venue".to_owned()),
        ("sort", "event_starts_at".to_owned()),
    ];
    let attended = numbered(&api, "attendances", &attended).await?;
    let memberships = held.iter().map(membership).collect::<Result<Vec<_>, _>>()?;
    let registrations = attended
        .iter()
        .map(registration)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(json!({
        "members": customers.iter().map(customer).collect::<Vec<_>>(),
        "memberships": memberships,
        "registrations": registrations.into_iter().flatten().collect::<Vec<_>>(),
    }))
}

fn customer(row: &Value) -> Value {
    let text = |name: &str| {
        row.get(name)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    let names: Vec<&str> = ["first_name", "last_name"]
        .into_iter()
        .filter_map(text)
        .collect();
    let name = Some(names.join(" ")).filter(|name| !name.is_empty());
    json!({ "id": row.get("id"), "email": text("email"), "name": name })
}

/// The id of something that is named by its id, or put in its place whole.
fn id_of(value: Option<&Value>) -> Option<Value> {
    match value? {
        Value::Object(fields) => id_of(fields.get("id")),
        id @ (Value::Number(_) | Value::String(_)) => Some(id.clone()),
        _ => None,
    }
}

fn name_of(value: Option<&Value>) -> Option<&Value> {
    value?.get("name")
}

fn membership(row: &Value) -> Result<Value, ReadError> {
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
    let member = id_of(row.get("customer")).ok_or_else(|| odd("a row names no customer"))?;
    let shared = match row.get("shared_with") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(all)) => {
            let one = |one: &Value| id_of(one.get("customer")).or_else(|| id_of(Some(one)));
            let people = all.iter().map(|who| one(who).map(|id| json!({ "id": id })));
            people
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| odd("shared_with names no customer"))?
        }
        Some(_) => return Err(odd("shared_with is no list")),
    };
    Ok(json!({
        "id": row.get("id"),
        "member": { "id": member },
        "plan": {
            "id": id_of(plan).ok_or_else(|| odd("a row names no membership"))?,
            "name": name_of(plan).or_else(|| row.get("name")),
        },
        "shared_with": shared,
        "status": status,
        "starts_at": row.get("start_date"),
        "ends_at": row.get("expiration_date"),
    }))
}

/// None for what opens no door: nobody's, or online.
fn registration(row: &Value) -> Result<Option<Value>, ReadError> {
    let odd = |what: &str| ReadError::odd("attendances", what);
    let event = row.get("event").filter(|event| event.is_object());
    let event = event.ok_or_else(|| odd("an event is not expanded"))?;
    let venue = event.get("venue");
    let is_online = |venue: &Value| {
        venue.get("is_online") == Some(&Value::Bool(true))
            || venue.get("venue_type").and_then(Value::as_str) == Some("online")
    };
    let Some(member) = id_of(row.get("customer")).filter(|_| !venue.is_some_and(is_online)) else {
        return Ok(None);
    };
    let waits = row.get("waitlist_spot").is_some_and(|spot| !spot.is_null());
    let called_off = event.get("status").and_then(Value::as_str) == Some("cancelled");
    let status = match row.get("status").and_then(Value::as_str) {
        _ if called_off => "cancelled",
        Some("registered" | "attended" | "no_show") => "confirmed",
        Some("not_registered") if waits => "waitlisted",
        Some("not_registered" | "late_cancelled") => "cancelled",
        _ => return Err(odd("a status is none of those that are documented")),
    };
    let is_appointment = event.get("is_appointment") == Some(&Value::Bool(true));
    let offering = event
        .get("offering_type")
        .filter(|offering| !offering.is_null());
    Ok(Some(json!({
        "id": row.get("id"),
        "kind": if is_appointment { "appointment" } else { "class" },
        "item": {
            "id": id_of(offering).or_else(|| id_of(Some(event))),
            "name": name_of(offering).or_else(|| event.get("name")),
        },
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
