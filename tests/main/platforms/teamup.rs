//! TeamUp's help page, sentence by sentence, from TeamUp's own data: blocked memberships, courses, shares and holds; and webhooks
//! that read only what they name.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    a_club, customer, customer_membership, in_kisi, nudge_of, read, read_again, request_reading,
};
use crate::support::{api::Source, event::with, world::World};

on_both!(
    allow_access_with_blocked_memberships,
    registrations_support_courses,
    shared_memberships_give_access_to_those_they_are_shared_with,
    a_hold_that_starts_tomorrow_is_known_today,
    a_webhook_reads_only_what_it_names,
    a_customer_who_is_gone_is_removed_by_a_complete_reading_only,
    what_a_business_does_not_offer_stays_as_it_was,
);

/// Whether Kisi lets Ada in at that time, by what it holds now.
fn is_open(world: &World, at: Timestamp) -> bool {
    let all = world.sandbox.assignments_of("ada@example.com");
    all.iter().any(|one| {
        one.from.is_none_or(|from| from <= at) && one.until.is_none_or(|until| at < until)
    })
}

fn today(world: &World) -> Date {
    world.now().to_zoned(TimeZone::UTC).date()
}

/// Ada, Bob and Cy, each with a Gold membership that a subscription pays for.
async fn three(world: &mut World) -> Source {
    let customers = json!([customer(1, "ada"), customer(2, "bob"), customer(3, "cy")]);
    world.platform.list("customers", customers);
    gold(world, [json!({}), json!({}), json!({})]);
    a_club(world, "TEAMUP", json!({ "teamUp": { "token": "key" } })).await
}

/// Sets the memberships of the three.
fn gold(world: &World, more: [Value; 3]) {
    let rows = (1_u64..).zip(more).map(|(id, more)| {
        let paid =
            json!({ "payment_subscription": { "id": id, "retry_count": 0 }, "active_hold": null });
        with(with(customer_membership(9 + id, id, "active"), paid), more)
    });
    world.platform.list("customer_memberships", rows.collect());
}

async fn allow_access_with_blocked_memberships(world: &mut World) {
    let source = three(world).await;
    let blocks = json!([
        { "id": 1, "customer": 2, "is_active": true, "created_at": "2026-01-01T08:00:00Z", "deactivated_at": null },
        { "id": 2, "customer": 1, "is_active": false, "created_at": "2026-01-01T08:00:00Z", "deactivated_at": "2026-01-02T08:00:00Z" },
    ]);
    world.platform.list("customer_registration_blocks", blocks);
    let report = json!([
        { "id": 1, "has_failed_payments": false, "has_retry_payments": false },
        { "id": 2, "has_failed_payments": false, "has_retry_payments": false },
        { "id": 3, "has_failed_payments": true, "has_retry_payments": false },
    ]);
    world.platform.list("reports/customers/data", report);
    read(world, &source).await;
    assert_eq!(
        in_kisi(world),
        [1, 0, 0],
        "bob is blocked by staff, a payment of cy failed"
    );
    let asked = &world.platform.asked("reports/customers/data")[0].query;
    assert_eq!(asked["format"], "json");

    let group = world.manage("Simulator bookings").await;
    world
        .rule(
            &group,
            json!([{ "membership": { "whenBlocked": "ALLOW" } }]),
        )
        .await;
    world.settled().await;
    assert_eq!(in_kisi(world), [2, 1, 1], "this group allows them");

    // A payment that is tried again blocks, and once it succeeded no longer.
    world
        .platform
        .list("customer_registration_blocks", json!([]));
    world.platform.list("reports/customers/data", json!([]));
    let retried = json!({ "payment_subscription": { "id": 1, "retry_count": 1 } });
    gold(world, [retried, json!({}), json!({})]);
    read_again(world, &source).await;
    assert_eq!(in_kisi(world), [1, 2, 2]);
    gold(world, [json!({}), json!({}), json!({})]);
    read_again(world, &source).await;
    assert_eq!(in_kisi(world), [2, 2, 2]);
}

