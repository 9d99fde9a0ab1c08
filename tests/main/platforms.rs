//! Platforms whose APIs are read: what is read opens and closes doors, an unsigned webhook is a reason to read and nothing more,
//! and from a reading that goes wrong in any way nothing is concluded.

use jiff::ToSpan;
use latchkey::{ingest::signature, store::row::SignatureScheme};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{
    api::{Answer, Signed, Source, eventually},
    world::World,
};

mod faults;

on_both!(
    teamup_is_read_and_its_webhooks_are_nudges,
    spacebring_is_read_whole,
    clubspot_is_read_by_its_time,
    spacebrings_events_are_believed_where_nothing_is_read,
    nudges_are_bounded_and_nothing_of_them_is_kept,
    a_reading_that_has_collapsed_waits_for_an_admin,
    a_reading_that_has_collapsed_once_is_forgotten,
    an_empty_first_reading_takes_nothing_from_whom_events_told_of,
);

/// Makes a source whose API is read, and a club where any membership opens the group Members.
async fn a_club(world: &mut World, platform: &str, credentials: Value) -> Source {
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world
        .people
        .extend(["ada", "bob", "cy"].map(|name| format!("{name}@example.com")));
    a_source(world, platform, Some(credentials)).await
}

async fn a_source(world: &World, platform: &str, credentials: Option<Value>) -> Source {
    let input = json!({ "name": platform, "platform": platform, "credentials": credentials });
    let selection = "source { id webhookPath signature readEvery } secret";
    let made = world
        .api
        .change(
            "createSource",
            &[("input", "CreateSourceInput!", input)],
            selection,
        )
        .await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Source {
        id: text(&made["source"]["id"]),
        path: text(&made["source"]["webhookPath"]),
        secret: SecretString::from(text(&made["secret"])),
    }
}

/// When the source was last read, and what is wrong with it.
async fn state(world: &World, source: &Source) -> (Value, Value) {
    let query = "query($id: ID!) { node(id: $id) { ... on Source { lastReadAt problem } } }";
    let found = world.api.ask(query, json!({ "id": source.id })).await;
    (
        found["node"]["lastReadAt"].clone(),
        found["node"]["problem"].clone(),
    )
}

/// Waits until the source was read at this moment of the world, or later, and all that follows from it is done.
async fn read(world: &World, source: &Source) {
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

/// An hour later, at an admin's word.
async fn read_again(world: &World, source: &Source) {
    world.turn_to(world.now() + 1.hour());
    order(world, source).await;
    read(world, source).await;
}

async fn order(world: &World, source: &Source) {
    world
        .api
        .change(
            "readSource",
            &[("source", "ID!", json!(source.id))],
            "source { id }",
        )
        .await;
}

/// How often all that was read was said.
async fn snapshots(world: &World) -> usize {
    let query = "{ deliveries(first: 100) { nodes { eventType } } }";
    let found = world.api.ask(query, json!({})).await;
    let nodes = found["deliveries"]["nodes"].as_array().unwrap();
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

fn customer(id: u64, name: &str) -> Value {
    json!({ "id": id, "object": "customer", "email": format!("{name}@example.com"), "first_name": name, "last_name": null })
}

fn holds(id: u64, customer: u64, status: &str) -> Value {
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
        json!([holds(10, 1, "active"), holds(11, 2, "hold")]),
    );
    a_club(world, "TEAMUP", json!({ "teamUp": { "token": "key" } })).await
}

async fn nudge(world: &World, source: &Source, id: &str) -> Answer {
    let lie = json!({ "feed_items": [{ "object": "feed_item", "id": 1, "customer": customer(9, "cy") }] });
    let signed = Signed {
        headers: vec![("teamup-webhook-id", id.to_owned())],
        body: lie.to_string().into_bytes(),
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
        "paged to its end"
    );

    // While nothing was read for half a minute, one reading answers every nudge before it.
    let begun = world.platform.asked("customers").len();
    world
        .platform
        .list("customer_memberships", json!([holds(11, 2, "active")]));
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
        "and nothing of what the nudge says"
    );
    assert_eq!(world.platform.asked("customers").len() - begun, 2);
    assert_eq!(world.api.member("cy@example.com").await, None);
    let query = "{ deliveries(first: 20) { nodes { eventType status } } }";
    let found = world.api.ask(query, json!({})).await;
    let kinds: Vec<&str> = found["deliveries"]["nodes"]
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
        "what changed alone"
    );

    // Who is registered for a class, and an event that is held online.
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
        "ada by her class, bob by his membership alone"
    );

    // All is said again at an admin's word. Its time alone is no reason to, where nothing but readings spoke.
    let snapshots = snapshots(world).await;
    assert_eq!(snapshots, 2);
    world.turn_to(world.now() + 25.hours());
    read(world, &source).await;
    assert_eq!(self::snapshots(world).await, snapshots);
}

