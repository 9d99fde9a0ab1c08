//! Sources whose API is read: the data opens and closes doors, an unsigned webhook only triggers a reading, and a reading that
//! fails in any way changes nothing.

use jiff::ToSpan;
use latchkey::{ingest::signature, store::row::SignatureScheme};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{
    api::{Signed, Source, WebhookResponse, eventually},
    world::World,
};

mod any_order;
mod check_ins;
mod clubspot;
mod faults;
mod killed;
mod problems;
mod spacebring;
mod suggestions;
mod teamup;

on_both!(
    teamup_is_read_and_its_webhooks_are_nudges,
    spacebring_is_read_whole,
    clubspot_is_read_on_schedule,
    spacebrings_events_are_used_without_api_access,
    nudges_are_bounded_and_nothing_of_them_is_kept,
    a_reading_that_has_collapsed_waits_for_an_admin,
    a_reading_that_has_collapsed_once_is_forgotten,
    an_empty_first_reading_takes_nothing_that_events_gave,
);

/// Creates a source whose API is read, in a club where every membership gives access to the group Members.
async fn a_club(world: &mut World, platform: &str, credentials: Value) -> Source {
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world
        .emails
        .extend(["ada", "bob", "cy"].map(|name| format!("{name}@example.com")));
    a_source(world, platform, Some(credentials)).await
}

pub(super) async fn a_source(world: &World, platform: &str, credentials: Option<Value>) -> Source {
    let input = json!({ "name": platform, "platform": platform, "credentials": credentials });
    let selection = "source { id webhookPath signature readEvery } secret";
    let payload = world
        .api
        .mutate(
            "createSource",
            &[("input", "CreateSourceInput!", input)],
            selection,
        )
        .await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Source {
        id: text(&payload["source"]["id"]),
        path: text(&payload["source"]["webhookPath"]),
        secret: SecretString::from(text(&payload["secret"])),
    }
}

/// When the source was last read, and its problem.
pub(super) async fn state(world: &World, source: &Source) -> (Value, Value) {
    let query = "query($id: ID!) { node(id: $id) { ... on Source { lastReadAt problem } } }";
    let response = world.api.query(query, json!({ "id": source.id })).await;
    (
        response["node"]["lastReadAt"].clone(),
        response["node"]["problem"].clone(),
    )
}

/// Waits until the source was read at the present time of the test's clock or later, and the work that follows is done.
pub(super) async fn read(world: &World, source: &Source) {
    let now = world.now();
    let ask = async || {
        let at = state(world, source).await.0;
        at.as_str()
            .and_then(|at| at.parse::<jiff::Timestamp>().ok())
            .filter(|at| *at >= now)
    };
    eventually(ask, async || format!("{:?}", state(world, source).await)).await;
    world.settled().await;
}

/// Reads again an hour later, on an admin's request.
pub(super) async fn read_again(world: &World, source: &Source) {
    world.turn_to(world.now() + 1.hour());
    request_reading(world, source).await;
    read(world, source).await;
}

pub(super) async fn request_reading(world: &World, source: &Source) {
    world
        .api
        .mutate(
            "readSource",
            &[("source", "ID!", json!(source.id))],
            "source { id }",
        )
        .await;
}

/// The number of deliveries that are a whole snapshot.
async fn snapshots(world: &World) -> usize {
    let query = "{ deliveries(first: 100) { nodes { eventType } } }";
    let response = world.api.query(query, json!({})).await;
    let nodes = response["deliveries"]["nodes"].as_array().unwrap();
    let whole = |node: &&Value| node["eventType"] == "roster.snapshot";
    nodes.iter().filter(whole).count()
}

fn in_kisi(world: &World) -> [usize; 3] {
    ["ada", "bob", "cy"].map(|name| {
        world
            .sandbox
            .assignments_of(&format!("{name}@example.com"))
            .len()
    })
}

pub(super) fn customer(id: u64, name: &str) -> Value {
    json!({ "id": id, "object": "customer", "email": format!("{name}@example.com"), "first_name": name, "last_name": null })
}

pub(super) fn customer_membership(id: u64, customer: u64, status: &str) -> Value {
    json!({
        "id": id, "name": "Gold", "status": status, "customer": customer, "membership": { "id": 5, "name": "Gold" },
        "start_date": "2025-01-01", "expiration_date": null, "shared_with": [],
    })
}

async fn a_teamup(world: &mut World) -> Source {
    world
        .platform
        .list("customers", json!([customer(1, "ada"), customer(2, "bob")]));
    world.platform.list(
        "customer_memberships",
        json!([
            customer_membership(10, 1, "active"),
            customer_membership(11, 2, "hold")
        ]),
    );
    a_club(world, "TEAMUP", json!({ "teamUp": { "token": "key" } })).await
}

