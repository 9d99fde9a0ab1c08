//! Spacebring's webhooks, as far as they are documented. A pure function. Most bodies bear no time of change and leave out what
//! decides (a subscription's status, who is in which company), and those about subscriptions not even their type: where the
//! source's API can be read, an event is a reason to read it and no more, but for deletions, which bear their own time.

use access::Instant;
use serde_json::{Value, json};

use super::{
    NotUnderstood, canonical,
    field::{Read, put},
};
use crate::ingest::{
    signature::Verified,
    statement::{CompanyRef, Event, Statement},
};

/// Reads an event. `is_read` says whether the source's API can be.
pub fn translate(is_read: bool, verified: &Verified) -> Result<Event, NotUnderstood> {
    let body: Value =
        serde_json::from_slice(verified.bytes()).map_err(|problem| NotUnderstood {
            field: None,
            message: format!("the body is not JSON: {problem}"),
            kind: None,
        })?;
    let (kind, about) = kind_of(&body);
    let said = say(&kind, about.unwrap_or(&body), verified.said_at());
    let known = |wrong: NotUnderstood| NotUnderstood {
        kind: Some(kind.clone()),
        ..wrong
    };
    let bears_on_access = matches!(said, Ok(Said::Event(_) | Said::Gone(_)) | Err(_));
    match said {
        Ok(Said::Gone(event)) => Ok(Event {
            kind,
            reads: is_read,
            ..event
        }),
        _ if is_read && bears_on_access => Ok(Event {
            note: Some("what it is about is read from the platform's API".to_owned()),
            reads: true,
            ..Event::empty(&kind, verified.said_at())
        }),
        Ok(Said::Event(event)) => Ok(Event { kind, ..event }),
        Ok(Said::Nothing) => Ok(Event {
            note: Some("nothing here depends on events of this type".to_owned()),
            ..Event::empty(&kind, verified.said_at())
        }),
        Err(wrong) => Err(known(wrong)),
    }
}

#[cfg(test)]
mod tests;

enum Said {
    Event(Event),
    /// A deletion, which bears its own time.
    Gone(Event),
    Nothing,
}

/// The event's type, and what it is about where that stands in a member of its own. Subscriptions and visits come without one.
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

fn say(kind: &str, about: &Value, said_at: Instant) -> Read<Said> {
    let made = |kind: &str, at: Option<&str>, data: Value| {
        let at = at.map_or_else(|| said_at.timestamp().to_string(), str::to_owned);
        canonical::read(&json!({ "type": kind, "timestamp": at, "data": data }))
    };
    let deleted = text(about, "deleteDate");
    let gone = |kind: &str| made(kind, deleted, json!({ "id": about.get("id") })).map(Said::Gone);
    match kind {
        "booking.deleted" => gone("registration.deleted"),
        "booking.created" | "booking.updated" | "booking.paid" if deleted.is_some() => {
            gone("registration.deleted")
        }
        // A payment changes nothing of a booking: it says what was so from the beginning.
        "booking.created" | "booking.paid" => made(
            "registration.updated",
            text(about, "createDate"),
            booking(about),
        )
        .map(Said::Event),
        "booking.updated" => made("registration.updated", None, booking(about)).map(Said::Event),
        "subscription.deleted" => gone("membership.deleted"),
        "subscription.created" | "subscription.updated" | "subscription.purchased" => {
            made("membership.updated", None, subscription(about)).map(Said::Event)
        }
        "membership.created" | "membership.invited" => {
            let user = about.get("user").unwrap_or(&Value::Null);
            let event = made("member.updated", text(about, "createDate"), person(user))?;
            // Who is invited has not joined.
            let has_joined = kind == "membership.created";
            let event = if has_joined {
                joined(event, about)
            } else {
                event
            };
            Ok(Said::Event(event))
        }
        "company.created" => {
            let data = json!({ "id": about.get("id"), "name": about.get("title") });
            made("company.updated", text(about, "createDate"), data).map(Said::Event)
        }
        "company.deleted" => gone("company.deleted"),
        _ if is_of_no_use(kind) => Ok(Said::Nothing),
        _ => Err(NotUnderstood {
            field: Some("type".to_owned()),
            message: format!("{kind:?} is no event that Spacebring documents"),
            kind: None,
        }),
    }
}

/// Says of the person whom an event names that they are in the company of their membership; of others that they may be in
/// as well, in other locations, it says nothing.
fn joined(event: Event, about: &Value) -> Event {
    let Some(company) = text(about, "companyRef") else {
        return event;
    };
    let company = CompanyRef {
        id: company.to_owned(),
        name: None,
    };
    let statements = event.statements.into_iter().map(|said| match said {
        Statement::Person(word) => Statement::Joined(word, company.clone()),
        other => other,
    });
    Event {
        statements: statements.collect(),
        ..event
    }
}

fn is_of_no_use(kind: &str) -> bool {
    let nouns = [
        "benefit", "event", "invoice", "location", "resource", "shop", "support", "visitors",
    ];
    kind.split('.')
        .next()
        .is_some_and(|noun| nouns.contains(&noun))
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
}

/// First name and surname, as far as they are there.
pub fn full_name(user: &Value) -> Option<String> {
    let names: Vec<&str> = ["name", "surname"]
        .into_iter()
        .filter_map(|name| text(user, name))
        .map(str::trim)
        .collect();
    Some(names.join(" ")).filter(|name| !name.is_empty())
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

/// What kind of thing is booked, by Spacebring's word for a resource.
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
        .filter_map(|one| one.get("user"));
    let guests = users
        .filter(|user| user.is_object())
        .map(person)
        .map(|mut guest| {
            // Somebody from outside is known by the address alone.
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

/// What an item is a subscription to is untyped in these bodies: its plan is taken where it is as in the API.
fn subscription(about: &Value) -> Value {
    let items = about.get("items").and_then(Value::as_array);
    let plan = items.into_iter().flatten().find_map(|item| {
        let plan = item.get("plan").unwrap_or(&Value::Null);
        let id = text(item, "planRef").or_else(|| text(plan, "id"))?;
        Some(json!({ "id": id, "name": text(plan, "title") }))
    });
    let mut held = json!({
        "id": about.get("id"),
        "plan": plan.unwrap_or_else(|| json!({ "id": "subscription", "name": "Subscription" })),
        "status": "active",
        "starts_at": about.get("startDate"),
        "ends_at": about.get("endDate"),
        "location": text(about, "locationRef").map(|id| json!({ "id": id })),
    });
    let company = about.get("company").unwrap_or(&Value::Null);
    match text(about, "companyRef").or_else(|| text(company, "id")) {
        Some(id) => put(
            &mut held,
            "company",
            json!({ "id": id, "name": text(company, "title") }),
        ),
        None => put(
            &mut held,
            "member",
            about.get("user").map_or(Value::Null, person),
        ),
    }
    held
}
