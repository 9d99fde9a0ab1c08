//! Translates Spacebring's documented webhooks. A pure function. Most bodies have no time of change and lack the deciding fields
//! (a subscription's status, the companies of a person), and bodies about subscriptions lack even their type. So if the source's
//! API can be read, an event only triggers a reading, except deletions, which have a time of their own.

use std::collections::BTreeMap;

use access::Instant;
use serde_json::{Value, json};

use super::{
    TranslateError, canonical,
    field::{Read, put},
    json_of,
};
use crate::ingest::{
    signature::Verified,
    statement::{CompanyRef, Event, Reads, Statement},
    values::{self, joined_name, text},
};

mod item;
mod object;

pub use item::{item, kisi_group};

/// `is_read`: the source has credentials, so its API is read.
pub fn translate(is_read: bool, verified: &Verified) -> Result<Event, TranslateError> {
    let body = json_of(verified)?;
    let (kind, about) = kind_of(&body);
    let about = about.unwrap_or(&body);
    let reads = object::reads(&kind, text(about, "id"));
    let meaning = translate_kind(&kind, about, verified.event_time());
    let with_kind = |wrong: TranslateError| TranslateError {
        kind: Some(kind.clone()),
        ..wrong
    };
    let bears_on_access = matches!(
        meaning,
        Ok(Translation::Event(_) | Translation::Gone(_)) | Err(_)
    );
    match meaning {
        Ok(Translation::Gone(event)) => Ok(Event {
            kind,
            reads: if is_read { reads } else { Reads::Nothing },
            ..event
        }),
        _ if is_read && bears_on_access => Ok(Event {
            note: Some("the change is read from the platform's API".to_owned()),
            reads,
            ..Event::empty(&kind, verified.event_time())
        }),
        Ok(Translation::Event(event)) => Ok(Event { kind, ..event }),
        Ok(Translation::Nothing) => Ok(Event {
            note: Some("events of this type do not affect access".to_owned()),
            ..Event::empty(&kind, verified.event_time())
        }),
        Err(wrong) => Err(with_kind(wrong)),
    }
}

#[cfg(test)]
mod tests;

enum Translation {
    Event(Event),
    /// A deletion, which has its own time.
    Gone(Event),
    Nothing,
}

/// The event's type, and the member of the body that it is about, if there is one. Bodies about subscriptions and visits have no
/// type.
fn kind_of(body: &Value) -> (String, Option<&Value>) {
    if let Some(kind) = text(body, "type") {
        let noun = kind.split('.').next().unwrap_or_default();
        return (
            kind.to_owned(),
            body.get(noun).filter(|about| about.is_object()),
        );
    }
    let is_subscription = ["locationRef", "period", "startDate"]
        .iter()
        .all(|name| body.get(name).is_some());
    let kind = match (is_subscription, text(body, "deleteDate")) {
        (true, Some(_)) => "subscription.deleted",
        (true, None) => "subscription.updated",
        (false, _) if body.get("visit").is_some() => "visitors.visit",
        (false, _) => "unknown",
    };
    (kind.to_owned(), None)
}

fn translate_kind(kind: &str, about: &Value, said_at: Instant) -> Read<Translation> {
    let canonical_event = |kind: &str, at: Option<&str>, data: Value| {
        let at = at.map_or_else(|| said_at.timestamp().to_string(), str::to_owned);
        canonical::read(&json!({ "type": kind, "timestamp": at, "data": data }))
    };
    let deleted = text(about, "deleteDate");
    let gone = |kind: &str| {
        canonical_event(kind, deleted, json!({ "id": about.get("id") })).map(Translation::Gone)
    };
    match kind {
        "booking.deleted" => gone("registration.deleted"),
        "booking.created" | "booking.updated" | "booking.paid" if deleted.is_some() => {
            gone("registration.deleted")
        }
        // A payment does not change a booking: the body shows the booking as it was created, so the creation time is its version.
        "booking.created" | "booking.paid" => canonical_event(
            "registration.updated",
            text(about, "createDate"),
            booking(about),
        )
        .map(Translation::Event),
        "booking.updated" => {
            canonical_event("registration.updated", None, booking(about)).map(Translation::Event)
        }
        "subscription.deleted" => {
            subscription(about, &[], deleted, canonical_event).map(Translation::Gone)
        }
        "subscription.created" | "subscription.updated" | "subscription.purchased" => {
            subscription(about, &plans(about), None, canonical_event).map(Translation::Event)
        }
        "membership.created" | "membership.invited" => {
            let user = about.get("user").unwrap_or(&Value::Null);
            let event = canonical_event("member.updated", text(about, "createDate"), person(user))?;
            // A person who is only invited has not joined the company yet.
            let has_joined = kind == "membership.created";
            let event = if has_joined {
                joined(event, about)
            } else {
                event
            };
            Ok(Translation::Event(event))
        }
        "company.created" => {
            let data = json!({ "id": about.get("id"), "name": about.get("title") });
            canonical_event("company.updated", text(about, "createDate"), data)
                .map(Translation::Event)
        }
        "company.deleted" => gone("company.deleted"),
        _ if is_ignored(kind) => Ok(Translation::Nothing),
        _ => Err(TranslateError {
            field: Some("type".to_owned()),
            message: format!("{kind:?} is not an event type that Spacebring documents"),
            kind: None,
        }),
    }
}