fn user(name: &str) -> Value {
    json!({ "id": format!("user-{name}"), "email": format!("{name}@example.com"), "name": name, "surname": "Doe" })
}

fn works_at(name: &str, company: Option<&str>) -> Value {
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
    assert_eq!(in_kisi(world), [1, 1, 0], "everybody in the company");
    let asked = &world.platform.asked("subscriptions/v1")[0];
    assert_eq!(asked.query["status"], "active,scheduled");

    // Of somebody who leaves a company no event tells.
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
    // The event is only a reason to read, since the API can be.
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

fn sailor(name: &str, status: &str) -> Value {
    json!({
        "id": format!("m-{name}"), "club_id": "club", "first_name": name, "last_name": "Doe", "email": format!("{name}@example.com"),
        "membership": { "id": "household", "status": status, "category": "Full" }, "member_tags": ["range"],
    })
}

async fn clubspot_is_read_by_its_time(world: &mut World) {
    world.platform.list(
        "members",
        json!([
            sailor("ada", "active"),
            sailor("bob", "Active"),
            sailor("cy", "cancelled")
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
        json!([sailor("ada", "active"), sailor("cy", "active")]),
    );
    world.turn_to(world.now() + 1.hour());
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 1]);

    // Somebody else spoke meanwhile: once a day all that was read is said again.
    let lie = json!({ "id": "m-ada", "tags": ["pool"] });
    world.send(&source, "member.updated", lie).await;
    world.turn_to(world.now() + 25.hours());
    read(world, &source).await;
    assert_eq!(snapshots(world).await, 2);
    let query = "{ member(email: \"ada@example.com\") { tags } }";
    let found = world.api.ask(query, json!({})).await;
    assert_eq!(found["member"]["tags"], json!(["range"]));

    world
        .platform
        .list("members", json!([sailor("ada", "resting")]));
    world.turn_to(world.now() + 1.hour());
    problem(world, &source, "a word whose meaning is not known").await;
    assert_eq!(
        in_kisi(world),
        [1, 0, 1],
        "a word that is not known concludes nothing"
    );
}

/// Waits until the source bears a problem with these words.
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
    let id = world.next_id();
    let body = body.to_string().into_bytes();
    let now = world.clock.now();
    let headers = signature::sign(SignatureScheme::Svix, &source.secret, &id, now, &body).unwrap();
    let answer = world.api.deliver(source, Signed { headers, body }).await;
    assert_eq!(answer.word(), (202, "accepted"));
    world.turn_to(world.now() + 1.second());
}

async fn spacebrings_events_are_believed_where_nothing_is_read(world: &mut World) {
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world
        .people
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
    let held = |more: Value| {
        let held = json!({
            "id": "s1", "companyRef": "acme", "locationRef": "hq", "startDate": "2025-01-01T00:00:00+01:00", "period": "month",
            "timezoneId": "Europe/Berlin", "items": [],
        });
        crate::support::event::with(held, more)
    };
    for body in [
        held(json!({})),
        json!({ "type": "company.created", "company": { "id": "acme", "title": "Acme" } }),
        json!({ "type": "membership.created", "membership": works_at("ada", Some("acme")) }),
        json!({ "type": "membership.created", "membership": works_at("bob", None) }),
        json!({ "type": "shop.order.created", "order": {} }),
    ] {
        svix(world, &source, body).await;
    }
    world.settled().await;
    assert_eq!(in_kisi(world), [1, 0, 0], "everybody in the company");
    let deleted = world.now().to_string();
    svix(world, &source, held(json!({ "deleteDate": deleted }))).await;
    world.settled().await;
    assert_eq!(in_kisi(world), [0, 0, 0]);
    let asked = [("source", "ID!", json!(source.id))];
    assert_eq!(world.api.refusals("readSource", &asked).await, ["INVALID"]);
}

