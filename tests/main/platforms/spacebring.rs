//! Spacebring's help page, sentence by sentence, from Spacebring's own data; and webhooks after which only the object that they
//! name is read.

use jiff::ToSpan;
use serde_json::{Value, json};

use super::{a_club, in_kisi, problem, read, read_again, svix_now, user, works_at};
use crate::support::{api::Source, event::with, world::World};

on_both!(
    invitees_of_a_booking_receive_access,
    a_subscription_remains_active_until_its_end,
    bookings_beyond_a_hundred_days_are_known,
    a_webhook_reads_the_object_that_it_names,
);

async fn a_location(world: &mut World) -> Source {
    let locations = json!([{ "id": "hq", "title": "HQ", "timezoneId": "Europe/Berlin" }]);
    world.platform.list("locations/v1", locations);
    let people = ["ada", "bob", "cy"].map(|name| works_at(name, None));
    world
        .platform
        .list("community/memberships/v1", json!(people));
    let resources =
        json!([{ "id": "oak", "title": "Oak", "type": "meetingRoom", "locationRef": "hq" }]);
    world.platform.list("resources/v1", resources);
    let credentials = json!({ "spacebring": { "clientId": "id", "clientSecret": "key" } });
    a_club(world, "SPACEBRING", credentials).await
}

async fn booking_rule(world: &World) {
    let group = world.manage("Simulator bookings").await;
    let condition = json!({ "registration": { "kinds": ["ROOM"], "opensBefore": "PT30M", "closesAfter": "PT30M", "guests": true } });
    world.rule(&group, json!([condition])).await;
}

fn booking(world: &World, id: &str, days: i64, attendees: Value) -> Value {
    let starts = world.now() + (days * 24 + 2).hours();
    json!({
        "id": id, "startDate": starts.to_string(), "endDate": (starts + 1.hour()).to_string(), "resourceRef": "oak",
        "createDate": world.now().to_string(), "userOwner": user("ada"), "attendees": attendees,
    })
}

fn subscription(id: &str, name: &str, more: Value) -> Value {
    let subscription = json!({
        "id": id, "status": "active", "subscriptionType": "user", "customerRef": format!("in-{name}"), "locationRef": "hq",
        "customer": { "id": format!("in-{name}"), "type": "user", "user": user(name) },
        "startDate": "2025-01-01T00:00:00+01:00", "period": "month", "timezoneId": "Europe/Berlin",
        "items": [{ "id": "i1", "planRef": "desk", "plan": { "id": "desk", "title": "Desk" } }],
    });
    with(subscription, more)
}

async fn invitees_of_a_booking_receive_access(world: &mut World) {
    let source = a_location(world).await;
    booking_rule(world).await;
    // One attendee is given with the user, one only by the membership of the location.
    let attendees =
        json!([{ "membershipRef": "in-bob", "user": user("bob") }, { "membershipRef": "in-cy" }]);
    let rows = json!([booking(world, "b1", 0, attendees)]);
    world.platform.list("resources/bookings/v1", rows);
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 1, 1]);
    let [held] = &world.sandbox.assignments_of("cy@example.com")[..] else {
        panic!("cy has one assignment");
    };
    let starts = world.now() + 2.hours();
    assert_eq!(held.from, Some(starts - 30.minutes()));
    assert_eq!(held.until, Some(starts + 90.minutes()));
}

async fn a_subscription_remains_active_until_its_end(world: &mut World) {
    let source = a_location(world).await;
    let ends = (world.now() + 24.hours()).to_string();
    let later = (world.now() + 240.hours()).to_string();
    let item = |more: Value| json!([with(json!({ "id": "i1" }), more)]);
    // Ada's item is said to end after her subscription; Bob's has an access group and no plan; Cy's gives no access.
    let rows = json!([
        subscription(
            "s1",
            "ada",
            json!({ "endDate": ends, "items": item(json!({ "planRef": "desk", "endDate": later })) })
        ),
        subscription(
            "s2",
            "bob",
            json!({ "items": item(json!({ "title": "Storage", "kisiGroupRef": 7 })) })
        ),
        subscription(
            "s3",
            "cy",
            json!({ "items": item(json!({ "title": "Coffee", "kisiGroupRef": null })) })
        ),
    ]);
    world.platform.list("subscriptions/v1", rows);
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 1, 0]);
    let held = &world.sandbox.assignments_of("ada@example.com")[0];
    assert_eq!(held.until.map(|until| until.to_string()), Some(ends));
}

