//! Edge cases of mappings: dates that mean "none" in every notation, numbers in a wrong unit, and lists that are null.

use super::*;
use crate::ingest::statement::PersonWord;

/// The end of a membership whose sender uses this notation.
fn end_of(written: Value, value: Value) -> Result<Option<Moment>, TranslateError> {
    let mut mapping = gym();
    let place = "/events/enrollment.changed/data/ends_at";
    let mut how = written.as_object().unwrap().clone();
    how.insert("at".to_owned(), json!("/data/until"));
    *mapping.pointer_mut(place).unwrap() = Value::Object(how);
    let event = read(&mapping, &with(enrollment(), "/data/until", value))?;
    match &event.statements[..] {
        [Statement::Entitlement(word)] => Ok(word.ends),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_date_far_in_the_future_means_no_end_in_every_notation() {
    let formats = json!({ "format": "%d.%m.%Y %H:%M:%S" });
    for (written, value) in [
        (json!({}), json!("9999-12-31T23:59:59Z")),
        (json!({}), json!("9999-12-31T23:59:59.9999999")),
        (json!({}), json!("9999-12-31")),
        (json!({ "as": "seconds" }), json!(253_402_300_799_i64)),
        (json!({ "as": "seconds" }), json!("253402300799")),
        (json!({ "as": "seconds" }), json!(253_402_300_799.999)),
        (json!({ "as": "seconds" }), json!(i64::MAX)),
        (
            json!({ "as": "milliseconds" }),
            json!(253_402_300_799_999_i64),
        ),
        (
            json!({ "as": "milliseconds" }),
            json!(8_640_000_000_000_000_i64),
        ),
        (json!({ "as": "milliseconds" }), json!(i64::MAX)),
        (json!({ "as": "milliseconds" }), json!(u64::MAX)),
        (json!({ "as": "milliseconds" }), json!(1e300)),
        (json!({ "as": "local" }), json!("9999-12-31 23:59:59")),
        (json!({ "as": "local" }), json!("9999-12-31T23:59:59-08:00")),
        (json!({ "as": "local" }), json!("9999-12-31")),
        (formats.clone(), json!("31.12.9999 23:59:59")),
        (json!({ "format": "%d.%m.%Y" }), json!("31.12.9999")),
        (
            json!({ "format": "%d.%m.%Y %H:%M %z" }),
            json!("31.12.9999 23:59 -0800"),
        ),
    ] {
        let end = end_of(written.clone(), value.clone());
        assert_eq!(end, Ok(None), "{written} {value}");
    }
    let odd = end_of(json!({ "as": "seconds" }), json!(32_503_680_000_i64));
    assert_eq!(odd, Ok(Some(Moment::At(at("3000-01-01T00:00:00Z")))));
    let odd = end_of(formats, json!("01.01.9998 00:00:00"));
    assert_eq!(odd, Ok(Some(Moment::At(at("9998-01-01T05:00:00Z")))));
}

#[test]
fn a_number_in_a_finer_unit_is_refused_as_an_end() {
    let noon = 1_772_452_800_i64;
    for (unit, finer) in [
        ("seconds", vec![1_000, 1_000_000, 1_000_000_000]),
        ("milliseconds", vec![1_000_000, 1_000_000_000]),
    ] {
        for factor in finer {
            let wrong = end_of(json!({ "as": unit }), json!(noon * factor)).unwrap_err();
            assert_eq!(wrong.field.as_deref(), Some("/data/until"));
            assert!(wrong.message.contains(unit), "{wrong:?}");
        }
    }
}

#[test]
fn a_date_far_in_the_past_means_no_start_in_every_notation() {
    let mut mapping = gym();
    let place = "/events/enrollment.changed/data/starts_at";
    for (written, value) in [
        (json!({ "as": "seconds" }), json!(-62_135_596_800_i64)),
        (
            json!({ "as": "milliseconds" }),
            json!(-62_135_596_800_000_i64),
        ),
        (json!({ "as": "milliseconds" }), json!(i64::MIN)),
        (json!({ "as": "local" }), json!("0001-01-01T00:00:00")),
        (json!({ "format": "%m/%d/%Y" }), json!("01/01/0001")),
    ] {
        let mut how = written.as_object().unwrap().clone();
        how.insert("at".to_owned(), json!("/data/from"));
        *mapping.pointer_mut(place).unwrap() = Value::Object(how);
        let event = read(&mapping, &with(enrollment(), "/data/from", value.clone())).unwrap();
        let [Statement::Entitlement(word)] = &event.statements[..] else {
            panic!("{event:?}");
        };
        assert_eq!(word.starts, None, "{written} {value}");
    }
}

/// Maps a list field of a person with a template, and translates a body with it.
fn person_with(name: &str, template: &Value, body: &Value) -> PersonWord {
    let mapping = json!({ "type": { "value": "person" }, "events": { "person": {
        "is": "member.updated", "data": { "id": "/id", name: template },
    } } });
    let event = read(&mapping, body).unwrap();
    let [Statement::Person(word)] = &event.statements[..] else {
        panic!("{event:?}");
    };
    word.clone()
}

#[test]
fn null_clears_a_list_and_an_absent_field_keeps_it() {
    for template in [
        json!("/list"),
        json!({ "at": "/list", "split": "," }),
        json!({ "each": "/list", "item": "" }),
        json!({ "first": ["/other", "/list"] }),
    ] {
        let read = |body| person_with("tags", &template, &body).tags;
        assert_eq!(
            read(json!({ "id": 1, "list": null })),
            Some(vec![]),
            "{template}"
        );
        assert_eq!(read(json!({ "id": 1 })), None, "{template}");
    }
    let blank = json!({ "id": 1, "list": "" });
    let split = json!({ "at": "/list", "split": "," });
    assert_eq!(person_with("tags", &split, &blank).tags, Some(vec![]));
    // A null from the mapping's value map means that the field is absent.
    let words = json!({ "at": "/list", "words": { "vip": ["vip"] }, "otherwise": null });
    let body = json!({ "id": 1, "list": "other" });
    assert_eq!(person_with("tags", &words, &body).tags, None);

    let companies = json!({ "each": "/list", "item": { "id": "/id" } });
    for template in [companies, json!("/list")] {
        let read = |body| person_with("companies", &template, &body).companies;
        assert_eq!(read(json!({ "id": 1, "list": null })), Some(vec![]));
        assert_eq!(read(json!({ "id": 1 })), None);
    }
}

#[test]
fn a_null_list_of_a_roster_does_not_end_everything() {
    let mapping = json!({ "type": { "value": "all" }, "events": { "all": {
        "is": "roster.snapshot", "data": {
            "members": { "each": "/people", "item": { "id": "/id" } },
            "memberships": "/held",
        },
    } } });
    let event = read(&mapping, &json!({ "people": null, "held": null })).unwrap();
    assert_eq!(event.statements, []);
}