async fn nudge(world: &World, source: &Source, id: &str) -> WebhookResponse {
    let who = json!({ "email": "cy@example.com", "first_name": "cy" });
    let lie = json!({ "feed_items": [{ "object": "feed_item", "id": 1, "person": who }] });
    nudge_of(world, source, id, &lie).await
}

pub(super) async fn nudge_of(
    world: &World,
    source: &Source,
    id: &str,
    body: &Value,
) -> WebhookResponse {
    let signed = Signed {
        headers: vec![("teamup-webhook-id".to_owned(), id.to_owned())],
        body: body.to_string().into_bytes(),
    };
    world.api.deliver(source, signed).await
}

async fn teamup_is_read_and_its_webhooks_are_nudges(world: &mut World) {
    world.platform.rows(1);
    let source = a_teamup(world).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
    assert_eq!(
        world.platform.asked("customers").len(),
        2,
        "both pages were read"
    );

    // Readings are at least 30 s apart, so one reading answers all nudges before it.
    let begun = world.platform.asked("customers").len();
    world.platform.list(
        "customer_memberships",
        json!([customer_membership(11, 2, "active")]),
    );
    for (id, word) in [
        ("a", (202, "accepted")),
        ("b", (202, "accepted")),
        ("a", (200, "duplicate")),
    ] {
        assert_eq!(nudge(world, &source, id).await.word(), word);
    }
    world.turn_to(world.now() + 31.seconds());
    read(world, &source).await;
    assert_eq!(
        in_kisi(world),
        [0, 1, 0],
        "the nudge's own content is ignored"
    );
    assert_eq!(world.platform.asked("customers").len() - begun, 2);
    assert_eq!(world.api.member("cy@example.com").await, None);
    let query = "{ deliveries(first: 20) { nodes { eventType status } } }";
    let response = world.api.query(query, json!({})).await;
    let kinds: Vec<&str> = response["deliveries"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["eventType"].as_str().unwrap())
        .collect();
    let count = |kind: &str| kinds.iter().filter(|one| **one == kind).count();
    assert_eq!(
        (count("roster.snapshot"), count("nudge")),
        (1, 2),
        "{kinds:?}"
    );
    assert_eq!(
        (
            count("membership.updated"),
            count("membership.deleted"),
            count("member.updated")
        ),
        (1, 1, 0),
        "events for changes only"
    );

    // Registrations for a class, and for an event that is held online.
    let group = world.manage("Simulator bookings").await;
    world
        .rule(&group, json!([{ "registration": { "kinds": ["CLASS"] } }]))
        .await;
    let event = |id: u64, online: bool| {
        json!({
            "id": id, "name": "Spin", "starts_at": (world.now() + 3.hours()).to_string(), "ends_at": (world.now() + 4.hours()).to_string(),
            "status": "active", "is_appointment": false, "offering_type": { "id": 3, "name": "Spin" },
            "venue": { "id": 4, "name": "Pier", "timezone": "Europe/Berlin", "is_online": online },
        })
    };
    world.platform.list("attendances", json!([
        { "id": 20, "customer": 1, "event": event(30, false), "status": "registered", "waitlist_spot": null },
        { "id": 21, "customer": 2, "event": event(31, true), "status": "registered", "waitlist_spot": null },
    ]));
    read_again(world, &source).await;
    assert_eq!(
        in_kisi(world),
        [1, 1, 0],
        "ada has access by her class, bob only by his membership"
    );

    // An admin's request sends a whole snapshot. A day alone does not where all data came from readings.
    let snapshots = snapshots(world).await;
    assert_eq!(snapshots, 2);
    world.turn_to(world.now() + 25.hours());
    read(world, &source).await;
    assert_eq!(self::snapshots(world).await, snapshots);
}

pub(super) fn user(name: &str) -> Value {
    json!({ "id": format!("user-{name}"), "email": format!("{name}@example.com"), "name": name, "surname": "Doe" })
}

pub(super) fn works_at(name: &str, company: Option<&str>) -> Value {
    json!({ "id": format!("in-{name}"), "userRef": format!("user-{name}"), "user": user(name), "companyRef": company, "status": "approved" })
}

