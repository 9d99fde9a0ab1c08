//! Tests of mappings: the events that they make of bodies, the errors in bodies and mappings with their paths, and that the
//! shapes match the canonical events.

use access::Instant;
use serde_json::{Map, Value, json};

use super::{
    Mapping,
    shape::{KINDS, Part, Shape},
    translate,
};
use crate::{
    ingest::{
        adapter::{TranslateError, canonical},
        envelope::Envelope,
        signature::Verified,
        statement::{Event, Holder, Moment, Statement},
    },
    store::row::BlockReason,
};

mod limits;
mod several;

const ZONE: &str = "America/New_York";

fn at(text: &str) -> Instant {
    Instant::from_timestamp(text.parse().unwrap())
}

/// Translates a body that was received at noon.
fn read(mapping: &Value, body: &Value) -> Result<Event, TranslateError> {
    let received = at("2026-03-02T12:00:00Z");
    let bytes = body.to_string().into_bytes();
    let verified = Verified::stored(bytes, "one".to_owned(), Envelope::default(), received);
    translate(Some(&mapping.to_string()), ZONE, &verified)
}

/// A mapping for the JSON of a gym.
fn gym() -> Value {
    json!({
        "type": "/event",
        "timestamp": { "at": "/created", "as": "seconds" },
        "others": "fail",
        "events": {
            "enrollment.changed": { "is": "membership.updated", "data": {
                "id": "/data/id",
                "plan": { "id": "/data/plan/id", "name": "/data/plan/title" },
                "member": {
                    "id": "/data/client/id",
                    "email": "/data/client/mail",
                    "name": { "join": ["/data/client/first", "/data/client/last"] },
                    "tags": { "at": "/data/client/labels", "split": "," },
                },
                "shared_with": { "each": "/data/family", "item": { "id": "/id", "email": { "first": ["/mail", "/other"] } } },
                "status": { "at": "/data/state", "words": { "live": "active", "past_due": "active", "frozen": "paused", "gone": "ended" } },
                "blocked": { "reason": { "at": "/data/state", "words": { "past_due": "payment_failed" }, "otherwise": null } },
                "starts_at": { "at": "/data/from", "format": "%m/%d/%Y" },
                "ends_at": { "at": "/data/until", "format": "%m/%d/%Y %H:%M", "zone": "Europe/Berlin" },
                "location": { "id": "/data/site", "time_zone": { "value": "Europe/Berlin" } },
            } },
            "client.left": { "is": "member.deleted", "data": { "id": "/data/id" } },
            "door.opened": "ignore",
        },
    })
}

fn enrollment() -> Value {
    json!({ "event": "enrollment.changed", "created": 1_767_605_400, "data": {
        "id": 17, "plan": { "id": "p1", "title": "Unlimited" }, "state": "past_due",
        "client": { "id": "c1", "mail": "Ada@Example.com", "first": "Ada", "last": "Lovelace", "labels": "range, pool" },
        "family": [{ "id": "c2", "mail": null, "other": "bob@example.com" }],
        "from": "01/05/2026", "until": "02/01/2026 18:30",
    } })
}

/// `body` with another value at a pointer.
fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    *body.pointer_mut(pointer).unwrap() = value;
    body
}