/// Adds the person of the event to the company of their membership. The person's companies in other locations stay as they are.
fn joined(event: Event, about: &Value) -> Event {
    let Some(company) = text(about, "companyRef") else {
        return event;
    };
    let company = CompanyRef {
        id: company.to_owned(),
        name: None,
    };
    let statements = event
        .statements
        .into_iter()
        .map(|statement| match statement {
            Statement::Person(word) => Statement::Joined(word, company.clone()),
            other => other,
        });
    Event {
        statements: statements.collect(),
        ..event
    }
}

fn is_ignored(kind: &str) -> bool {
    let nouns = [
        "benefit", "event", "invoice", "location", "resource", "shop", "support", "visitors",
    ];
    kind.split('.')
        .next()
        .is_some_and(|noun| nouns.contains(&noun))
}

/// First name and surname joined, as far as the user has them.
pub fn full_name(user: &Value) -> Option<String> {
    joined_name(user, ["name", "surname"])
}

fn person(user: &Value) -> Value {
    let mut person = json!({ "id": user.get("id") });
    if user.get("email").is_some() {
        put(&mut person, "email", json!(text(user, "email")));
    }
    if let Some(name) = full_name(user) {
        put(&mut person, "name", json!(name));
    }
    person
}

/// The canonical kind for Spacebring's resource type.
pub fn booked_kind(word: Option<&str>) -> &'static str {
    match word {
        Some(
            "room" | "conferenceRoom" | "eventSpace" | "meetingRoom" | "phoneBooth" | "studio",
        ) => "room",
        Some("hotDesk" | "dedicatedDesk") => "desk",
        Some("office") => "office",
        Some("parkingLot") => "parking",
        Some("equipment") => "equipment",
        _ => "resource",
    }
}

fn booking(about: &Value) -> Value {
    let attendees = about.get("attendees").and_then(Value::as_array);
    let users = attendees
        .into_iter()
        .flatten()
        .filter_map(|attendee| attendee.get("user"));
    let guests = users
        .filter(|user| user.is_object())
        .map(person)
        .map(|mut guest| {
            // An external guest has no id and is identified by the address.
            if guest.get("id").is_none_or(Value::is_null) {
                guest.as_object_mut().map(|fields| fields.remove("id"));
            }
            guest
        });
    let status = match text(about, "status") {
        Some("tentative") => "tentative",
        Some("canceled") => "cancelled",
        _ => "confirmed",
    };
    json!({
        "id": about.get("id"),
        "kind": booked_kind(text(about, "resourceType")),
        "item": { "id": about.get("resourceRef") },
        "member": about.get("userOwner").map(person),
        "guests": guests.collect::<Vec<_>>(),
        "status": status,
        "starts_at": about.get("startDate"),
        "ends_at": about.get("endDate"),
    })
}

/// The most plans of a subscription that events can give: each event states for each of them whether it is there, because an
/// event cannot know what an earlier one gave.
const MOST_PLANS: usize = 5;

/// What the items of a subscription give, without repeats. Spacebring does not document the type of the items in these bodies: they
/// are read as the API gives them.
fn plans(about: &Value) -> Vec<Value> {
    let items = about.get("items").and_then(Value::as_array);
    let mut plans: BTreeMap<String, Value> = BTreeMap::new();
    for sold in items.into_iter().flatten() {
        if let Some(item) = item(sold, about) {
            let id = item.plan.get("id").map(Value::to_string);
            let membership =
                json!({ "plan": item.plan, "starts_at": item.starts, "ends_at": item.ends });
            plans.entry(id.unwrap_or_default()).or_insert(membership);
        }
    }
    if plans.is_empty() {
        let plan = json!({ "id": "subscription", "name": "Subscription" });
        return vec![json!({
            "plan": plan,
            "starts_at": about.get("startDate"),
            "ends_at": about.get("endDate"),
        })];
    }
    plans.into_values().collect()
}

/// A membership for each plan: the first has the id of the subscription, the others have their number added.
fn subscription(
    about: &Value,
    plans: &[Value],
    at: Option<&str>,
    canonical_event: impl Fn(&str, Option<&str>, Value) -> Read<Event>,
) -> Read<Event> {
    let state = |id: Value, plan: Option<&Value>| match plan {
        Some(plan) => canonical_event("membership.updated", at, held(about, plan, id)),
        None => canonical_event("membership.deleted", at, json!({ "id": id })),
    };
    let mut plan = plans.iter();
    let first = about.get("id").cloned().unwrap_or(Value::Null);
    let id = values::id(Some(&first)).unwrap_or_default();
    let mut event = state(first, plan.next())?;
    for number in 2..=MOST_PLANS {
        let other = state(json!(format!("{id}:{number}")), plan.next())?;
        event.statements.extend(other.statements);
    }
    if plans.len() > MOST_PLANS {
        let used = format!(
            "only {MOST_PLANS} of {} plans are used without access to the API",
            plans.len()
        );
        event.note = Some(used);
    }
    Ok(event)
}

fn held(about: &Value, plan: &Value, id: Value) -> Value {
    let mut membership = plan.clone();
    put(&mut membership, "id", id);
    put(&mut membership, "status", json!("active"));
    let location = text(about, "locationRef").map(|id| json!({ "id": id }));
    put(&mut membership, "location", json!(location));
    let company = about.get("company").unwrap_or(&Value::Null);
    match text(about, "companyRef").or_else(|| text(company, "id")) {
        Some(id) => put(
            &mut membership,
            "company",
            json!({ "id": id, "name": text(company, "title") }),
        ),
        None => put(
            &mut membership,
            "member",
            about.get("user").map_or(Value::Null, person),
        ),
    }
    membership
}