async fn spacebring_is_read_whole(world: &mut World) {
    let of_company = json!({
        "id": "s1", "status": "active", "subscriptionType": "company", "customer": { "id": "acme", "type": "company", "title": "Acme" },
        "customerRef": "acme", "startDate": "2025-01-01T00:00:00+01:00", "locationRef": "hq",
        "items": [{ "id": "i1", "planRef": "desks", "plan": { "id": "desks", "title": "Desks" } }],
    });
    world.platform.list(
        "locations/v1",
        json!([{ "id": "hq", "title": "HQ", "timezoneId": "Europe/Berlin" }]),
    );
    world.platform.list(
        "community/companies/v1",
        json!([{ "id": "acme", "title": "Acme" }]),
    );
    world.platform.list(
        "community/memberships/v1",
        json!([
            works_at("ada", Some("acme")),
            works_at("bob", Some("acme")),
            works_at("cy", None)
        ]),
    );
    world.platform.list("subscriptions/v1", json!([of_company]));
    world.platform.rows(2);
    let source = a_club(
        world,
        "SPACEBRING",
        json!({ "spacebring": { "clientId": "id", "clientSecret": "key" } }),
    )
    .await;
    read(world, &source).await;
    assert_eq!(
        in_kisi(world),
        [1, 1, 0],
        "everybody in the company has access"
    );
    let request = &world.platform.asked("subscriptions/v1")[0];
    assert_eq!(request.query["status"], "active,scheduled");

    // No event reports that somebody leaves a company.
    world.platform.list(
        "community/memberships/v1",
        json!([
            works_at("ada", Some("acme")),
            works_at("bob", None),
            works_at("cy", None)
        ]),
    );
    read_again(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 0]);

    let group = world.manage("Simulator bookings").await;
    world.rule(&group, json!([{ "registration": { "kinds": ["ROOM"], "opensBefore": "PT30M", "guests": true } }])).await;
    world.turn_to(world.now() + 1.minute());
    world.platform.list(
        "resources/v1",
        json!([{ "id": "oak", "title": "Oak", "type": "meetingRoom" }]),
    );
    let booking = json!({
        "id": "b1", "startDate": (world.now() + 2.hours()).to_string(), "endDate": (world.now() + 3.hours()).to_string(),
        "resourceRef": "oak", "userOwner": user("cy"), "attendees": [{ "membershipRef": null, "user": user("bob") }],
    });
    world
        .platform
        .list("resources/bookings/v1", json!([booking]));
    // The source's API is read, so the event only triggers a reading.
    let event =
        json!({ "type": "booking.created", "booking": { "id": "other", "resourceRef": "elm" } });
    let body = event.to_string().into_bytes();
    let headers = signature::sign(
        SignatureScheme::Svix,
        &source.secret,
        "msg_1",
        world.clock.now(),
        &body,
    )
    .unwrap();
    let answer = world.api.deliver(&source, Signed { headers, body }).await;
    assert_eq!(answer.word(), (202, "accepted"));
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 1, 1]);
}

pub(super) fn clubspot_member(name: &str, status: &str) -> Value {
    json!({
        "id": format!("m-{name}"), "club_id": "club", "first_name": name, "last_name": "Doe", "email": format!("{name}@example.com"),
        "membership": { "id": "household", "status": status, "category": "Full" }, "member_tags": ["range"],
    })
}

async fn clubspot_is_read_on_schedule(world: &mut World) {
    world.platform.list(
        "members",
        json!([
            clubspot_member("ada", "active"),
            clubspot_member("bob", "Active"),
            clubspot_member("cy", "cancelled")
        ]),
    );
    world.platform.rows(2);
    let source = a_club(
        world,
        "CLUBSPOT",
        json!({ "clubspot": { "apiKey": "key", "clubId": "club" } }),
    )
    .await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 1, 0]);
    assert!(
        world
            .platform
            .asked("members")
            .iter()
            .all(|asked| asked.query["club_id"] == "club")
    );
    world.platform.list(
        "members",
        json!([
            clubspot_member("ada", "active"),
            clubspot_member("cy", "active")
        ]),
    );
    world.turn_to(world.now() + 1.hour());
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 1]);

    // Another event changed the data meanwhile: the daily snapshot restores what was read.
    let lie = json!({ "id": "m-ada", "tags": ["pool"] });
    world.send(&source, "member.updated", lie).await;
    world.turn_to(world.now() + 25.hours());
    read(world, &source).await;
    assert_eq!(snapshots(world).await, 2);
    let query = "{ member(email: \"ada@example.com\") { tags } }";
    let response = world.api.query(query, json!({})).await;
    assert_eq!(response["member"]["tags"], json!(["range"]));
}

