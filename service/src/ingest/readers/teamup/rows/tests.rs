//! Memberships with holds, blocks and shares, courses, and registration blocks, in the shapes of TeamUp's reference.

use super::*;

fn membership(more: Value) -> Value {
    let mut row = json!({
        "id": 10, "name": "Gold", "status": "active", "customer": 1, "membership": { "id": 5, "name": "Gold" },
        "start_date": "2026-01-01", "expiration_date": "2026-12-31", "shared_with": [], "active_hold": null,
        "payment_subscription": { "id": 3, "retry_count": 0 },
    });
    row.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    row
}

/// Id, status, first and last day of each part.
fn parts_of(more: Value) -> Vec<(String, String, Value, Value)> {
    let rows = memberships(&membership(more), &Standings::new()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| {
            (
                text(&row["id"]),
                text(&row["status"]),
                row["starts_at"].clone(),
                row["ends_at"].clone(),
            )
        })
        .collect()
}

fn part(id: &str, status: &str, starts: &str, ends: &str) -> (String, String, Value, Value) {
    (id.to_owned(), status.to_owned(), json!(starts), json!(ends))
}

fn hold(starts: &str, ends: &str) -> Value {
    json!({ "id": 2, "active": true, "start_date": starts, "end_date": ends })
}

#[test]
fn a_planned_hold_divides_a_membership() {
    let planned = json!({ "active_hold": hold("2026-03-03", "2026-03-31") });
    assert_eq!(
        parts_of(planned),
        [
            part("10", "active", "2026-01-01", "2026-03-02"),
            part("10:after-hold", "active", "2026-04-01", "2026-12-31"),
        ]
    );
    let current = json!({ "status": "hold", "active_hold": hold("2026-02-01", "2026-03-31") });
    assert_eq!(
        parts_of(current),
        [
            part("10", "paused", "2026-01-01", "2026-12-31"),
            part("10:after-hold", "active", "2026-04-01", "2026-12-31"),
        ]
    );
    let to_the_end = json!({ "active_hold": hold("2026-12-01", "2027-01-31") });
    let until_then = part("10", "active", "2026-01-01", "2026-11-30");
    assert_eq!(parts_of(to_the_end), [until_then]);
    let from_the_start = json!({ "active_hold": hold("2026-01-01", "2026-01-31") });
    assert_eq!(
        parts_of(from_the_start),
        [
            part("10", "paused", "2026-01-01", "2026-12-31"),
            part("10:after-hold", "active", "2026-02-01", "2026-12-31"),
        ]
    );
}

#[test]
fn a_hold_that_does_not_apply_divides_nothing() {
    let whole = part("10", "active", "2026-01-01", "2026-12-31");
    let mut lifted = hold("2026-03-03", "2026-03-31");
    lifted["active"] = json!(false);
    for hold in [Value::Null, json!(2), lifted] {
        let parts = parts_of(json!({ "active_hold": hold }));
        assert_eq!(parts, std::slice::from_ref(&whole));
    }
    let endless = json!({ "active_hold": { "start_date": "2026-03-03", "end_date": null } });
    let until_then = part("10", "active", "2026-01-01", "2026-03-02");
    assert_eq!(parts_of(endless), [until_then]);
    let odd = membership(json!({ "active_hold": { "end_date": "2026-03-31" } }));
    assert!(memberships(&odd, &Standings::new()).is_err());
}

fn blocked(since: &str) -> Standing {
    Standing {
        blocked_since: Some(since.to_owned()),
        ..Standing::default()
    }
}

/// Holder, people who share, and block of each row.
fn held(more: Value, standings: &[(&str, Standing)]) -> Vec<(Value, Vec<Value>, Value)> {
    let standings = standings
        .iter()
        .map(|(id, standing)| ((*id).to_owned(), standing.clone()));
    let rows = memberships(&membership(more), &standings.collect()).unwrap();
    rows.iter()
        .map(|row| {
            let shared = row["shared_with"].as_array().unwrap();
            (
                row["member"]["id"].clone(),
                shared.iter().map(|one| one["id"].clone()).collect(),
                row["blocked"].clone(),
            )
        })
        .collect()
}

