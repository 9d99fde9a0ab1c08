//! The requests that each call sends, and how it reads the responses.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::server::{Reply, Request, Server};
use crate::kisi::{
    AppliesTo, AssignmentFilter, Clients, Error, Lane, Login, NewAssignment, NewUser, Pacer,
    as_stored, http_client, log_in,
};

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

fn always(body: Value) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |_| Reply::json(200, body.clone())
}

fn current() -> Value {
    json!({
        "id": 990001, "resource_type": "RoleAssignment", "role_id": "group_basic", "notify": false,
        "applies_to_type": "Group", "applies_to_id": 45274,
        "assignee_type": "User", "assignee_id": 881001,
        "created_by_type": "User", "created_by_id": 7, "user_id": 881001, "group_id": 45274,
        "scope": "group", "type": "group",
        "valid_from": "2026-03-01T09:00:00.000Z", "valid_until": "2026-03-01T13:00:00+01:00",
    })
}

fn legacy(id: i64, place: &str) -> Value {
    json!({ "id": id, "role_id": "basic", "user_id": 881001, place: 5, "valid_from": null })
}

#[tokio::test]
async fn the_headers_identify_the_caller() {
    let server = Server::start(always(json!({
        "id": 7, "name": null, "organization": { "id": 18, "domain": "club" }, "locale": "en",
    })));
    let me = server.client().in_lane(Lane::Urgent).me().await.unwrap();
    assert_eq!(
        (
            me.id,
            me.name.as_str(),
            me.organization.unwrap().domain.as_str()
        ),
        (7, "", "club")
    );
    let request = server.last();
    assert_eq!(request.line(), "GET /user");
    assert_eq!(request.header("authorization"), Some("KISI-LOGIN s3cret"));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        request.header("x-kisi-integration-identifier"),
        Some("Latchkey")
    );
    assert!(
        request
            .header("user-agent")
            .unwrap()
            .starts_with("latchkey/")
    );
    assert_eq!(request.header("x-kisi-integration-contact"), None);
}

#[tokio::test]
async fn the_contact_is_the_address_that_was_set() {
    let server = Server::start(always(json!({ "id": 7 })));
    let clients = Clients::new(server.url.clone(), 1000, Some("desk@example.com")).unwrap();
    clients
        .with_key("s3cret".to_owned().into())
        .me()
        .await
        .unwrap();
    assert_eq!(
        server.last().header("x-kisi-integration-contact"),
        Some("desk@example.com")
    );
}

#[tokio::test]
async fn a_base_may_have_a_path() {
    let mut server = Server::start(always(json!({ "id": 18, "user_id": 7 })));
    server.url.set_path("/kisi/");
    assert_eq!(
        server.client().organization().await.unwrap().user_id,
        Some(7)
    );
    assert_eq!(server.last().line(), "GET /kisi/organization");
}

#[tokio::test]
async fn a_person_is_found_by_the_exact_address() {
    let user =
        |id: i64, email: &str| json!({ "id": id, "email": email, "access_enabled": id != 3 });
    let users = move |request: &Request| {
        assert_eq!(request.query("email").as_deref(), Some("ada+1@example.com"));
        assert_eq!(request.number("limit"), 100);
        let offset = request.number("offset").cast_signed();
        let page: Vec<Value> = if offset == 0 {
            (100..200)
                .map(|id| user(id, &format!("no-{id}-ada+1@example.com")))
                .collect()
        } else {
            vec![
                user(3, "Ada+1@Example.com"),
                user(4, "ada+1@example.com.invalid"),
            ]
        };
        Reply::json(200, json!(page))
    };
    let ada = Server::start(users)
        .client()
        .user_by_email(" ADA+1@example.com ")
        .await;
    let ada = ada.unwrap().unwrap();
    assert_eq!(
        (ada.id, ada.name.as_str(), ada.access_enabled),
        (3, "", false)
    );

    let others = Server::start(always(json!([user(1, "adam@example.com")]))).client();
    assert_eq!(others.user_by_email("ada@example.com").await.unwrap(), None);
    let both = json!([user(1, "ada@example.com"), user(2, "Ada@example.com")]);
    let both = Server::start(always(both)).client();
    assert!(both.user_by_email("ada@example.com").await.is_err());
}