async fn bookings_beyond_a_hundred_days_are_known(world: &mut World) {
    let source = a_location(world).await;
    booking_rule(world).await;
    let rows = json!([
        booking(world, "b1", 99, json!([])),
        booking(world, "b2", 150, json!([]))
    ]);
    world.platform.list("resources/bookings/v1", rows);
    read(world, &source).await;
    let member = world.api.member("ada@example.com").await.unwrap();
    let query =
        "query($id: ID!) { node(id: $id) { ... on Member { entitlements { externalId } } } }";
    let response = world.api.query(query, json!({ "id": member })).await;
    let ids = response["node"]["entitlements"].as_array().unwrap();
    assert_eq!(ids.len(), 2, "{response}");
    let asked = world.platform.asked("resources/bookings/v1");
    let expanded = asked
        .iter()
        .filter(|one| one.query.contains_key("singleBookings"));
    assert_eq!((asked.len(), expanded.count()), (2, 1));
}

/// The calls since a number of them.
fn paths_since(world: &World, begun: usize) -> Vec<String> {
    let all = world.platform.all_asked();
    all[begun..].iter().map(|one| one.path.clone()).collect()
}

async fn a_webhook_reads_the_object_that_it_names(world: &mut World) {
    let source = a_location(world).await;
    booking_rule(world).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [0, 0, 0]);

    world.turn_to(world.now() + 31.seconds());
    let begun = world.platform.all_asked().len();
    // Bob's subscription is new as well, but not named.
    let rows = json!([
        subscription("s1", "ada", json!({})),
        subscription("s2", "bob", json!({}))
    ]);
    world.platform.list("subscriptions/v1", rows);
    svix_now(
        world,
        &source,
        subscription("s1", "ada", json!({ "status": null })),
    )
    .await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
    assert_eq!(paths_since(world, begun), ["subscriptions/v1/s1"]);

    world.turn_to(world.now() + 31.seconds());
    let begun = world.platform.all_asked().len();
    let row = booking(world, "b1", 0, json!([{ "membershipRef": "in-cy" }]));
    world.platform.list("resources/bookings/v1", json!([row]));
    svix_now(
        world,
        &source,
        json!({ "type": "booking.created", "booking": row }),
    )
    .await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [2, 0, 1]);
    let list = "resources/bookings/v1".to_owned();
    let paths = [format!("{list}/b1"), list.clone(), list];
    assert_eq!(paths_since(world, begun), paths);

    // The subscription is cancelled: the event says so itself, and the reading agrees.
    world.turn_to(world.now() + 31.seconds());
    let cancelled = json!([
        subscription("s1", "ada", json!({ "status": "canceled" })),
        subscription("s2", "bob", json!({})),
    ]);
    world.platform.list("subscriptions/v1", cancelled);
    svix_now(
        world,
        &source,
        subscription("s1", "ada", json!({ "status": null })),
    )
    .await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 1]);

    // An object that is not found is no reason to take anything: everything is read, and fails here.
    world.turn_to(world.now() + 31.seconds());
    world.platform.list("resources/bookings/v1", json!([]));
    world
        .platform
        .override_response("resources/v1", |_, _| (500, json!({})));
    svix_now(
        world,
        &source,
        json!({ "type": "booking.updated", "booking": row }),
    )
    .await;
    problem(world, &source, "answers 500").await;
    assert_eq!(in_kisi(world), [1, 0, 1]);
    world.platform.restore();
    read_again(world, &source).await;
    assert_eq!(in_kisi(world), [0, 1, 0]);
}
