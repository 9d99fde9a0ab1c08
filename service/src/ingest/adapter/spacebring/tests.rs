//! Tests of Spacebring's documented bodies: their statements if the API cannot be read, and that they only trigger a reading if
//! it can.

use access::Instant;
use serde_json::{Value, json};

use super::translate;
use crate::{
    ingest::{
        adapter::TranslateError,
        envelope::Envelope,
        signature::Verified,
        statement::{Event, Holder, Moment, Reads, Statement},
    },
    store::row::{EntitlementKind, OfferingKind},
};

const SIGNED: &str = "2026-03-02T12:00:00Z";

fn at(text: &str) -> Instant {
    Instant::from_timestamp(text.parse().unwrap())
}

fn read(is_read: bool, body: &Value) -> Result<Event, TranslateError> {
    let envelope = Envelope::signed(Some(at(SIGNED)));
    let received = at("2026-03-02T12:00:05Z");
    let verified = Verified::stored(
        body.to_string().into_bytes(),
        "one".to_owned(),
        envelope,
        received,
    );
    translate(is_read, &verified)
}

fn user(id: &str) -> Value {
    json!({ "id": id, "email": format!("{id}@Example.com"), "name": id, "surname": "Doe" })
}

fn booking(kind: &str, more: Value) -> Value {
    let mut about = json!({
        "id": "b1", "startDate": "2026-03-03T09:00:00Z", "endDate": "2026-03-03T10:00:00+00:00", "createDate": "2026-03-01T08:00:00Z",
        "resourceRef": "oak", "resourceType": "meetingRoom", "userOwner": user("ann"),
        "attendees": [{ "membershipRef": "m", "user": user("bob") }, { "user": { "email": "out@example.com" } }, {}],
    });
    about
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({ "type": kind, "booking": about })
}

fn subscription() -> Value {
    json!({
        "id": "s1", "locationRef": "hq", "period": "month", "startDate": "2020-10-09T00:00:00+02:00", "endDate": null,
        "user": { "id": 7, "email": "ann@example.com" }, "items": [{ "planRef": "p1" }],
    })
}

#[test]
fn a_booking_is_a_registration_of_its_owner_and_guests() {
    for (kind, happened) in [
        ("booking.created", "2026-03-01T08:00:00Z"),
        ("booking.paid", "2026-03-01T08:00:00Z"),
        ("booking.updated", SIGNED),
    ] {
        let event = read(false, &booking(kind, json!({}))).unwrap();
        assert_eq!(
            (event.kind.as_str(), event.happened_at, &event.reads),
            (kind, at(happened), &Reads::Nothing)
        );
        let [Statement::Entitlement(word)] = &event.statements[..] else {
            panic!("{event:?}");
        };
        assert_eq!(
            (word.kind, word.status),
            (EntitlementKind::Registration, "CONFIRMED")
        );
        assert_eq!(
            (word.offering.kind, word.offering.id.as_str()),
            (OfferingKind::Room, "oak")
        );
        assert_eq!(word.ends, Some(Moment::At(at("2026-03-03T10:00:00Z"))));
        let guests: Vec<&str> = word.guests.iter().map(|guest| guest.id.as_str()).collect();
        assert_eq!(guests, ["bob", "mailto:out@example.com"]);
    }
    let tentative = read(
        false,
        &booking("booking.created", json!({ "status": "tentative" })),
    )
    .unwrap();
    assert!(format!("{tentative:?}").contains("TENTATIVE"));
}

#[test]
fn a_deletion_has_its_own_time() {
    let deleted = json!({ "deleteDate": "2026-03-02T11:00:00Z" });
    let mut gone = subscription();
    gone["deleteDate"] = deleted["deleteDate"].clone();
    for (body, kind) in [
        (
            booking("booking.deleted", deleted.clone()),
            EntitlementKind::Registration,
        ),
        (
            booking("booking.updated", deleted.clone()),
            EntitlementKind::Registration,
        ),
        (gone, EntitlementKind::Membership),
    ] {
        for is_read in [false, true] {
            let event = read(is_read, &body).unwrap();
            assert_eq!(event.happened_at, at("2026-03-02T11:00:00Z"));
            assert_eq!(event.reads != Reads::Nothing, is_read);
            assert!(
                matches!(&event.statements[..], [Statement::EntitlementDeleted(of, _), ..] if *of == kind),
                "{event:?}"
            );
        }
    }
}

