//! Bodies with several events, conditions, lists from single values, tables, forms, and what null means.

use super::*;
use crate::ingest::statement::{CompanyRef, PersonWord};

fn person(mapping: &Value, body: &Value) -> PersonWord {
    let event = read(mapping, body).unwrap();
    let [Statement::Person(person)] = &event.statements[..] else {
        panic!("{event:?}");
    };
    person.clone()
}

/// A mapping of one type to `member.updated` with these fields beside the id.
fn member(fields: &Value) -> Value {
    let mut data = json!({ "id": "/id" });
    for (name, template) in fields.as_object().unwrap() {
        data[name] = template.clone();
    }
    json!({ "type": { "value": "m" }, "events": { "m": { "is": "member.updated", "data": data } } })
}

fn batch() -> Value {
    json!({
        "each": "/changes",
        "type": "/what",
        "timestamp": { "at": "/when", "as": "seconds" },
        "events": {
            "paid": { "is": "membership.updated", "when": { "root": "/env", "is": "live" }, "data": {
                "id": "/id", "plan": { "id": { "root": "/plan" } }, "member": { "id": "/who" }, "status": { "value": "active" },
            } },
            "gone": { "is": "membership.deleted", "data": { "id": "/id" } },
        },
    })
}

#[test]
fn each_event_of_a_body_counts_at_its_own_time() {
    let body = json!({ "env": "live", "plan": 5, "changes": [
        { "what": "gone", "when": 1_772_000_300, "id": "a" },
        { "what": "paid", "when": 1_772_000_100, "id": "a", "who": 1 },
        { "what": "paid", "when": 1_772_000_100, "id": "b", "who": 2 },
    ] });
    let event = read(&batch(), &body).unwrap();
    let parts: Vec<(i64, String)> = event
        .parts()
        .map(|(at, statements)| (at.micros() / 1_000_000, format!("{statements:?}")))
        .collect();
    assert_eq!(parts.len(), 3, "{parts:?}");
    assert!(
        parts[0].1.contains(r#"id: "a""#) && parts[1].1.contains(r#"id: "b""#),
        "{parts:?}"
    );
    assert_eq!((parts[2].0, parts[0].0), (1_772_000_300, 1_772_000_100));
    assert!(parts[2].1.contains("EntitlementDeleted"), "{parts:?}");
    assert_eq!((event.kind.as_str(), event.failure), ("gone, paid", None));
}

#[test]
fn an_event_without_its_id_fails_alone() {
    let body = json!({ "env": "live", "plan": 5, "changes": [
        { "what": "paid", "when": 1_772_000_100, "who": 1 },
        { "what": "paid", "when": 1_772_000_100, "id": "b", "who": 2 },
        { "what": "refund", "when": 1_772_000_100, "id": "c" },
    ] });
    let event = read(&batch(), &body).unwrap();
    assert_eq!(event.parts().count(), 1);
    let failure = event.failure.unwrap();
    for part in ["2 of 3 events", "/changes/0/id", "\"refund\""] {
        assert!(failure.contains(part), "{part} in {failure}");
    }
    let none = json!({ "env": "live", "plan": 5, "changes": [{ "what": "paid", "when": 1_772_000_100, "who": 1 }] });
    let wrong = read(&batch(), &none).unwrap_err();
    assert_eq!(
        (wrong.field.as_deref(), wrong.kind.as_deref()),
        (Some("/changes/0/id"), Some("paid"))
    );
    for no_list in [json!({}), json!({ "changes": {} }), json!([])] {
        let wrong = read(&batch(), &no_list).unwrap_err();
        assert_eq!(wrong.field.as_deref(), Some("/changes"), "{wrong}");
    }
    let empty = read(&batch(), &json!({ "changes": [] })).unwrap();
    assert_eq!((empty.parts().count(), empty.statements.len()), (1, 0));
}

#[test]
fn one_event_can_concern_everybody_in_a_list() {
    let mapping = json!({
        "type": "/event",
        "events": { "team.paid": { "is": "membership.updated", "each": "/team/people", "when": { "at": "/role", "not": ["guest", null] },
            "data": {
                "id": { "join": [{ "root": "/team/id" }, "/id"], "with": ":" }, "plan": { "id": { "root": "/team/plan" } },
                "member": { "id": "/id" }, "status": { "value": "active" },
            } } },
    });
    let body = json!({ "event": "team.paid", "team": { "id": "t", "plan": "Gold", "people": [
        { "id": 1, "role": "owner" }, { "id": 2, "role": "guest" }, { "id": 3 }, { "id": 4, "role": "desk" }, { "role": "desk" },
    ] } });
    let event = read(&mapping, &body).unwrap();
    let ids: Vec<String> = event
        .parts()
        .flat_map(|(_, statements)| statements)
        .map(|statement| match statement {
            Statement::Entitlement(word) => word.id.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, ["t:1", "t:4"]);
    assert!(event.failure.unwrap().contains("/team/people/4/id"));
    let nobody = json!({ "event": "team.paid", "team": { "id": "t", "people": null } });
    let event = read(&mapping, &nobody).unwrap();
    assert!(event.statements.is_empty() && event.note.is_some());
}

#[test]
fn conditions_compare_texts() {
    let body = json!({ "kind": "door", "count": 3, "flag": true, "tags": ["a", "b"], "none": null, "blank": " ", "object": {} });
    for (when, holds) in [
        (json!({ "at": "/kind", "is": "door" }), true),
        (json!({ "at": "/kind", "is": ["desk", "door"] }), true),
        (json!({ "at": "/kind", "not": "door" }), false),
        (json!({ "at": "/count", "is": 3 }), true),
        (json!({ "at": "/count", "is": "3" }), true),
        (json!({ "at": "/flag", "is": true }), true),
        (json!({ "at": "/tags", "is": "b" }), true),
        (json!({ "at": "/tags", "not": "b" }), false),
        (json!({ "at": "/none", "is": null }), true),
        (json!({ "at": "/missing", "is": "" }), true),
        (json!({ "at": "/missing", "not": "x" }), true),
        (json!({ "at": "/object", "is": "" }), false),
        (json!({ "at": "/none", "exists": true }), false),
        (json!({ "at": "/blank", "exists": false }), true),
        (json!({ "at": "/object", "exists": true }), true),
        (
            json!([{ "at": "/kind", "is": "door" }, { "at": "/count", "is": 4 }]),
            false,
        ),
        (
            json!({ "any": [{ "at": "/kind", "is": "desk" }, { "root": "/count", "is": 3 }] }),
            true,
        ),
    ] {
        let mut mapping = member(&json!({}));
        mapping["events"]["m"]["when"] = when.clone();
        let mut body = body.clone();
        body["id"] = json!(1);
        let event = read(&mapping, &body).unwrap();
        assert_eq!(!event.statements.is_empty(), holds, "{when}");
        assert_eq!(
            event.note.is_none(),
            holds,
            "{when}: a note says why nothing happened"
        );
    }
}

#[test]
fn single_values_make_a_list() {
    let one = json!({ "list": { "id": "/company/id", "name": "/company/name" } });
    let mapping = member(&json!({ "companies": one, "tags": { "list": ["/level", "/sport"] } }));
    let body = json!({ "id": 1, "company": { "id": 8, "name": "Acme" }, "level": "gold" });
    let ada = person(&mapping, &body);
    let acme = CompanyRef {
        id: "8".to_owned(),
        name: Some("Acme".to_owned()),
    };
    assert_eq!(
        (ada.companies, ada.tags),
        (Some(vec![acme]), Some(vec!["gold".to_owned()]))
    );
    let unknown = person(&mapping, &json!({ "id": 1 }));
    assert_eq!((unknown.companies, unknown.tags), (None, None), "unchanged");
    for left in [
        json!({ "id": 1, "company": null, "level": null }),
        json!({ "id": 1, "company": { "id": null }, "sport": null }),
    ] {
        let left = person(&mapping, &left);
        assert_eq!(
            (left.companies, left.tags),
            (Some(Vec::new()), Some(Vec::new())),
            "none any more"
        );
    }
}

#[test]
fn null_means_that_there_is_none() {
    let first = json!({ "email": { "first": ["/mail", "/other"] } });
    for (body, email) in [
        (json!({ "id": 1 }), None),
        (json!({ "id": 1, "mail": null }), Some(None)),
        (json!({ "id": 1, "other": null }), Some(None)),
        (
            json!({ "id": 1, "mail": null, "other": "a@example.com" }),
            Some(Some("a@example.com".to_owned())),
        ),
    ] {
        assert_eq!(person(&member(&first), &body).email, email, "{body}");
    }
    for list in [
        json!("/tags"),
        json!({ "at": "/tags", "split": "," }),
        json!({ "each": "/tags", "item": "" }),
        json!({ "first": ["/tags", "/more"] }),
    ] {
        let mapping = member(&json!({ "tags": list }));
        assert_eq!(
            person(&mapping, &json!({ "id": 1, "tags": null })).tags,
            Some(Vec::new()),
            "{list}"
        );
        assert_eq!(person(&mapping, &json!({ "id": 1 })).tags, None, "{list}");
    }
}

#[test]
fn an_object_is_absent_where_words_say_that_there_is_no_value() {
    let mapping = json!({ "type": { "value": "s" }, "events": { "s": { "is": "membership.updated", "data": {
        "id": "/id", "plan": { "id": "/plan" }, "member": { "id": "/who" }, "status": { "value": "active" },
        "blocked": { "reason": { "at": "/state", "words": { "late": "payment_failed" }, "otherwise": null }, "since": { "at": "/at", "as": "seconds" } },
    } } } });
    for (state, reason) in [
        (json!("late"), Some(BlockReason::PaymentFailed)),
        (json!("fine"), None),
        (Value::Null, None),
    ] {
        let body = json!({ "id": 1, "plan": 2, "who": 3, "at": 1_772_000_000, "state": state });
        let event = read(&mapping, &body).unwrap();
        let [Statement::Entitlement(word)] = &event.statements[..] else {
            panic!("{event:?}");
        };
        assert_eq!(word.block.map(|(reason, _)| reason), reason, "{state}");
    }
}

#[test]
fn tables_are_shared_by_fields() {
    let named =
        |otherwise: Value| json!({ "at": "/plan", "words": "levels", "otherwise": otherwise });
    let mut mapping = member(
        &json!({ "tags": { "list": { "at": "/plan", "words": "levels" } }, "name": named(json!("nobody")) }),
    );
    mapping["tables"] = json!({ "levels": { "7": "Gold", "8": "Silver" } });
    let gold = person(&mapping, &json!({ "id": 1, "plan": 7 }));
    assert_eq!(
        (gold.tags, gold.name.as_deref()),
        (Some(vec!["Gold".to_owned()]), Some("Gold"))
    );
    let wrong = read(&mapping, &json!({ "id": 1, "plan": 9 })).unwrap_err();
    assert_eq!(wrong.field.as_deref(), Some("/plan"));
    mapping["tables"] = json!({ "other": {} });
    let problem = Mapping::parse(&mapping).unwrap_err();
    assert_eq!(problem.path, ["events", "m", "data", "name", "words"]);
    mapping["tables"] = json!({ "levels": [] });
    assert_eq!(
        Mapping::parse(&mapping).unwrap_err().path,
        ["tables", "levels"]
    );
}

#[test]
fn a_form_is_translated_like_an_object_of_texts() {
    let mapping = json!({ "type": "/event", "events": { "joined": { "is": "member.updated", "data": {
        "id": "/person/id", "name": "/person/name", "tags": "/tag",
    } } } });
    let body = b"event=joined&person[id]=7&person[name]=Zo%C3%AB+M&tag=a&tag=b".to_vec();
    let verified = Verified::stored(
        body,
        "one".to_owned(),
        Envelope::signed(None).with_form(true),
        at("2026-03-02T12:00:00Z"),
    );
    let event = translate(Some(&mapping.to_string()), ZONE, &verified).unwrap();
    let [Statement::Person(zoe)] = &event.statements[..] else {
        panic!("{event:?}");
    };
    assert_eq!((zoe.id.as_str(), zoe.name.as_deref()), ("7", Some("Zoë M")));
    assert_eq!(zoe.tags.as_ref().map(Vec::len), Some(2));
}

#[test]
fn invalid_conditions_and_lists_are_refused_with_the_path() {
    for (pointer, value, path) in [
        ("/when", json!("door"), "when"),
        ("/when", json!([]), "when"),
        ("/when", json!({ "at": "kind", "is": "door" }), "when.at"),
        ("/when", json!({ "is": "door" }), "when"),
        ("/when", json!({ "at": "/kind" }), "when"),
        (
            "/when",
            json!({ "at": "/kind", "is": "a", "not": "b" }),
            "when",
        ),
        ("/when", json!({ "at": "/kind", "is": [] }), "when.is"),
        ("/when", json!({ "at": "/kind", "is": {} }), "when.is"),
        (
            "/when",
            json!({ "at": "/kind", "exists": "yes" }),
            "when.exists",
        ),
        (
            "/when",
            json!({ "at": "/kind", "equals": 1 }),
            "when.equals",
        ),
        ("/when", json!({ "any": {} }), "when.any"),
        ("/each", json!("people"), "each"),
        ("/each", json!({ "root": "/people" }), "each"),
        ("/data/name", json!({ "list": ["/a"] }), ""),
        ("/data/tags", json!({ "list": [] }), "data.tags.list"),
        ("/data/companies", json!({ "list": "/company" }), ""),
        (
            "/data/companies",
            json!({ "list": { "name": "/name" } }),
            "data.companies.list.id",
        ),
    ] {
        let mut mapping = member(&json!({}));
        let target = &mut mapping["events"]["m"];
        match pointer.strip_prefix("/data/") {
            Some(name) => target["data"][name] = value.clone(),
            None => target[pointer.trim_start_matches('/')] = value.clone(),
        }
        let parsed = Mapping::parse(&mapping);
        match path {
            // A list that is no list is found when the event is checked.
            "" => assert!(parsed.is_ok(), "{pointer}: {value}"),
            path => assert_eq!(
                parsed.unwrap_err().path.join("."),
                format!("events.m.{path}"),
                "{pointer}: {value}"
            ),
        }
    }
}