async fn registrations_support_courses(world: &mut World) {
    let source = three(world).await;
    world.platform.list("customer_memberships", json!([]));
    let group = world.manage("Simulator bookings").await;
    world
        .rule(&group, json!([{ "registration": { "kinds": ["COURSE"] } }]))
        .await;
    let (starts, ends) = (world.now() + 3.hours(), world.now() + 4.hours());
    let session = json!({
        "id": 30, "name": "Session 1", "starts_at": starts.to_string(), "ends_at": ends.to_string(), "status": "active",
        "course": { "id": 40, "name": "Beginners" }, "venue": { "id": 4, "name": "Pier", "timezone": "Europe/Berlin" },
    });
    let row = |id: u64, customer: u64, status: &str| json!({ "id": id, "customer": customer, "course_session": session, "status": status });
    let rows = json!([row(20, 1, "registered"), row(21, 2, "late_cancelled")]);
    world.platform.list("course_session_attendances", rows);
    // An attendance of a class has the same number.
    let event = json!({ "id": 31, "name": "Spin", "starts_at": starts.to_string(), "ends_at": ends.to_string(), "status": "active" });
    let class = json!([{ "id": 20, "customer": 3, "event": event, "status": "registered", "waitlist_spot": null }]);
    world.platform.list("attendances", class);
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
    world
        .rule(&group, json!([{ "registration": { "kinds": ["CLASS"] } }]))
        .await;
    world.settled().await;
    assert_eq!(in_kisi(world), [1, 0, 1]);
}

async fn shared_memberships_give_access_to_those_they_are_shared_with(world: &mut World) {
    let source = three(world).await;
    let shared = with(
        customer_membership(10, 1, "active"),
        json!({ "shared_with": [{ "id": 3, "object": "customer" }] }),
    );
    world.platform.list("customer_memberships", json!([shared]));
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 1]);
    let expand = &world.platform.asked("customer_memberships")[0].query["expand"];
    assert!(expand.split(',').any(|field| field == "shared_with"));
    let blocks = json!([{ "id": 1, "customer": 1, "is_active": true, "created_at": "2026-01-01T08:00:00Z" }]);
    world.platform.list("customer_registration_blocks", blocks);
    read_again(world, &source).await;
    assert_eq!(in_kisi(world), [0, 0, 1], "the block concerns ada alone");
}

async fn a_hold_that_starts_tomorrow_is_known_today(world: &mut World) {
    let source = three(world).await;
    let tomorrow = today(world).checked_add(1.day()).unwrap();
    let last = today(world).checked_add(3.days()).unwrap();
    let hold = json!({ "active_hold": { "id": 1, "active": true, "start_date": tomorrow, "end_date": last } });
    gold(world, [hold, json!({}), json!({})]);
    read(world, &source).await;
    assert!(is_open(world, world.now()));
    assert!(is_open(world, world.now() + 6.hours()));
    assert!(!is_open(world, world.now() + 36.hours()), "on hold");
    assert!(!is_open(world, world.now() + 80.hours()), "on hold");
    assert!(
        is_open(world, world.now() + 110.hours()),
        "the hold is over"
    );
}

/// The number of calls so far by path.
fn calls(world: &World) -> [usize; 6] {
    [
        "customers",
        "customer_memberships",
        "customer_registration_blocks",
        "reports/customers/data",
        "attendances",
        "course_session_attendances",
    ]
    .map(|path| world.platform.asked(path).len())
}

