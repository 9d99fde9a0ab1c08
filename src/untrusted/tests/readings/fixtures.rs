//! Responses of each platform's API, by path, with every field that its reader uses; names and addresses are made up.

use serde_json::{Value, json};

use crate::store::row::Platform;

/// What webhooks of Spacebring and of TeamUp name.
pub const OBJECTS: [&str; 5] = [
    "booking:b1",
    "subscription:s1",
    "membership:in-ada",
    "company:acme",
    "memberships:1",
];

/// Whether a place is in a row of a list itself, not in an object within it.
pub fn is_row(place: &str) -> bool {
    let names: Vec<&str> = place.split('/').collect();
    let numbers = names.iter().filter(|name| name.parse::<u32>().is_ok());
    numbers.count() == 1
        && names
            .iter()
            .rev()
            .nth(1)
            .is_some_and(|name| name.parse::<u32>().is_ok())
}

/// The responses with the single object at its own path, as Spacebring gives it.
pub fn with_object(platform: Platform, responses: &Value, object: &str) -> Value {
    let mut responses = responses.clone();
    let Some((noun, id)) = object
        .split_once(':')
        .filter(|_| platform == Platform::Spacebring)
    else {
        return responses;
    };
    let (path, list) = match noun {
        "booking" => ("resources/bookings/v1", "bookings"),
        "subscription" => ("subscriptions/v1", "subscriptions"),
        "membership" => ("community/memberships/v1", "memberships"),
        "company" => ("community/companies/v1", "companies"),
        _ => return responses,
    };
    let rows = responses[path][list].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == id).unwrap().clone();
    responses[format!("{path}/{id}")] = json!({ noun: row });
    responses
}

pub fn spacebring() -> Value {
    let user = |name: &str| json!({ "id": format!("user-{name}"), "email": format!("{name}@example.com"), "name": name, "surname": "Doe" });
    json!({
        "locations/v1": { "locations": [{ "id": "hq", "title": "HQ", "timezoneId": "Europe/Berlin" }] },
        "community/companies/v1": { "companies": [{ "id": "acme", "title": "Acme", "deleteDate": null }], "nextPageToken": null },
        "community/memberships/v1": { "memberships": [
            { "id": "in-ada", "userRef": "user-ada", "user": user("ada"), "companyRef": "acme", "status": "approved", "deleteDate": null },
            { "id": "in-bob", "userRef": "user-bob", "user": user("bob"), "companyRef": null, "status": "approved" },
        ] },
        "subscriptions/v1": { "subscriptions": [
            { "id": "s1", "status": "active", "subscriptionType": "company", "customerRef": "acme",
              "customer": { "id": "acme", "type": "company", "title": "Acme" }, "startDate": "2025-01-01T00:00:00+01:00",
              "endDate": "2026-12-31T23:59:59+01:00", "locationRef": "hq",
              "items": [{ "id": "i1", "planRef": "desk", "kisiGroupRef": 7, "endDate": "2026-06-30T23:59:59+02:00" }] },
            { "id": "s2", "status": "scheduled", "subscriptionType": "user", "customerRef": "in-bob", "membershipRef": "in-bob",
              "customer": { "id": "in-bob", "type": "user", "user": user("bob") }, "startDate": "2026-02-01T00:00:00+01:00",
              "locationRef": "hq", "items": [
                { "id": "i2", "resourceRef": "oak", "resource": { "id": "oak", "title": "Oak" } },
                { "id": "i3", "plan": { "id": "flex", "title": "Flex" } },
                { "id": "i4", "title": "Storage", "kisiGroupRef": "9" },
              ] },
        ] },
        "resources/v1": { "resources": [{ "id": "oak", "title": "Oak", "type": "meetingRoom", "locationRef": "hq", "kisiGroupRef": 8 }] },
        "resources/bookings/v1": { "bookings": [
            { "id": "b1", "startDate": "2026-01-06T09:00:00Z", "endDate": "2026-01-06T10:00:00Z", "resourceRef": "oak",
              "status": "confirmed", "createDate": "2026-01-01T09:00:00Z", "userOwner": user("ada"), "deleteDate": null,
              "attendees": [{ "membershipRef": "in-bob" }, { "user": { "email": "cy@example.com", "name": "Cy" } }] },
            { "id": "b2", "startDate": "2026-01-07T09:00:00Z", "endDate": "2026-01-07T10:00:00Z", "resourceRef": "oak",
              "membershipRefOwner": "in-bob", "attendees": [] },
        ] },
        "plans/v1": { "plans": [{ "id": "desk", "title": "Desk", "access": { "kisiGroupRef": 7 } }] },
    })
}

