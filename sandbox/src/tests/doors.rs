//! Tests of unlocking, permissions and logins over HTTP.

use serde_json::{Value, json};

use super::super::*;
use super::*;

/// The response to an unlock attempt: its status, and its code or message.
fn knock(wire: &Wire, secret: &str, lock: i64, body: Value) -> (u16, String) {
    let reply = wire.ask("POST", &format!("/locks/{lock}/unlock"), secret, Some(body));
    let text = reply.body["code"]
        .as_str()
        .or(reply.body["message"].as_str());
    (reply.status, text.unwrap_or_default().to_owned())
}

fn is(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}

/// Ada's user id, and the secret of a device login.
fn ada(wire: &Wire) -> (i64, String) {
    let user = wire.sandbox.add_user("ada@example.com", "Ada");
    let body = json!({"login": {"type": "device", "email": "ada@example.com", "expire": false}});
    let made = wire.post("/logins", body);
    (user, made.body["secret"].as_str().unwrap().to_owned())
}

#[test]
fn doors_open_by_assignment_and_window() {
    let wire = start();
    let sandbox = &wire.sandbox;
    let (user, secret) = ada(&wire);
    let range = sandbox.lock_named("range").unwrap();
    let try_it = || knock(&wire, &secret, range, json!({}));
    let doors = || {
        wire.ask("GET", "/locks", &secret, None)
            .body
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(try_it(), is(403, "fcd8ef"));
    let (from, until) = (at("2026-03-01T13:00:00Z"), at("2026-03-01T14:00:00Z"));
    sandbox.add_assignment(user, 1, Some(from), Some(until));
    assert_eq!((try_it(), doors()), (is(403, "f358de"), 0));
    *wire.now.lock().unwrap() = from;
    assert_eq!((try_it(), doors()), (is(200, "Unlocked!"), 2));
    assert_eq!(wire.ask("GET", "/users", &secret, None).status, 403);
    assert_eq!(
        wire.ask("GET", "/role_assignments?user_id=me", &secret, None)
            .status,
        200
    );
    sandbox.set_access_enabled("ada@example.com", false);
    assert_eq!(try_it(), is(403, "fcd8ff"));
    sandbox.set_access_enabled("ada@example.com", true);
    *wire.now.lock().unwrap() = until;
    assert_eq!(try_it(), is(403, "f35ade"));
    assert_eq!(knock(&wire, &secret, 99, json!({})), is(404, "fad10e"));
    assert_eq!(
        knock(&wire, "key", range, json!({})),
        is(200, "Unlocked!"),
        "the owner"
    );
    let last = sandbox.events().pop().unwrap();
    assert_eq!(
        (&last["success"], &last["object_name"]),
        (&json!(true), &json!("Range"))
    );
}

#[test]
fn restrictions_refuse_by_their_own_codes() {
    let wire = start();
    let sandbox = &wire.sandbox;
    let (user, secret) = ada(&wire);
    let range = sandbox.lock_named("range").unwrap();
    sandbox.add_assignment(user, 1, None, None);
    let free = LockFlags::default();
    for (flags, status, code) in [
        (
            LockFlags {
                reader_restriction: true,
                ..free
            },
            403,
            "bb4faa",
        ),
        (
            LockFlags {
                geofence_restriction: true,
                ..free
            },
            403,
            "bbb99f",
        ),
        (
            LockFlags {
                time_restriction: true,
                ..free
            },
            403,
            "34ffaa",
        ),
        (
            LockFlags {
                locked_down: true,
                ..free
            },
            409,
            "fad001",
        ),
        (
            LockFlags {
                online: false,
                ..free
            },
            503,
            "fac001",
        ),
        (
            LockFlags {
                configured: false,
                ..free
            },
            503,
            "ff420a",
        ),
    ] {
        sandbox.set_lock_flags(range, flags);
        assert_eq!(knock(&wire, &secret, range, json!({})), is(status, code));
    }
    let both = LockFlags {
        geofence_restriction: true,
        reader_restriction: true,
        ..free
    };
    sandbox.set_lock_flags(range, both);
    let stand = |north: f64, proof: Value| {
        let location = json!({"latitude": north, "longitude": 13.405});
        let body = json!({"context": {"location": location}, "lock": {"proximity_proof": proof}});
        knock(&wire, &secret, range, body)
    };
    assert_eq!(stand(52.6, json!(7)), is(403, "a3995f"));
    assert_eq!(stand(52.5201, json!(0)), is(403, "bb4faa"));
    assert_eq!(stand(52.5201, json!("otp")), is(200, "Unlocked!"));
    sandbox.set_lock_flags(range, free);
    let tap = json!({"group": {"tap_to_access_restriction_enabled": true}});
    assert_eq!(wire.ask("PATCH", "/groups/1", "key", Some(tap)).status, 204);
    assert_eq!(knock(&wire, &secret, range, json!({})), is(403, "bbc93f"));
    assert_eq!(
        knock(&wire, "key", range, json!({})),
        is(200, "Unlocked!"),
        "from above"
    );
    let staff = sandbox.group_named("Staff").unwrap();
    sandbox.add_assignment(user, staff, None, None);
    assert_eq!(
        knock(&wire, &secret, range, json!({})),
        is(200, "Unlocked!"),
        "another group"
    );
}

#[test]
fn assignments_are_effective_in_their_window_and_on_places_and_the_organization() {
    let wire = start();
    let sandbox = &wire.sandbox;
    let (noon, one) = (at("2026-03-01T12:00:00Z"), at("2026-03-01T13:00:00Z"));
    let user = sandbox.add_user("ada@example.com", "Ada");
    let lock = |name: &str| sandbox.lock_named(name).unwrap();
    sandbox.add_assignment(user, 2, Some(noon), Some(one));
    let simulator = lock("Simulator 1");
    assert!(sandbox.may_open("Ada@Example.com", simulator, noon));
    assert!(
        !sandbox.may_open("ada@example.com", simulator, one),
        "half-open"
    );
    assert!(!sandbox.may_open("ada@example.com", lock("Workshop"), noon));
    sandbox
        .add_role(user, None, "organization_observer")
        .unwrap();
    assert!(
        !sandbox.may_open("ada@example.com", lock("Workshop"), noon),
        "looks only"
    );
    sandbox.add_role(user, Some(1), "place_basic").unwrap();
    assert!(sandbox.may_open("ada@example.com", lock("Workshop"), one));
    assert!(sandbox.add_role(user, None, "place_basic").is_none());
    sandbox.set_access_enabled("ada@example.com", false);
    assert!(!sandbox.may_open("ada@example.com", lock("Workshop"), one));
}

#[test]
fn logins_require_both_factors_and_are_limited_to_ten() {
    let wire = start();
    let sandbox = &wire.sandbox;
    sandbox.set_password("owner@example.com", "secret");
    sandbox.set_otp_code("owner@example.com", Some("123456"));
    let login = |password: &str, code: Option<&str>| {
        let body = json!({"login": {"type": "api", "name": "Latchkey", "expire": false},
            "user": {"domain": "example-club", "email": "owner@example.com",
                "password": password, "otp_attempt": code}});
        wire.ask("POST", "/logins", "", Some(body))
    };
    assert_eq!(login("wrong", None).body["code"], "afc516");
    assert_eq!(login("secret", None).body["code"], "afc526");
    assert_eq!(login("secret", Some("1")).body["code"], "afc536");
    let made = login("secret", Some("123456"));
    let secret = made.body["secret"].as_str().unwrap().to_owned();
    assert_eq!(wire.ask("GET", "/user", &secret, None).status, 200);
    for _ in 0..8 {
        assert_eq!(login("secret", Some("123456")).status, 200);
    }
    assert_eq!(
        login("secret", Some("123456")).status,
        403,
        "ten with the first key"
    );
    let path = format!("/logins/{}", made.body["id"]);
    assert_eq!(wire.ask("DELETE", &path, "key", None).status, 204);
    assert_eq!(wire.ask("GET", "/user", &secret, None).status, 401);
    assert_eq!(login("secret", Some("123456")).status, 200);
    assert!(wire.get("/logins").body[0].get("secret").is_none());

    let behalf = |kind: &str, email: &str| {
        wire.post("/logins", json!({"login": {"type": kind, "email": email}}))
    };
    sandbox.add_user("ada@example.com", "Ada");
    assert_eq!(behalf("api", "ada@example.com").status, 403);
    assert_eq!(behalf("device", "nobody@example.com").status, 404);
    let made = behalf("device", "ada@example.com");
    let device = made.body["secret"].as_str().unwrap().to_owned();
    assert_eq!(wire.ask("GET", "/login", &device, None).status, 200);
    *wire.now.lock().unwrap() = at("2026-03-16T12:00:00Z");
    assert_eq!(
        wire.ask("GET", "/login", &device, None).status,
        401,
        "unused for two weeks"
    );
    assert_eq!(wire.get("/user").status, 200, "the key never expires");
    for _ in 0..45 {
        assert_eq!(behalf("device", "ada@example.com").status, 200);
    }
    let kept = wire.get("/logins?user_id=2&limit=250").body;
    assert_eq!(kept.as_array().unwrap().len(), 40);
}