#[tokio::test]
async fn a_new_user_has_the_given_fields() {
    let server = Server::start(always(json!({ "id": 5, "email": "a@b.c", "name": "A" })));
    let mut new = NewUser {
        email: "a@b.c".to_owned(),
        name: "A".to_owned(),
        send_emails: false,
    };
    assert!(
        server
            .client()
            .create_user(&new)
            .await
            .unwrap()
            .access_enabled
    );
    let user = json!({ "email": "a@b.c", "name": "A", "send_emails": false, "confirm": true });
    assert_eq!(server.last().body, json!({ "user": user }));
    new.name.clear();
    server.client().create_user(&new).await.unwrap();
    assert_eq!(server.last().body["user"].get("name"), None);
}

#[tokio::test]
async fn assignments_are_read_in_both_dialects() {
    let rows = json!([
        current(),
        legacy(2, "group_id"),
        legacy(3, "place_id"),
        legacy(4, "organization_id"),
        { "id": 5, "applies_to_type": "Team", "applies_to_id": 1, "user_id": 881001 },
        { "id": 6, "applies_to_type": "Group", "applies_to_id": 5, "assignee_type": "Team",
          "assignee_id": 881001, "user_id": null },
        { "id": 7, "applies_to_type": "Group", "applies_to_id": 5, "assignee_type": "User",
          "assignee_id": 1 },
    ]);
    let server = Server::start(always(rows));
    let assignments = server
        .client()
        .assignments(AssignmentFilter::User(881_001))
        .await
        .unwrap();
    let request = server.last();
    assert_eq!(request.query("assignee_type").as_deref(), Some("User"));
    assert_eq!(
        (request.number("assignee_id"), request.number("limit")),
        (881_001, 250)
    );
    // 5 applies to an unsupported object, 6 belongs to a team, 7 to another user.
    assert_eq!(
        assignments.iter().map(|row| row.id).collect::<Vec<_>>(),
        [2, 3, 4, 990_001]
    );
    assert_eq!(assignments[3].applies_to, AppliesTo::Group(45274));
    assert_eq!(
        (assignments[3].user_id, assignments[3].created_by_id),
        (Some(881_001), Some(7))
    );
    assert_eq!(assignments[3].valid_from, at("2026-03-01T09:00:00Z"));
    assert_eq!(assignments[3].valid_until, at("2026-03-01T12:00:00Z"));
    let rest: Vec<_> = assignments[..3].iter().map(|row| row.applies_to).collect();
    assert_eq!(
        rest,
        [
            AppliesTo::Group(5),
            AppliesTo::Place(5),
            AppliesTo::Organization(5)
        ]
    );
    assert_eq!(
        (assignments[0].valid_from, assignments[0].valid_until),
        (None, None)
    );
}

#[tokio::test]
async fn assignments_are_filtered_by_their_target() {
    let server = Server::start(always(json!([current(), legacy(3, "place_id")])));
    let client = server.client();
    let of = |filter| client.assignments(filter);
    assert_eq!(of(AssignmentFilter::Group(45274)).await.unwrap().len(), 1);
    let request = server.last();
    assert_eq!(request.query("applies_to_type").as_deref(), Some("Group"));
    assert_eq!(request.number("applies_to_id"), 45274);
    assert_eq!(of(AssignmentFilter::Place(5)).await.unwrap().len(), 1);
    assert_eq!(of(AssignmentFilter::Place(45274)).await.unwrap().len(), 0);
    assert_eq!(of(AssignmentFilter::Organization).await.unwrap().len(), 0);
    assert_eq!(server.last().query("applies_to_id"), None);
}

#[tokio::test]
async fn a_last_date_is_an_open_end_and_a_first_one_an_open_start() {
    let row = |from: &str, until: &str| json!({ "id": 1, "user_id": 2, "group_id": 3, "valid_from": from, "valid_until": until });
    for (from, until, window) in [
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", (None, None)),
        (
            "0001-01-01T00:00:00.000+05:00",
            "9999-12-31T23:59:59.999-08:00",
            (None, None),
        ),
        (
            "9999-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            (at("9999-01-01T00:00:00Z"), at("0002-01-01T00:00:00Z")),
        ),
        (
            "1900-01-01T00:00:00Z",
            "2999-12-31T23:59:59Z",
            (at("1900-01-01T00:00:00Z"), at("2999-12-31T23:59:59Z")),
        ),
    ] {
        let server = Server::start(always(json!([row(from, until)])));
        let listed = server.client().assignments(AssignmentFilter::User(2)).await;
        let listed = listed.unwrap();
        assert_eq!(
            (listed[0].valid_from, listed[0].valid_until),
            window,
            "{from} {until}"
        );
    }
}