#[test]
fn a_block_by_staff_concerns_the_customer_alone() {
    let shared = json!({ "shared_with": [{ "id": 7 }, 8] });
    let manual = json!({ "reason": "manual", "since": "2026-02-01T10:00:00Z" });
    let since = || blocked("2026-02-01T10:00:00Z");
    assert_eq!(
        held(shared.clone(), &[]),
        [(json!("1"), vec![json!("7"), json!("8")], Value::Null)]
    );
    assert_eq!(
        held(shared.clone(), &[("7", since())]),
        [
            (json!("1"), vec![json!("8")], Value::Null),
            (json!("7"), Vec::new(), manual.clone()),
        ]
    );
    assert_eq!(
        held(shared, &[("1", since())]),
        [
            (json!("1"), Vec::new(), manual),
            (json!("7"), Vec::new(), Value::Null),
            (json!("8"), Vec::new(), Value::Null),
        ]
    );
}

#[test]
fn payments_block_what_a_subscription_pays_for() {
    let failed = Standing {
        has_failed_payments: true,
        has_retry_payments: true,
        ..Standing::default()
    };
    let retried = Standing {
        has_retry_payments: true,
        ..Standing::default()
    };
    let retrying = json!({ "payment_subscription": { "id": 3, "retry_count": 2 } });
    let paid_once = json!({ "payment_subscription": null });
    let reason = |more: &Value, standing: &Standing| {
        let rows = held(more.clone(), &[("1", standing.clone())]);
        rows[0].2["reason"].clone()
    };
    let good = Standing::default();
    assert_eq!(reason(&json!({}), &good), Value::Null);
    assert_eq!(reason(&retrying, &good), "payment_retrying");
    assert_eq!(reason(&json!({}), &retried), "payment_retrying");
    assert_eq!(reason(&retrying, &failed), "payment_failed");
    assert_eq!(reason(&paid_once, &failed), Value::Null);
}

#[test]
fn a_course_session_is_a_registration_for_the_course() {
    let row = |status: &str, session_status: &str| {
        json!({
            "id": 20, "object": "course_session_attendance", "customer": 1, "status": status,
            "course_session": {
                "id": 30, "name": "Beginners 1", "status": session_status, "starts_at": "2026-03-02T18:00:00Z",
                "ends_at": "2026-03-02T19:00:00Z", "course": { "id": 40, "name": "Beginners" },
                "venue": { "id": 4, "name": "Pier", "timezone": "Europe/Berlin", "is_online": false },
            },
        })
    };
    let found = course_registration(&row("registered", "active"))
        .unwrap()
        .unwrap();
    assert_eq!(found["id"], "course:20");
    assert_eq!(found["kind"], "course");
    assert_eq!(found["item"], json!({ "id": 40, "name": "Beginners" }));
    assert_eq!(found["status"], "confirmed");
    let found = course_registration(&row("registered", "cancelled"))
        .unwrap()
        .unwrap();
    assert_eq!(found["status"], "cancelled");
    assert!(course_registration(&row("dreaming", "active")).is_err());
    let bare = json!({ "id": 20, "course_session": 30, "customer": 1, "status": "registered" });
    assert!(course_registration(&bare).is_err());
}

#[test]
fn only_active_blocks_count() {
    let row = |is_active: Value| json!({ "id": 1, "customer": 7, "is_active": is_active, "created_at": "2026-02-01T10:00:00Z" });
    let since = ("7".to_owned(), "2026-02-01T10:00:00Z".to_owned());
    assert_eq!(block(&row(json!(true))).unwrap(), Some(since));
    assert_eq!(block(&row(json!(false))).unwrap(), None);
    assert!(block(&row(json!("yes"))).is_err());
}