pub fn teamup() -> Value {
    let page = |rows: Value| json!({ "count": rows.as_array().unwrap().len(), "next": null, "previous": null, "results": rows });
    let membership = |id: u64, customer: u64| {
        json!({
            "id": id, "name": "Gold", "status": "active", "customer": customer, "membership": { "id": 5, "name": "Gold" },
            "start_date": "2025-01-01", "expiration_date": "2026-12-31", "shared_with": [], "active_hold": null,
            "payment_subscription": { "id": 3, "retry_count": 0 },
        })
    };
    let mut shared = membership(10, 1);
    shared["shared_with"] = json!([{ "id": 2, "object": "customer" }]);
    let mut held = membership(11, 2);
    held["active_hold"] =
        json!({ "id": 1, "active": true, "start_date": "2026-03-01", "end_date": "2026-03-31" });
    let venue = json!({ "id": 4, "name": "Pier", "timezone": "Europe/Berlin", "is_online": false, "venue_type": "physical" });
    let event = json!({
        "id": 30, "name": "Spin", "starts_at": "2026-01-06T09:00:00Z", "ends_at": "2026-01-06T10:00:00Z", "status": "active",
        "is_appointment": true, "offering_type": { "id": 3, "name": "Spin" }, "venue": venue,
    });
    let session = json!({
        "id": 31, "name": "Session 1", "starts_at": "2026-01-06T12:00:00Z", "ends_at": "2026-01-06T13:00:00Z", "status": "active",
        "course": { "id": 40, "name": "Beginners" }, "venue": venue,
    });
    let customer = |id: u64, name: &str| json!({ "id": id, "object": "customer", "email": format!("{name}@example.com"), "first_name": name, "last_name": "Doe" });
    json!({
        "customers": page(json!([customer(1, "ada"), customer(2, "bob")])),
        "customer_registration_blocks": page(json!([{ "id": 1, "customer": 9, "is_active": true, "created_at": "2026-01-01T08:00:00Z" }])),
        "reports/customers/data": { "total": 1, "column_headers": [], "rows": [{ "id": 1, "has_failed_payments": false, "has_retry_payments": false }] },
        "customer_memberships": page(json!([shared, held])),
        "attendances": page(json!([
            { "id": 20, "customer": 1, "event": event, "status": "registered", "waitlist_spot": null },
            { "id": 21, "customer": 2, "event": event, "status": "not_registered", "waitlist_spot": 1 },
        ])),
        "course_session_attendances": page(json!([{ "id": 20, "customer": 1, "course_session": session, "status": "registered" }])),
    })
}

pub fn clubspot() -> Value {
    json!({
        "members": { "code": "200", "has_more": false, "data": { "members": [
            { "id": "m1", "first_name": "Ada", "last_name": "Doe", "email": "ada@example.com", "member_tags": ["range", { "name": "sailors" }],
              "membership": { "id": "h1", "status": "active", "category": "Full" } },
            { "id": 2, "first_name": "Bob", "last_name": "Doe", "email": "bob@example.com", "member_tags": [],
              "membership": { "id": 7, "status": "hold", "category": { "id": 3, "name": "Social" } } },
        ] } },
        "line-items": { "has_more": false, "data": { "line_items": [
            { "id": "l1", "member_id": "m1", "item": { "id": "range", "name": "Driving range pass" }, "status": "paid",
              "start_date": "2025-06-01", "end_date": "2026-12-31" },
            { "id": "l2", "member": { "id": 2 }, "description": "Locker", "created": 1_767_225_600, "expires_at": 1_798_761_600_000_i64 },
        ] } },
    })
}