#[tokio::test]
async fn an_unreadable_end_is_never_open() {
    for odd in [json!("soon"), json!(""), json!(17), json!("2026-03-01")] {
        let row = json!({ "id": 1, "user_id": 2, "group_id": 3, "valid_until": odd });
        let server = Server::start(always(json!([row])));
        let error = server
            .client()
            .assignments(AssignmentFilter::User(2))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{odd}: {error:?}");
    }
    let nowhere = json!([{ "id": 1, "user_id": 2 }]);
    let server = Server::start(always(nowhere));
    server
        .client()
        .assignments(AssignmentFilter::User(2))
        .await
        .unwrap_err();
}

fn new(applies_to: AppliesTo) -> NewAssignment {
    NewAssignment {
        user: 881_001,
        applies_to,
        role_id: "group_basic".to_owned(),
        valid_from: None,
        valid_until: None,
        notify: false,
    }
}

#[tokio::test]
async fn windows_are_sent_in_whole_seconds_that_cover_them() {
    let server = Server::start(always(current()));
    let client = server.client();
    let mut group = new(AppliesTo::Group(45274));
    group.valid_from = at("2026-03-01T10:00:00.9+01:00");
    group.valid_until = at("2026-03-01T12:00:00.000000001Z");
    assert_eq!(client.create_assignment(&group).await.unwrap().id, 990_001);
    let expected = json!({ "role_assignment": {
        "assignee_type": "User", "assignee_id": 881001, "applies_to_type": "Group",
        "applies_to_id": 45274, "role_id": "group_basic", "notify": false,
        "valid_from": "2026-03-01T09:00:00Z", "valid_until": "2026-03-01T12:00:01Z",
    }});
    assert_eq!(server.last().line(), "POST /role_assignments");
    assert_eq!(server.last().body, expected);
    let kept = as_stored(group.valid_from, group.valid_until);
    assert_eq!(
        kept,
        (at("2026-03-01T09:00:00Z"), at("2026-03-01T12:00:01Z"))
    );

    client
        .create_assignment(&new(AppliesTo::Group(45274)))
        .await
        .unwrap();
    let sent = server.last();
    assert_eq!(
        sent.body["role_assignment"].get("valid_from"),
        Some(&Value::Null)
    );
    assert_eq!(
        sent.body["role_assignment"].get("valid_until"),
        Some(&Value::Null)
    );
}