/// Waits until the source's problem contains this text.
async fn problem(world: &World, source: &Source, words: &str) {
    let ask = async || {
        let problem = state(world, source).await.1;
        problem
            .as_str()
            .is_some_and(|problem| problem.contains(words))
            .then_some(())
    };
    eventually(ask, async || {
        format!("{words}: {:?}", state(world, source).await)
    })
    .await;
    world.settled().await;
}

async fn svix(world: &mut World, source: &Source, body: Value) {
    svix_now(world, source, body).await;
    world.turn_to(world.now() + 1.second());
}

pub(super) async fn svix_now(world: &mut World, source: &Source, body: Value) {
    let id = world.next_id();
    let body = body.to_string().into_bytes();
    let now = world.clock.now();
    let headers = signature::sign(SignatureScheme::Svix, &source.secret, &id, now, &body).unwrap();
    let answer = world.api.deliver(source, Signed { headers, body }).await;
    assert_eq!(answer.word(), (202, "accepted"));
}

async fn spacebrings_events_are_used_without_api_access(world: &mut World) {
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world
        .emails
        .extend(["ada", "bob"].map(|name| format!("{name}@example.com")));
    let source = a_source(world, "SPACEBRING", None).await;
    assert!(
        state(world, &source)
            .await
            .1
            .as_str()
            .unwrap()
            .contains("give credentials")
    );
    let subscription = |more: Value| {
        let subscription = json!({
            "id": "s1", "companyRef": "acme", "locationRef": "hq", "startDate": "2025-01-01T00:00:00+01:00", "period": "month",
            "timezoneId": "Europe/Berlin", "items": [],
        });
        crate::support::event::with(subscription, more)
    };
    for body in [
        subscription(json!({})),
        json!({ "type": "company.created", "company": { "id": "acme", "title": "Acme" } }),
        json!({ "type": "membership.created", "membership": works_at("ada", Some("acme")) }),
        json!({ "type": "membership.created", "membership": works_at("bob", None) }),
        json!({ "type": "shop.order.created", "order": {} }),
    ] {
        svix(world, &source, body).await;
    }
    world.settled().await;
    assert_eq!(
        in_kisi(world),
        [1, 0, 0],
        "everybody in the company has access"
    );
    let deleted = world.now().to_string();
    svix(
        world,
        &source,
        subscription(json!({ "deleteDate": deleted })),
    )
    .await;
    world.settled().await;
    assert_eq!(in_kisi(world), [0, 0, 0]);
    let arguments = [("source", "ID!", json!(source.id))];
    assert_eq!(
        world.api.refusals("readSource", &arguments).await,
        ["INVALID"]
    );
}

async fn nudges_are_bounded_and_nothing_of_them_is_kept(world: &mut World) {
    let source = a_teamup(world).await;
    read(world, &source).await;
    for number in 0..30 {
        let signed = Signed {
            headers: vec![("teamup-webhook-id".to_owned(), format!("n{number}"))],
            body: vec![b'x'; 100_000],
        };
        let answer = world.api.deliver(&source, signed).await;
        assert_eq!(answer.word(), (202, "accepted"), "{number}");
    }
    for _ in 0..3 {
        let unnamed = Signed {
            headers: Vec::new(),
            body: vec![b'x'; 100],
        };
        let answer = world.api.deliver(&source, unnamed).await;
        assert_eq!(answer.word(), (202, "accepted"));
    }
    let query = "{ club { id } deliveries(first: 100) { nodes { id eventType } } }";
    let response = world.api.query(query, json!({})).await;
    let club = response["club"]["id"].as_str().unwrap();
    let scope = latchkey::store::ClubScope::new(
        latchkey::id::decode_as(latchkey::id::Kind::Club, club).unwrap(),
    );
    let nodes = response["deliveries"]["nodes"].as_array().unwrap();
    let nudges = nodes.iter().filter(|node| node["eventType"] == "nudge");
    let mut count = 0;
    for node in nudges {
        let id = node["id"].as_str().unwrap();
        let id = latchkey::id::decode_as(latchkey::id::Kind::Delivery, id).unwrap();
        let row = latchkey::store::lookup::by_id::<latchkey::store::row::Delivery>(
            world.app().db.read(),
            scope,
            id,
        )
        .await;
        assert!(row.unwrap().unwrap().body.is_empty());
        count += 1;
    }
    assert!(count <= 9, "{count} rows of nudges for one reading");
    let begun = world.platform.asked("customers").len();
    world.platform.list(
        "customer_memberships",
        json!([
            customer_membership(11, 2, "active"),
            customer_membership(10, 1, "active")
        ]),
    );
    world.turn_to(world.now() + 31.seconds());
    read(world, &source).await;
    assert_eq!(world.platform.asked("customers").len() - begun, 1);
    assert_eq!(in_kisi(world), [1, 1, 0]);
}