async fn nudges_are_bounded_and_nothing_of_them_is_kept(world: &mut World) {
    let source = a_teamup(world).await;
    read(world, &source).await;
    for number in 0..30 {
        let signed = Signed {
            headers: vec![("teamup-webhook-id", format!("n{number}"))],
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
    let found = world.api.ask(query, json!({})).await;
    let club = found["club"]["id"].as_str().unwrap();
    let scope = latchkey::store::Scope::new(
        latchkey::id::decode_as(latchkey::id::Kind::Club, club).unwrap(),
    );
    let nodes = found["deliveries"]["nodes"].as_array().unwrap();
    let nudges = nodes.iter().filter(|node| node["eventType"] == "nudge");
    let mut count = 0;
    for node in nudges {
        let id = node["id"].as_str().unwrap();
        let id = latchkey::id::decode_as(latchkey::id::Kind::Delivery, id).unwrap();
        let row = latchkey::store::deliveries::get(world.app().db.read(), scope, id).await;
        assert!(row.unwrap().unwrap().body.is_empty());
        count += 1;
    }
    assert!(count <= 9, "{count} rows for one reading");
    let begun = world.platform.asked("customers").len();
    world.platform.list(
        "customer_memberships",
        json!([holds(11, 2, "active"), holds(10, 1, "active")]),
    );
    world.turn_to(world.now() + 31.seconds());
    read(world, &source).await;
    assert_eq!(world.platform.asked("customers").len() - begun, 1);
    assert_eq!(in_kisi(world), [1, 1, 0]);
}

async fn three_in_teamup(world: &mut World) -> Source {
    let customers = json!([customer(1, "ada"), customer(2, "bob"), customer(3, "cy")]);
    world.platform.list("customers", customers);
    let held = json!([
        holds(10, 1, "active"),
        holds(11, 2, "active"),
        holds(12, 3, "active")
    ]);
    world.platform.list("customer_memberships", held);
    let source = a_club(world, "TEAMUP", json!({ "teamUp": { "token": "key" } })).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 1, 1]);
    source
}

async fn waits(world: &World, source: &Source) -> bool {
    let query = "query($id: ID!) { node(id: $id) { ... on Source { readingNeedsConfirmation } } }";
    let found = world.api.ask(query, json!({ "id": source.id })).await;
    found["node"]["readingNeedsConfirmation"].as_bool().unwrap()
}

async fn a_reading_that_has_collapsed_waits_for_an_admin(world: &mut World) {
    let source = three_in_teamup(world).await;
    let confirm = [("source", "ID!", json!(source.id))];
    // The people are there, and none of their memberships.
    world.platform.list("customer_memberships", json!([]));
    world.turn_to(world.now() + 1.hour());
    order(world, &source).await;
    problem(world, &source, "3 of 3 memberships no more").await;
    assert!(!waits(world, &source).await);
    assert_eq!(
        world.api.refusals("confirmReading", &confirm).await,
        ["INVALID"],
        "it is read again first"
    );
    world.turn_to(world.now() + 31.seconds());
    problem(world, &source, "confirmReading").await;
    assert!(waits(world, &source).await);
    // Whoever reads it again confirms nothing by that.
    world.turn_to(world.now() + 1.hour());
    let begun = world.platform.asked("customers").len();
    order(world, &source).await;
    let again = async || (world.platform.asked("customers").len() > begun).then_some(());
    eventually(again, async || "it is not read".to_owned()).await;
    world.settled().await;
    assert_eq!(in_kisi(world), [1, 1, 1], "nothing was concluded");
    let app = world.api.token("APP").await;
    let refused = app.raw(
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
        .change("confirmReading", &confirm, "source { id }")
        .await;
    read(world, &source).await;
    assert_eq!(state(world, &source).await.1, Value::Null);
    assert!(!waits(world, &source).await);
    assert_eq!(in_kisi(world), [0, 0, 0]);
}

async fn a_reading_that_has_collapsed_once_is_forgotten(world: &mut World) {
    let source = three_in_teamup(world).await;
    world
        .platform
        .list("customers", json!([customer(1, "ada")]));
    world.turn_to(world.now() + 1.hour());
    order(world, &source).await;
    problem(world, &source, "2 of 3 members no more").await;
    let customers = json!([customer(1, "ada"), customer(2, "bob"), customer(3, "cy")]);
    world.platform.list("customers", customers);
    world.turn_to(world.now() + 31.seconds());
    read(world, &source).await;
    assert_eq!(state(world, &source).await.1, Value::Null);
    assert_eq!(in_kisi(world), [1, 1, 1]);
    world.platform.list("customers", json!([]));
    world.turn_to(world.now() + 1.hour());
    order(world, &source).await;
    problem(world, &source, "read again first").await;
    assert!(!waits(world, &source).await);
}

async fn an_empty_first_reading_takes_nothing_from_whom_events_told_of(world: &mut World) {
    world.platform.list("members", json!([]));
    let source = a_club(
        world,
        "CLUBSPOT",
        json!({ "clubspot": { "apiKey": "wrong", "clubId": "club" } }),
    )
    .await;
    problem(world, &source, "refuses the credentials").await;
    let held = crate::support::event::membership("m1", "ada");
    world.send(&source, "membership.updated", held).await;
    world.settled().await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
    world.platform.key("wrong");
    world.turn_to(world.now() + 1.hour());
    order(world, &source).await;
    problem(world, &source, "1 of 1 members no more").await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
}
