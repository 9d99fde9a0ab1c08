//! Tests of users, lists, assignments and integrations over HTTP.

use serde_json::{Value, json};

use super::super::*;
use super::*;

#[test]
fn keys_are_checked_and_unknown_paths_have_their_own_code() {
    let wire = start();
    assert_eq!(wire.get("/user").body["email"], "owner@example.com");
    let refused = wire.ask("GET", "/user", "wrong", None);
    assert_eq!(refused.status, 401);
    assert!(refused.body["error"].is_string() && refused.body["code"].is_string());
    let nowhere = wire.get("/nowhere");
    assert_eq!(
        (nowhere.status, &nowhere.body["code"]),
        (404, &json!("000404"))
    );
    let gone = wire.get("/users/999");
    assert_eq!(gone.status, 404);
    assert_ne!(gone.body["code"], "000404");
    wire.sandbox.set_key_good(false);
    assert_eq!(wire.get("/user").status, 401);
    wire.sandbox.set_key_good(true);
    wire.sandbox.set_owner_role("organization_observer");
    assert_eq!(wire.get("/groups").status, 200);
    assert_eq!(
        wire.post("/users", json!({"user": {"email": "a@b.c"}}))
            .status,
        403
    );
}

#[test]
fn users_are_created_changed_found_and_deleted() {
    let wire = start();
    let made = wire.post(
        "/users",
        json!({"user": {"email": "Ada@example.com", "name": "Ada L", "send_emails": false,
            "confirm": true, "metadata": {"ext_id": "m-42"}, "notes": " kept as it is "}}),
    );
    assert_eq!(made.status, 200);
    assert_eq!(made.body["created_at"], "2026-03-01T12:00:00Z");
    assert_eq!(made.body["notes"], " kept as it is ");
    assert_eq!(made.body["confirmed"], true);
    let again = wire.post("/users", json!({"user": {"email": "ada@EXAMPLE.com"}}));
    assert_eq!(again.status, 422);
    assert_eq!(again.body["errors"]["email"][0], "has already been taken");
    assert_eq!(
        wire.post("/users", json!({"email": "x@example.com"}))
            .status,
        400
    );
    let nested = json!({"user": {"metadata": {"a": {}}}});
    let path = format!("/users/{}", made.body["id"]);
    assert_eq!(wire.ask("PATCH", &path, "key", Some(nested)).status, 422);
    let patch = json!({"user": {"email": "new@example.com", "access_enabled": false}});
    assert_eq!(wire.ask("PATCH", &path, "key", Some(patch)).status, 204);
    let read = wire.get(&path).body;
    assert_eq!(
        (&read["email"], &read["access_enabled"]),
        (&json!("Ada@example.com"), &json!(false))
    );

    wire.sandbox.add_user("xada@example.com", "Xada");
    let count = |query: &str| {
        wire.get(&format!("/users?{query}"))
            .body
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count("email=ada%40example.com"), 1);
    wire.switch(|switches| switches.email_filter = EmailFilter::Substring);
    assert_eq!(count("email=ada%40example.com"), 2);
    wire.switch(|switches| switches.email_filter = EmailFilter::Ignored);
    assert_eq!(count("email=ada%40example.com"), 3);
    assert_eq!(count("query=ADA"), 2);
    assert_eq!(wire.ask("DELETE", &path, "key", None).status, 204);
    assert_eq!(wire.ask("DELETE", &path, "key", None).status, 404);
    assert_eq!(wire.ask("DELETE", "/users/1", "key", None).status, 422);
    assert_eq!(wire.sandbox.writes().len(), 3);
}