async fn three_in_teamup(world: &mut World) -> Source {
    let customers = json!([customer(1, "ada"), customer(2, "bob"), customer(3, "cy")]);
    world.platform.list("customers", customers);
    let memberships = json!([
        customer_membership(10, 1, "active"),
        customer_membership(11, 2, "active"),
        customer_membership(12, 3, "active")
    ]);
    world.platform.list("customer_memberships", memberships);
    let source = a_club(world, "TEAMUP", json!({ "teamUp": { "token": "key" } })).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 1, 1]);
    source
}

async fn needs_confirmation(world: &World, source: &Source) -> bool {
    let query = "query($id: ID!) { node(id: $id) { ... on Source { readingNeedsConfirmation } } }";
    let response = world.api.query(query, json!({ "id": source.id })).await;
    response["node"]["readingNeedsConfirmation"]
        .as_bool()
        .unwrap()
}

async fn a_reading_that_has_collapsed_waits_for_an_admin(world: &mut World) {
    let source = three_in_teamup(world).await;
    let confirm = [("source", "ID!", json!(source.id))];
    // The people are listed, but none of their memberships.
    world.platform.list("customer_memberships", json!([]));
    world.turn_to(world.now() + 1.hour());
    request_reading(world, &source).await;
    problem(world, &source, "no longer lists 3 of 3 memberships").await;
    assert!(!needs_confirmation(world, &source).await);
    assert_eq!(
        world.api.refusals("confirmReading", &confirm).await,
        ["INVALID"],
        "a second reading has to come first"
    );
    world.turn_to(world.now() + 31.seconds());
    problem(world, &source, "confirmReading").await;
    assert!(needs_confirmation(world, &source).await);
    // Another reading confirms nothing.
    world.turn_to(world.now() + 1.hour());
    let begun = world.platform.asked("customers").len();
    request_reading(world, &source).await;
    let again = async || (world.platform.asked("customers").len() > begun).then_some(());
    eventually(again, async || "the source is not read".to_owned()).await;
    world.settled().await;
    assert_eq!(in_kisi(world), [1, 1, 1], "nothing has changed");
    let app = world.api.token("APP").await;
    let refused = app.query_raw(
        "mutation($s: ID!) { confirmReading(source: $s) { source { id } } }",
        json!({ "s": source.id }),
    );
    assert_eq!(
        refused.await["errors"][0]["extensions"]["code"],
        "FORBIDDEN"
    );
    world.turn_to(world.now() + 1.minute());
    world
        .api
        .mutate("confirmReading", &confirm, "source { id }")
        .await;
    read(world, &source).await;
    assert_eq!(state(world, &source).await.1, Value::Null);
    assert!(!needs_confirmation(world, &source).await);
    assert_eq!(in_kisi(world), [0, 0, 0]);
}

async fn a_reading_that_has_collapsed_once_is_forgotten(world: &mut World) {
    let source = three_in_teamup(world).await;
    world
        .platform
        .list("customers", json!([customer(1, "ada")]));
    world.turn_to(world.now() + 1.hour());
    request_reading(world, &source).await;
    problem(world, &source, "no longer lists 2 of 3 members").await;
    let customers = json!([customer(1, "ada"), customer(2, "bob"), customer(3, "cy")]);
    world.platform.list("customers", customers);
    world.turn_to(world.now() + 31.seconds());
    read(world, &source).await;
    assert_eq!(state(world, &source).await.1, Value::Null);
    assert_eq!(in_kisi(world), [1, 1, 1]);
    world.platform.list("customers", json!([]));
    world.turn_to(world.now() + 1.hour());
    request_reading(world, &source).await;
    problem(world, &source, "read again automatically").await;
    assert!(!needs_confirmation(world, &source).await);
}

async fn an_empty_first_reading_takes_nothing_that_events_gave(world: &mut World) {
    world.platform.list("members", json!([]));
    let source = a_club(
        world,
        "CLUBSPOT",
        json!({ "clubspot": { "apiKey": "wrong", "clubId": "club" } }),
    )
    .await;
    problem(world, &source, "refuses the credentials").await;
    let data = crate::support::event::membership("m1", "ada");
    world.send(&source, "membership.updated", data).await;
    world.settled().await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
    world.platform.key("wrong");
    world.turn_to(world.now() + 1.hour());
    request_reading(world, &source).await;
    problem(world, &source, "no longer lists 1 of 1 members").await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
}