#[test]
fn a_subscription_comes_without_its_type() {
    let event = read(false, &subscription()).unwrap();
    assert_eq!(
        (event.kind.as_str(), event.happened_at),
        ("subscription.updated", at(SIGNED))
    );
    let [Statement::Entitlement(word), gone @ ..] = &event.statements[..] else {
        panic!("{event:?}");
    };
    assert!(
        gone.iter()
            .all(|one| matches!(one, Statement::EntitlementDeleted(..)))
    );
    assert_eq!((word.offering.id.as_str(), word.status), ("p1", "ACTIVE"));
    assert!(matches!(&word.holder, Holder::Person(person) if person.id == "7"));
    let mut of_company = subscription();
    of_company["companyRef"] = json!("acme");
    let event = read(false, &of_company).unwrap();
    assert!(
        format!("{event:?}").contains("Company(CompanyRef { id: \"acme\""),
        "{event:?}"
    );
}

#[test]
fn every_plan_of_a_subscription_counts() {
    let plan =
        |number: usize| json!({ "id": format!("i{number}"), "planRef": format!("p{number}") });
    let with_items = |items: Value| {
        let mut body = subscription();
        body["items"] = items;
        read(false, &body).unwrap()
    };
    let given = |event: &Event| -> Vec<(String, String)> {
        let held = event
            .statements
            .iter()
            .filter_map(|statement| match statement {
                Statement::Entitlement(word) => Some((word.id.clone(), word.offering.id.clone())),
                _ => None,
            });
        held.collect()
    };
    let pair = |id: &str, plan: &str| (id.to_owned(), plan.to_owned());
    let event = with_items(json!([plan(1), plan(2), plan(1)]));
    assert_eq!(given(&event), [pair("s1", "p1"), pair("s1:2", "p2")]);
    assert_eq!(
        event.statements.len(),
        5,
        "what is not given is stated to be gone"
    );
    let many: Vec<_> = (1..=7).map(plan).collect();
    let event = with_items(json!(many));
    assert_eq!(given(&event).len(), 5);
    assert!(event.note.unwrap().contains("only 5 of 7 plans"));
}

#[test]
fn people_join_companies() {
    let joined = |company: Value| {
        let membership = json!({ "id": "m", "companyRef": company, "user": user("ann") });
        let body = json!({ "type": "membership.created", "membership": membership });
        read(false, &body).unwrap()
    };
    let event = joined(json!("acme"));
    let [Statement::Joined(person, company)] = &event.statements[..] else {
        panic!("{event:?}");
    };
    // The person's companies in other locations are unknown.
    assert_eq!((person.id.as_str(), &person.companies), ("ann", &None));
    assert_eq!(
        (company.id.as_str(), person.name.as_deref()),
        ("acme", Some("ann Doe"))
    );
    let alone = joined(Value::Null);
    assert!(matches!(&alone.statements[..], [Statement::Person(_)]));
    let company =
        json!({ "type": "company.created", "company": { "id": "acme", "title": "Acme" } });
    assert!(matches!(
        &read(false, &company).unwrap().statements[..],
        [Statement::Company(_)]
    ));
}

#[test]
fn with_an_api_an_event_only_triggers_a_reading() {
    let unknown = json!({ "type": "desk.moved" });
    let half = booking("booking.created", json!({ "userOwner": null }));
    for body in [
        booking("booking.updated", json!({})),
        subscription(),
        unknown.clone(),
        half.clone(),
    ] {
        let event = read(true, &body).unwrap();
        assert_eq!(event.statements.len(), 0, "{body}");
        assert_ne!(event.reads, Reads::Nothing, "{body}");
    }
    for body in [unknown, half, json!([]), json!({ "id": 1 })] {
        assert!(read(false, &body).is_err(), "{body}");
    }
    let nothing = read(true, &json!({ "type": "shop.order.paid", "order": {} })).unwrap();
    assert_eq!(nothing.statements.len(), 0);
    assert_eq!(nothing.reads, Reads::Nothing);
    let visit = read(false, &json!({ "visit": {} })).unwrap();
    assert_eq!(visit.statements, []);
}