#[test]
fn lists_are_paged_and_ranges_not_clipped() {
    let wire = start();
    let group = wire.sandbox.group_named("members").unwrap();
    assert!(
        wire.get("/role_assignments?group_id=1")
            .head
            .contains("x-collection-range: */0")
    );
    for number in 0..15 {
        let user = wire
            .sandbox
            .add_user(&format!("u{number}@example.com"), "U");
        wire.sandbox.add_assignment(user, group, None, None);
    }
    let list = |query: &str| wire.get(&format!("/role_assignments?group_id={group}{query}"));
    assert_eq!(list("").body.as_array().unwrap().len(), 10, "the default");
    let last = list("&offset=10&limit=10");
    assert_eq!(last.body.as_array().unwrap().len(), 5);
    assert!(
        last.head.contains("x-collection-range: 10-19/15"),
        "{}",
        last.head
    );
    assert!(list("&limit=999").head.contains("0-249/15"));
    wire.switch(|switches| switches.over_limit = OverLimit::Refuse);
    assert_eq!(list("&limit=999").status, 400);
    assert_eq!(list("&offset=20001").status, 400);
    assert_eq!(wire.get("/group_locks").status, 400);
    assert_eq!(
        wire.get("/group_locks?group_id=1")
            .body
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(wire.get("/role_assignments?assignee_id=3").status, 400);
    let one = "/role_assignments?assignee_type=User&assignee_id=3&applies_to_type=Group";
    assert_eq!(wire.get(one).body.as_array().unwrap().len(), 1);
    assert!(!wire.get("/roles").head.contains("x-collection-range"));
}

#[test]
fn both_dialects_make_the_same_assignment() {
    let wire = start();
    let user = wire.sandbox.add_user("ada@example.com", "Ada");
    let current = wire.post(
        "/role_assignments",
        json!({"role_assignment": {"applies_to_type": "Group", "applies_to_id": 1,
            "assignee_type": "User", "assignee_id": user, "role_id": "group_basic",
            "valid_from": "2026-03-01T10:00:00.999+01:00", "valid_until": null}}),
    );
    assert_eq!(current.status, 200);
    assert_eq!(current.body["valid_from"], "2026-03-01T09:00:00Z");
    let legacy = wire.grant(user, 2, Value::Null, Value::Null);
    for body in [&current.body, &legacy.body] {
        assert_eq!(body["user_id"], body["assignee_id"]);
        assert_eq!(body["group_id"], body["applies_to_id"]);
        assert_eq!(body["created_by_id"], 1);
    }
    let place = |window: Value| {
        wire.post(
            "/role_assignments",
            json!({"role_assignment": {"user_id": user, "place_id": 1, "role_id": "place_basic",
                "valid_until": window}}),
        )
    };
    let refused = place(json!("2026-03-02T00:00:00Z"));
    assert_eq!(
        (refused.status, &refused.body["errors"]["valid_until"][0]),
        (422, &json!("must be blank"))
    );
    let made = place(Value::Null);
    assert_eq!((made.status, made.body.get("valid_until")), (200, None));
    assert_eq!(wire.grant(99, 1, Value::Null, Value::Null).status, 404);
    assert_eq!(wire.grant(user, 99, Value::Null, Value::Null).status, 404);
    let views = wire.sandbox.assignments_of("ADA@example.com");
    assert_eq!(
        views.iter().map(|view| view.group).collect::<Vec<_>>(),
        [Some(1), Some(2), None]
    );
    assert!(views.iter().all(|view| view.by_owner_key));
}

#[test]
fn duplicates_are_handled_by_the_switch() {
    let wire = start();
    let user = wire.sandbox.add_user("ada@example.com", "Ada");
    let over = || (json!("2026-02-01T00:00:00Z"), json!("2026-02-02T00:00:00Z"));
    let again = |same: bool| {
        let (from, until) = over();
        wire.grant(user, 1, from, if same { until } else { Value::Null })
            .status
    };
    assert_eq!(again(true), 200);
    assert_eq!((again(true), again(false)), (409, 200));
    wire.switch(|switches| switches.duplicates = Duplicates::Conflict);
    assert_eq!(
        (
            again(true),
            wire.grant(user, 1, Value::Null, Value::Null).status
        ),
        (409, 409)
    );
    wire.switch(|switches| switches.duplicates = Duplicates::Unprocessable);
    assert_eq!(again(true), 422);
    wire.switch(|switches| switches.duplicates = Duplicates::Allow);
    assert_eq!(again(true), 200);
    assert_eq!(wire.sandbox.assignments_of("ada@example.com").len(), 3);
}

#[test]
fn windows_are_patched_by_the_switches() {
    let wire = start();
    let user = wire.sandbox.add_user("ada@example.com", "Ada");
    let id = wire.sandbox.add_assignment(user, 1, None, None);
    let patch = |until: &str| {
        let body = json!({"role_assignment": {"valid_until": until}});
        wire.ask(
            "PATCH",
            &format!("/role_assignments/{id}"),
            "key",
            Some(body),
        )
        .status
    };
    let until = || wire.sandbox.assignments_of("ada@example.com")[0].until;
    assert_eq!(
        (patch("2026-03-02T00:00:00Z"), until()),
        (204, Some(at("2026-03-02T00:00:00Z")))
    );
    for (rounding, kept) in [
        (Rounding::Down(60), "2026-03-02T00:00:00Z"),
        (Rounding::Outward(60), "2026-03-02T00:01:00Z"),
        (Rounding::Nearest(60), "2026-03-02T00:00:00Z"),
    ] {
        wire.switch(|switches| switches.rounding = rounding);
        assert_eq!(
            (patch("2026-03-02T00:00:29Z"), until()),
            (204, Some(at(kept)))
        );
    }
    wire.switch(|switches| switches.patch_window = PatchWindow::Ignored);
    assert_eq!(
        (patch("2026-03-03T00:00:00Z"), until()),
        (204, Some(at("2026-03-02T00:00:00Z")))
    );
    wire.switch(|switches| switches.patch_window = PatchWindow::Refused);
    assert_eq!(
        (patch("2026-03-03T00:00:00Z"), until()),
        (422, Some(at("2026-03-02T00:00:00Z")))
    );
    assert!(!wire.sandbox.assignments_of("ada@example.com")[0].by_owner_key);
}

#[test]
fn integrations_and_event_sets_are_stored() {
    let wire = start();
    let body = json!({"integration": {"type": "event_webhook", "name": "Latchkey",
        "url": "https://example.com/kisi", "enabled_events": ["lock.unlock"],
        "signature_key": "hidden"}});
    let made = wire.post("/integrations", body);
    assert_eq!((made.status, &made.body["enabled"]), (200, &json!(true)));
    assert!(!made.body.to_string().contains("hidden"));
    let path = format!("/integrations/{}", made.body["id"]);
    let off = json!({"integration": {"enabled": false}});
    // PUT is treated as PATCH.
    assert_eq!(wire.ask("PUT", &path, "key", Some(off)).status, 204);
    assert_eq!(wire.get("/integrations?enabled=true").body, json!([]));
    assert_eq!(wire.ask("DELETE", &path, "key", None).status, 204);
    let wrong = json!({"integration": {"type": "event_webhook"}});
    let errors = wire.post("/integrations", wrong).body;
    assert!(errors["errors"]["name"].is_array() && errors["errors"]["url"].is_array());
    wire.post("/locks/1/unlock", json!({}));
    let set = wire.post(
        "/event_sets",
        json!({"event_set": {"event_type": "lock.unlock"}}),
    );
    assert_eq!(set.body["events"].as_array().unwrap().len(), 1);
    assert_eq!(
        wire.get(&format!("/event_sets/{}", set.body["id"])).body,
        set.body
    );
}
