//! Translates the lines of a scenario into canonical events and rule conditions.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::script::{Line, Zone, fields, names};
use crate::support::event::person;

/// The type and the data of an event.
pub fn event(line: &Line<'_>, zone: &Zone) -> (String, Value) {
    let (id, values) = fields(line);
    let people = |text: &str| Value::Array(names(text).into_iter().map(person).collect());
    let named = |text: &str| json!({ "id": text, "name": text });
    let mut data = Map::from_iter([("id".to_owned(), json!(id))]);
    let preset: &[(&str, Value)] = match line.verb {
        "membership" => &[("plan", named("unlimited")), ("status", json!("active"))],
        "booking" => &[
            ("item", named("oak")),
            ("kind", json!("room")),
            ("status", json!("confirmed")),
        ],
        "purchase" => &[("item", named("pass")), ("status", json!("paid"))],
        "member" => &[("email", person(id)["email"].clone()), ("name", json!(id))],
        "company" => &[("name", json!(id))],
        "gone" => return gone(line),
        verb => panic!("{}: {verb:?} is not an event", line.place),
    };
    data.extend(
        preset
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone())),
    );
    for (key, value) in values {
        let (field, value) = match key {
            "of" => ("member", person(value)),
            "for" => ("company", named(value)),
            "plan" | "item" => (key, named(value)),
            "status" | "kind" | "email" | "name" => (key, json!(value)),
            "from" => ("starts_at", json!(zone.moment(value))),
            "until" => ("ends_at", json!(zone.moment(value))),
            "guests" => (key, people(value)),
            "shared" => ("shared_with", people(value)),
            "members" => (key, people(value)),
            "tags" => (key, json!(names(value))),
            "companies" => (key, names(value).into_iter().map(named).collect()),
            "blocked" => ("blocked", block(value, zone)),
            "at" => ("location", location(value)),
            "source" => continue,
            _ => panic!("{}: {key:?} is not a field", line.place),
        };
        data.insert(field.to_owned(), value);
    }
    let kind = if line.verb == "booking" {
        "registration"
    } else {
        line.verb
    };
    (format!("{kind}.updated"), Value::Object(data))
}

/// `gone membership m1`
fn gone(line: &Line<'_>) -> (String, Value) {
    let (noun, id) = fields(line).0.split_once(' ').unwrap();
    let kind = if noun == "booking" {
        "registration"
    } else {
        noun
    };
    (format!("{kind}.deleted"), json!({ "id": id }))
}

/// `payment_failed since 2026-01-05 09:00`
fn block(text: &str, zone: &Zone) -> Value {
    match text.split_once(" since ") {
        Some((reason, since)) => {
            json!({ "reason": reason, "since": zone.instant(since).to_string() })
        }
        None => json!({ "reason": text }),
    }
}

/// `hq in America/New_York`
fn location(text: &str) -> Value {
    match text.split_once(" in ") {
        Some((id, zone)) => json!({ "id": id, "name": id, "time_zone": zone }),
        None => json!({ "id": text, "name": text }),
    }
}

/// A condition as the API's input. `offering` returns the id of an offering by its kind and the platform's id.
pub async fn condition(
    line: &Line<'_>,
    text: &str,
    offering: &mut impl AsyncFnMut(&str, &str) -> String,
) -> Value {
    let mut words = text.split_whitespace().peekable();
    let noun = words.next().unwrap_or("");
    let mut options: BTreeMap<&str, &str> = BTreeMap::new();
    let mut names: Vec<&str> = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "blocked" | "grace" | "before" | "after" | "kind" | "from" | "until" => {
                options.insert(word, words.next().unwrap());
            }
            "guestless" | "day" | "ahead" => {
                options.insert(word, "");
            }
            name => names.push(name.trim_end_matches(',')),
        }
    }
    let mut offerings = Vec::new();
    for name in names
        .iter()
        .filter(|_| matches!(noun, "membership" | "booking" | "purchase"))
    {
        let kind = match noun {
            "membership" => "MEMBERSHIP",
            "purchase" => "BILLING_ITEM",
            _ => "ROOM",
        };
        offerings.push(offering(kind, name).await);
    }
    let or = |key: &str, default: &str| {
        options
            .get(key)
            .map_or_else(|| default.to_owned(), |text| (*text).to_owned())
    };
    match noun {
        "membership" => json!({ "membership": {
            "offerings": offerings, "whenBlocked": or("blocked", "DENY"), "grace": options.get("grace"),
        } }),
        "booking" => json!({ "registration": {
            "offerings": offerings, "opensBefore": or("before", "PT30M"), "closesAfter": or("after", "PT30M"),
            "kinds": options.get("kind").map(|kind| kind.to_uppercase()).into_iter().collect::<Vec<_>>(),
            "span": if options.contains_key("day") { "DAY" } else { "BOOKING" }, "guests": !options.contains_key("guestless"),
            "appliesToOngoing": !options.contains_key("ahead"),
        } }),
        "purchase" => json!({ "purchase": { "offerings": offerings } }),
        "tag" => json!({ "tag": { "tags": names } }),
        "schedule" => {
            json!({ "schedule": { "days": names, "from": options["from"], "until": options["until"] } })
        }
        _ => panic!("{}: {text:?} is not a condition", line.place),
    }
}