async fn a_webhook_reads_only_what_it_names(world: &mut World) {
    let source = three(world).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 1, 1]);
    let before = calls(world);
    world.turn_to(world.now() + 31.seconds());
    // Bob's membership has ended, and so has Cy's, which the webhook does not name.
    let rows = json!([customer_membership(10, 1, "active")]);
    world.platform.list("customer_memberships", rows);
    let item = json!({ "object": "feed_item", "id": 1, "type": "customer_membership.updated", "customer": { "id": 2 } });
    nudge_of(world, &source, "a", &json!({ "feed_items": [item] })).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 1]);
    let made: Vec<usize> = calls(world)
        .iter()
        .zip(before)
        .map(|(now, then)| now - then)
        .collect();
    assert_eq!(made, [1, 1, 1, 0, 0, 0], "three calls");
    let asked = world.platform.asked("customer_memberships");
    assert_eq!(
        asked.last().unwrap().query["owned_or_shared_with_customer"],
        "2"
    );

    // A webhook about somebody new.
    let before = calls(world);
    world.turn_to(world.now() + 31.seconds());
    world.emails.insert("dan@example.com".to_owned());
    let customers = json!([
        customer(1, "ada"),
        customer(2, "bob"),
        customer(3, "cy"),
        customer(4, "dan")
    ]);
    world.platform.list("customers", customers);
    let rows = json!([
        customer_membership(10, 1, "active"),
        customer_membership(13, 4, "active")
    ]);
    world.platform.list("customer_memberships", rows);
    let item = json!({ "object": "feed_item", "id": 2, "type": "customer_membership.created", "customer_id": 4 });
    nudge_of(world, &source, "b", &json!({ "feed_items": [item] })).await;
    read(world, &source).await;
    assert_eq!(world.sandbox.assignments_of("dan@example.com").len(), 1);
    let made: usize = calls(world).iter().sum::<usize>() - before.iter().sum::<usize>();
    assert!(made <= 3, "{made} calls");

    // The complete reading finds that Cy's membership has ended too.
    world.turn_to(world.now() + 1.hour());
    request_reading(world, &source).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
}

async fn a_customer_who_is_gone_is_removed_by_a_complete_reading_only(world: &mut World) {
    let source = three(world).await;
    read(world, &source).await;
    world.turn_to(world.now() + 31.seconds());
    let before = calls(world);
    world
        .platform
        .list("customers", json!([customer(1, "ada"), customer(3, "cy")]));
    let item = json!({ "type": "customer.deleted", "customer": 2 });
    nudge_of(world, &source, "a", &json!({ "feed_items": [item] })).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 1]);
    let made: Vec<usize> = calls(world)
        .iter()
        .zip(before)
        .map(|(now, then)| now - then)
        .collect();
    assert_eq!(made[0], 2, "one for him, and one for everybody");
}

async fn what_a_business_does_not_offer_stays_as_it_was(world: &mut World) {
    let source = three(world).await;
    let blocks = json!([{ "id": 1, "customer": 2, "is_active": true, "created_at": "2026-01-01T08:00:00Z" }]);
    world.platform.list("customer_registration_blocks", blocks);
    let report = json!([{ "id": 3, "has_failed_payments": true, "has_retry_payments": false }]);
    world.platform.list("reports/customers/data", report);
    let group = world.manage("Simulator bookings").await;
    world
        .rule(&group, json!([{ "registration": { "kinds": ["COURSE"] } }]))
        .await;
    let (starts, ends) = (world.now() + 3.hours(), world.now() + 4.hours());
    let session = json!({
        "id": 30, "name": "Session 1", "starts_at": starts.to_string(), "ends_at": ends.to_string(), "status": "active",
        "course": { "id": 40, "name": "Beginners" },
    });
    let row = json!({ "id": 20, "customer": 1, "course_session": session, "status": "registered" });
    world
        .platform
        .list("course_session_attendances", json!([row]));
    read(world, &source).await;
    assert_eq!(in_kisi(world), [2, 0, 0]);
    for path in [
        "customer_registration_blocks",
        "reports/customers/data",
        "course_session_attendances",
    ] {
        world
            .platform
            .override_response(path, |_, _| (404, json!({})));
    }
    read_again(world, &source).await;
    assert_eq!(in_kisi(world), [2, 0, 0]);
    world.platform.restore();
    world
        .platform
        .list("customer_registration_blocks", json!([]));
    read_again(world, &source).await;
    assert_eq!(in_kisi(world), [2, 1, 0]);
}