#[tokio::test]
async fn no_window_is_sent_for_places_and_the_organization() {
    let server = Server::start(always(legacy(3, "place_id")));
    let client = server.client();
    for applies_to in [AppliesTo::Place(5), AppliesTo::Organization(5)] {
        client.create_assignment(&new(applies_to)).await.unwrap();
        assert_eq!(
            server.last().body["role_assignment"].get("valid_from"),
            None
        );
        let mut windowed = new(applies_to);
        windowed.valid_until = at("2026-03-01T12:00:00Z");
        let error = client.create_assignment(&windowed).await.unwrap_err();
        assert!(matches!(error, Error::Unprocessable { .. }), "{error:?}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_window_is_changed_and_an_assignment_deleted_by_id() {
    let server = Server::start(|_| Reply::empty(204));
    let client = server.client();
    client
        .change_window(9, at("2026-03-01T09:00:00.5Z"), None)
        .await
        .unwrap();
    assert_eq!(server.last().line(), "PATCH /role_assignments/9");
    let window = json!({ "valid_from": "2026-03-01T09:00:00Z", "valid_until": null });
    assert_eq!(server.last().body, json!({ "role_assignment": window }));
    client.delete_assignment(9).await.unwrap();
    assert_eq!(server.last().line(), "DELETE /role_assignments/9");
}

#[tokio::test]
async fn the_setup_is_read_even_if_kisi_leaves_out_fields() {
    let server = Server::start(|request| match request.url.path() {
        "/roles" => Reply::json(
            200,
            json!([
                { "id": "group_basic", "applies_to": "Group",
                  "permissions": { "a": true, "b": null, "c": 3 } },
                { "id": "odd" },
            ]),
        ),
        "/group_locks" => Reply::json(
            200,
            json!([
                { "id": 1, "group_id": request.number("group_id"), "lock_id": 4 },
                { "id": 2, "group_id": 999, "lock_id": 5 },
            ]),
        ),
        _ => Reply::json(200, json!([{ "id": 1, "name": "x", "description": null }])),
    });
    let client = server.client();
    let roles = client.roles().await.unwrap();
    assert_eq!(
        roles[0].permissions.iter().collect::<Vec<_>>(),
        [
            (&"a".to_owned(), &Some(true)),
            (&"b".to_owned(), &None),
            (&"c".to_owned(), &None)
        ]
    );
    let locks = client.locks().await.unwrap();
    assert_eq!(
        (locks[0].online, locks[0].reader_restriction_enabled),
        (None, None)
    );
    let groups = client.groups().await.unwrap();
    assert!(groups[0].login_enabled && !groups[0].reader_restriction_enabled);
    assert_eq!(server.last().number("limit"), 250);
    let inside = client.group_locks(8).await.unwrap();
    assert_eq!(
        inside.iter().map(|row| row.lock_id).collect::<Vec<_>>(),
        [4]
    );
    assert!(client.integrations().await.unwrap()[0].enabled);
}

#[tokio::test]
async fn unlock_and_webhook() {
    let server = Server::start(|request| match request.url.path() {
        "/locks/2006/unlock" => Reply::json(200, json!({ "message": "Unlocked!" })),
        _ => Reply::json(200, json!({ "id": 4, "type": "event_webhook" })),
    });
    let client = server.client();
    client.unlock(2006, None).await.unwrap();
    assert_eq!(
        (server.last().line().as_str(), &server.last().body),
        ("POST /locks/2006/unlock", &json!({}))
    );
    let (url, key) = (
        "https://club.example/kisi".parse().unwrap(),
        "k".to_owned().into(),
    );
    let made = client
        .create_event_webhook(&url, &key, &["lock.unlock"])
        .await
        .unwrap();
    assert_eq!((made.id, made.kind.as_str()), (4, "event_webhook"));
    let sent = server.last();
    assert_eq!(sent.body["integration"]["signature_key"], "k");
    assert_eq!(
        sent.body["integration"]["enabled_events"],
        json!(["lock.unlock"])
    );
}

#[tokio::test]
async fn logins_return_secrets_and_send_only_required_fields() {
    let server = Server::start(always(
        json!({ "id": 1, "secret": "new", "authentication_token": "old" }),
    ));
    let login = Login {
        email: "owner@example.com".to_owned(),
        password: "pw".to_owned().into(),
        domain: "club".to_owned(),
        otp: Some("123456".to_owned()),
    };
    let http = http_client(Duration::from_secs(2)).unwrap();
    let secret = log_in(server.url.clone(), http, Pacer::new(5), &login)
        .await
        .unwrap();
    assert_eq!(secret.secret.expose_secret(), "new");
    let sent = server.last();
    assert_eq!(sent.header("authorization"), None);
    assert_eq!(
        sent.body,
        json!({
            "login": { "type": "api", "name": "Latchkey", "expire": false },
            "user": { "domain": "club", "email": "owner@example.com", "password": "pw",
                      "otp_attempt": "123456" },
        })
    );
    assert!(!format!("{login:?} {secret:?}").contains("pw"));

    server
        .client()
        .create_login_on_behalf("ada@example.com")
        .await
        .unwrap();
    let sent = server.last();
    assert_eq!(sent.body["login"]["type"], "device");
    assert_eq!(sent.body["login"]["email"], "ada@example.com");
    assert_eq!(sent.body.get("user"), None);
    let old = Server::start(always(json!({ "authentication_token": "old" }))).client();
    assert_eq!(
        old.create_login_on_behalf("a@b.c")
            .await
            .unwrap()
            .secret
            .expose_secret(),
        "old"
    );
}
