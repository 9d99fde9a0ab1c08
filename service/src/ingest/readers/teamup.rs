//! TeamUp's API: customers, memberships and registrations. The API gives no reliable information about blocked memberships and
//! participants of courses, so these are not read. TeamUp's webhooks are unsigned and only trigger readings.

use std::time::Duration;

use access::Instant;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use url::Url;

use super::{api::Api, failure::ReadError, pages::read_by_number};

/// TeamUp allows 250 requests per minute; this leaves some room.
const PACE: Duration = Duration::from_millis(260);
/// Registrations are read until this long after their start.
const BACK: Duration = Duration::from_hours(30 * 24);

/// Reads everything, as the lists of a roster.
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
    let customers = read_by_number(&api, "customers", &[("deleted", "false".to_owned())]).await?;
    let membership_rows = [
        ("status", "active,hold".to_owned()),
        ("expand", "membership".to_owned()),
    ];
    let membership_rows = read_by_number(&api, "customer_memberships", &membership_rows).await?;
    let since = begun.minus(BACK).timestamp().to_string();
    let attendance_rows = [
        ("event_starts_at_gte", since),
        ("expand", "event,event.offering_type,event.venue".to_owned()),
        ("sort", "event_starts_at".to_owned()),
    ];
    let attendance_rows = read_by_number(&api, "attendances", &attendance_rows).await?;
    let memberships = membership_rows
        .iter()
        .map(membership)
        .collect::<Result<Vec<_>, _>>()?;
    let registrations = attendance_rows
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

/// The id of an entity that is given as an id or as an expanded object.
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
        Some(_) => return Err(odd("shared_with is not a list")),
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

/// None for registrations that open no door: without a customer, or online.
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
        _ => return Err(odd("a status is none of the documented ones")),
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