#[test]
fn a_senders_json_becomes_a_canonical_event() {
    let event = read(&gym(), &enrollment()).unwrap();
    assert_eq!(event.kind, "enrollment.changed");
    assert_eq!(event.happened_at, at("2026-01-05T09:30:00Z"));
    let [Statement::Entitlement(word)] = &event.statements[..] else {
        panic!("{event:?}");
    };
    assert_eq!((word.id.as_str(), word.status), ("17", "ACTIVE"));
    let Holder::Person(ada) = &word.holder else {
        panic!("{word:?}");
    };
    assert_eq!(ada.email, Some(Some("ada@example.com".to_owned())));
    assert_eq!(ada.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(ada.tags, Some(vec!["range".to_owned(), "pool".to_owned()]));
    assert_eq!(word.shared_with.len(), 1);
    assert_eq!(
        word.shared_with[0].email,
        Some(Some("bob@example.com".to_owned()))
    );
    assert_eq!(
        word.block.map(|(reason, _)| reason),
        Some(BlockReason::PaymentFailed)
    );
    assert_eq!(word.starts, Some(Moment::On(jiff::civil::date(2026, 1, 5))));
    assert_eq!(word.ends, Some(Moment::At(at("2026-02-01T17:30:00Z"))));
    // The body has no site, so the constant time zone alone makes no location.
    assert_eq!(word.location, None);
}

#[test]
fn fields_that_the_body_omits_stay_unset() {
    let mut body = enrollment();
    let client = body
        .pointer_mut("/data/client")
        .unwrap()
        .as_object_mut()
        .unwrap();
    client.remove("mail");
    client.remove("labels");
    client.insert("last".to_owned(), Value::Null);
    let event = read(&gym(), &with(body, "/data/state", json!("live"))).unwrap();
    let [Statement::Entitlement(word)] = &event.statements[..] else {
        panic!("{event:?}");
    };
    let Holder::Person(ada) = &word.holder else {
        panic!("{word:?}");
    };
    assert_eq!(
        (&ada.email, &ada.tags),
        (&None, &None),
        "unknown, so they stay"
    );
    assert_eq!(ada.name.as_deref(), Some("Ada"));
    assert_eq!(word.block, None);
    let cleared = with(enrollment(), "/data/client/mail", Value::Null);
    let event = read(&gym(), &cleared).unwrap();
    assert!(
        format!("{event:?}").contains("email: Some(None)"),
        "said to have none"
    );
}

#[test]
fn errors_name_the_senders_own_fields() {
    for (pointer, value, field, words) in [
        (
            "/data/state",
            json!("limbo"),
            "/data/state",
            "frozen, gone, live, past_due",
        ),
        (
            "/data/client/mail",
            json!("nobody"),
            "/data/client/mail",
            "an e-mail address",
        ),
        (
            "/data/family/0/other",
            json!("nobody"),
            "/data/family/0/other",
            "an e-mail address",
        ),
        (
            "/data/from",
            json!("2026-01-05"),
            "/data/from",
            "written as %m/%d/%Y",
        ),
        ("/data/until", json!(7), "/data/until", "written as"),
        ("/created", json!("soon"), "/created", "since 1970"),
        ("/created", Value::Null, "/created", "RFC 3339"),
        (
            "/data/client",
            Value::Null,
            "/data/client/id",
            "who holds it",
        ),
        ("/data/id", json!({}), "/data/id", "an id"),
        ("/data/family", json!("bob"), "/data/family", "a list"),
        (
            "/event",
            json!("unheard.of"),
            "/event",
            "one of the events of the mapping",
        ),
        ("/event", Value::Null, "/event", "the event's type"),
    ] {
        let wrong = read(&gym(), &with(enrollment(), pointer, value)).unwrap_err();
        assert_eq!(wrong.field.as_deref(), Some(field), "{wrong:?}");
        assert!(wrong.message.contains(words), "{wrong:?}");
        assert_eq!(
            wrong.kind.is_some(),
            pointer != "/event" || wrong.message.contains("unheard")
        );
    }
    assert_eq!(read(&json!(7), &enrollment()).unwrap_err().field, None);
}

#[test]
fn a_mapping_can_ignore_event_types() {
    let event = read(&gym(), &json!({ "event": "door.opened" })).unwrap();
    assert_eq!((event.statements.len(), event.note.is_some()), (0, true));
    let others = with(gym(), "/others", json!("ignore"));
    let event = read(&others, &json!({ "event": "unheard.of" })).unwrap();
    assert_eq!(event.statements, []);
}

#[test]
fn one_body_can_become_several_events_and_needs_no_timestamp() {
    let mapping = json!({
        "type": { "join": ["/object", "/action"], "with": "." },
        "events": { "client.new": [
            { "is": "member.updated", "data": { "id": "/id", "companies": { "each": "/firms", "item": { "id": "", "name": { "root": "/firm" } } } } },
            { "is": "purchase.updated", "data": {
                "id": { "join": ["/id", { "value": "pass" }], "with": "-" }, "item": { "id": { "value": "day pass" } },
                "member": { "id": "/id" }, "status": { "value": "paid" },
                "starts_at": { "at": "/from", "as": "local" }, "ends_at": { "at": "/ms", "as": "milliseconds" },
            } },
        ] },
    });
    let body = json!({ "object": "client", "action": "new", "id": 3, "firms": [8, 9], "firm": "Acme", "from": "2026-01-05 09:30", "ms": 1_767_625_200_500_i64 });
    let event = read(&mapping, &body).unwrap();
    assert_eq!(event.happened_at, at("2026-03-02T12:00:00Z"), "its receipt");
    let [Statement::Person(person), Statement::Entitlement(pass)] = &event.statements[..] else {
        panic!("{event:?}");
    };
    assert_eq!(person.companies.as_ref().map(Vec::len), Some(2));
    assert_eq!(pass.id, "3-pass");
    assert_eq!(
        pass.starts,
        Some(Moment::At(at("2026-01-05T14:30:00Z"))),
        "in the source's time zone"
    );
    assert_eq!(pass.ends, Some(Moment::At(at("2026-01-05T15:00:00.5Z"))));
}

#[test]
fn an_invalid_mapping_is_refused_with_the_path() {
    let membership = "/events/enrollment.changed/data";
    for (pointer, value, path) in [
        ("", json!([]), ""),
        ("/type", Value::Null, "type"),
        ("/type", json!("event"), "type"),
        ("/events", json!({}), "events"),
        ("/others", json!("perhaps"), "others"),
        ("/timestamp/as", json!("days"), "timestamp.as"),
        ("/events/door.opened", json!("drop"), "events.door.opened"),
        (
            "/events/client.left/is",
            json!("member.gone"),
            "events.client.left.is",
        ),
        (
            "/events/client.left/data",
            json!({}),
            "events.client.left.data.id",
        ),
        (
            "/events/client.left/data",
            json!({ "id": "/id", "nmae": "/n" }),
            "events.client.left.data.nmae",
        ),
        (
            &format!("{membership}/status"),
            json!("state"),
            "events.enrollment.changed.data.status",
        ),
        (
            &format!("{membership}/status/words/frozen"),
            json!("frozen"),
            "events.enrollment.changed.data.status.words.frozen",
        ),
        (
            &format!("{membership}/status"),
            json!({ "value": "live" }),
            "events.enrollment.changed.data.status.value",
        ),
        (
            &format!("{membership}/status"),
            json!({ "at": "/s", "root": "/s" }),
            "events.enrollment.changed.data.status",
        ),
        (
            &format!("{membership}/status"),
            json!({ "at": "/s", "otherwise": "ended" }),
            "events.enrollment.changed.data.status.words",
        ),
        (
            &format!("{membership}/starts_at/format"),
            json!("%H:%M"),
            "events.enrollment.changed.data.starts_at.format",
        ),
        (
            &format!("{membership}/ends_at/zone"),
            json!("Berlin"),
            "events.enrollment.changed.data.ends_at.zone",
        ),
        (
            &format!("{membership}/ends_at"),
            json!({ "at": "/x", "zone": "Europe/Berlin" }),
            "events.enrollment.changed.data.ends_at.zone",
        ),
        (
            &format!("{membership}/plan"),
            json!({ "name": "/n" }),
            "events.enrollment.changed.data.plan.id",
        ),
        (
            &format!("{membership}/plan"),
            json!(7),
            "events.enrollment.changed.data.plan",
        ),
        (
            &format!("{membership}/shared_with"),
            json!({ "id": "/id" }),
            "events.enrollment.changed.data.shared_with",
        ),
        (
            &format!("{membership}/shared_with/item"),
            json!({ "email": "/mail" }),
            "events.enrollment.changed.data.shared_with.item.id",
        ),
        (
            &format!("{membership}/member/name/join"),
            json!([]),
            "events.enrollment.changed.data.member.name.join",
        ),
    ] {
        let wrong = Mapping::parse(&with(gym(), pointer, value.clone())).unwrap_err();
        assert_eq!(wrong.path.join("."), path, "{value}: {wrong:?}");
    }
    let mut nobody = gym();
    let data = nobody
        .pointer_mut(membership)
        .unwrap()
        .as_object_mut()
        .unwrap();
    data.remove("member");
    let wrong = Mapping::parse(&nobody).unwrap_err();
    assert!(wrong.message.contains("member or company"), "{wrong:?}");
    assert!(
        Mapping::parse(&json!({ "type": "/t", "events": { "e": "ignore" }, "else": 1 })).is_err()
    );
}

/// A valid value for a field; for words the first one.
fn sample(part: &Part) -> Value {
    match part.shape {
        Shape::Object(parts) => all_of(parts),
        Shape::List(parts) | Shape::All(parts) => json!([all_of(parts)]),
        Shape::Texts => json!(["range"]),
        Shape::Word(words) => json!(words[0]),
        Shape::Plain => match part.name {
            "email" => json!("ada@example.com"),
            "tags" => json!(["range"]),
            "time_zone" => json!("Europe/Berlin"),
            "since" => json!("2026-01-05T09:30:00Z"),
            "starts_at" => json!("2026-01-05"),
            "ends_at" => json!("2026-01-06"),
            _ => json!("x"),
        },
    }
}

fn all_of(parts: &[Part]) -> Value {
    // A membership has either a member or a company.
    let is_other =
        |part: &&Part| part.name == "company" && parts.iter().any(|p| p.name == "member");
    let fields = parts.iter().filter(|part| !is_other(part));
    Value::Object(
        fields
            .map(|part| (part.name.to_owned(), sample(part)))
            .collect::<Map<_, _>>(),
    )
}

fn canonical_event(name: &str, data: Value) -> Result<Event, TranslateError> {
    canonical::read(&json!({ "type": name, "timestamp": "2026-01-05T09:30:00Z", "data": data }))
}

#[test]
fn the_shapes_match_the_canonical_events() {
    for kind in KINDS {
        let whole = all_of(kind.parts);
        let event = canonical_event(kind.name, whole.clone());
        assert!(event.is_ok(), "{}: {event:?}", kind.name);
        for part in kind.parts {
            let mut data = whole.clone();
            let fields = data.as_object_mut().unwrap();
            if let Shape::Word(words) = part.shape {
                for word in words {
                    fields.insert(part.name.to_owned(), json!(word));
                    let event = canonical_event(kind.name, Value::Object(fields.clone()));
                    assert!(event.is_ok(), "{} {word}: {event:?}", kind.name);
                }
            }
            fields.remove(part.name);
            let without = canonical_event(kind.name, data).is_err();
            let holder = part.name == "member" && kind.one_of.contains(&"member");
            assert_eq!(
                without,
                part.needed || holder,
                "{} without {}",
                kind.name,
                part.name
            );
        }
    }
}
