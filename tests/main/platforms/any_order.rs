//! Spacebring's own webhooks, late, in any order and with repeats, and readings at any time between them, lead to the
//! entitlements that one reading of the final state gives.

use jiff::{Timestamp, ToSpan};
use latchkey::{ingest::signature, store::row::SignatureScheme};
use serde_json::{Value, json};

use super::{a_source, read, request_reading, user, works_at};
use crate::support::{
    api::{Signed, Source, eventually},
    event::with,
    world::World,
};

on_both!(
    webhooks_and_readings_in_any_order_lead_to_what_one_reading_gives,
    webhooks_alone_in_any_order_lead_to_one_state,
);

/// The orders that are tried; each is a club of its own in the same service.
const SEEDS: [u64; 2] = [17, 4242];

/// A small generator of pseudo-random numbers: a seed repeats its order.
struct Dice(u64);

impl Dice {
    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    /// All numbers below `count` in some order, and `repeats` of them again somewhere.
    fn order(&mut self, count: usize, repeats: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        order.extend((0..repeats).map(|_| self.below(count)).collect::<Vec<_>>());
        for last in (1..order.len()).rev() {
            let other = self.below(last + 1);
            order.swap(last, other);
        }
        order
    }
}

/// A change at Spacebring: what its lists show from then on, and the webhook about it.
struct Step {
    subscriptions: Vec<Value>,
    bookings: Vec<Value>,
    webhook: Value,
}

fn subscription(id: &str, name: &str, more: Value) -> Value {
    let subscription = json!({
        "id": id, "status": "active", "subscriptionType": "user", "customerRef": format!("in-{name}"), "locationRef": "hq",
        "customer": { "id": format!("in-{name}"), "type": "user", "user": user(name) }, "user": user(name),
        "startDate": "2025-01-01T00:00:00+01:00", "period": "month", "timezoneId": "Europe/Berlin",
        "items": [{ "id": "i1", "planRef": "desk", "plan": { "id": "desk", "title": "Desk" } }],
    });
    with(subscription, more)
}

fn booking(id: &str, hour: u8, guests: &[&str]) -> Value {
    let attendees: Vec<Value> = guests
        .iter()
        .map(|name| json!({ "user": user(name) }))
        .collect();
    json!({
        "id": id, "startDate": format!("2026-01-06T{hour:02}:00:00Z"), "endDate": format!("2026-01-06T{:02}:30:00Z", hour),
        "resourceRef": "oak", "resourceType": "meetingRoom", "status": "confirmed", "userOwner": user("ada"),
        "attendees": attendees,
    })
}

/// Subscriptions of a person and of a company, which end, and bookings that are changed and deleted. Dan's subscription is there
/// throughout, so that no list collapses. Deletions have the mark `deleted` instead of their time.
fn story() -> Vec<Step> {
    let company = json!({ "subscriptionType": "company", "customerRef": "acme", "companyRef": "acme", "user": null,
        "customer": { "id": "acme", "type": "company", "title": "Acme" } });
    let dan = &subscription("s0", "dan", json!({}));
    let ada = &subscription("s1", "ada", json!({}));
    let acme = &subscription("s2", "bob", company);
    let ending = &with(acme.clone(), json!({ "endDate": "2026-01-06T12:00:00Z" }));
    let [first, moved] = [&booking("b1", 9, &[]), &booking("b1", 10, &["dan"])];
    let second = &booking("b2", 14, &["cy"]);
    let deleted = |row: &Value| with(row.clone(), json!({ "deleted": true }));
    // Webhooks about subscriptions have neither a type nor a status.
    let of = |row: &Value| with(row.clone(), json!({ "status": null }));
    let about =
        |kind: &str, row: &Value| json!({ "type": format!("booking.{kind}"), "booking": row });
    let join = |name: &str| json!({ "type": "membership.created", "membership": works_at(name, Some("acme")) });
    let step = |subscriptions: &[&Value], bookings: &[&Value], webhook: Value| {
        let rows = |rows: &[&Value]| rows.iter().map(|row| (*row).clone()).collect();
        Step {
            subscriptions: rows(subscriptions),
            bookings: rows(bookings),
            webhook,
        }
    };
    vec![
        step(&[dan], &[], of(dan)),
        step(&[dan], &[], join("bob")),
        step(&[dan, ada], &[], of(ada)),
        step(&[dan, ada, acme], &[], of(acme)),
        step(&[dan, ada, acme], &[], join("cy")),
        step(&[dan, ada, acme], &[first], about("created", first)),
        step(
            &[dan, ada, acme],
            &[first, second],
            about("created", second),
        ),
        step(&[dan, ada, acme], &[moved, second], about("updated", moved)),
        step(&[dan, ada, ending], &[moved, second], of(ending)),
        step(
            &[dan, ada, ending],
            &[moved],
            about("deleted", &deleted(second)),
        ),
        step(&[dan, ending], &[moved], of(&deleted(ada))),
    ]
}

/// The body of a step's webhook; `at` is the time of the change.
fn body(step: &Step, at: Timestamp) -> Value {
    fn dated(value: &Value, at: Timestamp) -> Value {
        let Value::Object(fields) = value else {
            return value.clone();
        };
        let mut fields: serde_json::Map<String, Value> = fields
            .iter()
            .map(|(name, value)| (name.clone(), dated(value, at)))
            .collect();
        if fields.remove("deleted").is_some() {
            fields.insert("deleteDate".to_owned(), json!(at.to_string()));
        }
        Value::Object(fields)
    }
    let mut body = dated(&step.webhook, at);
    for noun in ["booking", "membership"] {
        if let Some(about) = body.get_mut(noun) {
            about["createDate"] = json!(at.to_string());
        }
    }
    body
}

async fn deliver(world: &World, source: &Source, id: &str, at: Timestamp, body: &Value) {
    let body = body.to_string().into_bytes();
    let at = access::Instant::from_timestamp(at);
    let headers = signature::sign(SignatureScheme::Svix, &source.secret, id, at, &body).unwrap();
    let answer = world.api.deliver(source, Signed { headers, body }).await;
    assert!(matches!(answer.status, 200 | 202), "{answer:?}");
}

fn show(world: &World, step: &Step) {
    let platform = &world.platform;
    platform.list("subscriptions/v1", json!(step.subscriptions));
    platform.list("resources/bookings/v1", json!(step.bookings));
}

fn a_location(world: &World) {
    let platform = &world.platform;
    let locations = json!([{ "id": "hq", "title": "HQ", "timezoneId": "Europe/Berlin" }]);
    platform.list("locations/v1", locations);
    let companies = json!([{ "id": "acme", "title": "Acme" }]);
    platform.list("community/companies/v1", companies);
    let people = json!([
        works_at("ada", None),
        works_at("bob", Some("acme")),
        works_at("cy", Some("acme")),
        works_at("dan", None),
    ]);
    platform.list("community/memberships/v1", people);
    let resources =
        json!([{ "id": "oak", "title": "Oak", "type": "meetingRoom", "locationRef": "hq" }]);
    platform.list("resources/v1", resources);
}

/// The entitlements that count, by member, as the API shows them. Whether one that has ended is stored depends on what was known
/// of it before.
async fn entitlements(world: &World) -> Vec<String> {
    let query = "{ members(first: 50) { nodes { email entitlements { externalId startsAt endsAt company { name }
        offering { kind } location { name }
        ... on Membership { membershipStatus: status } ... on Registration { registrationStatus: status } } } } }";
    let response = world.api.query(query, json!({})).await;
    let mut held = Vec::new();
    for member in response["members"]["nodes"].as_array().unwrap() {
        let rows = member["entitlements"].as_array().unwrap();
        let counts = |row: &&Value| {
            row["membershipStatus"] == "ACTIVE" || row["registrationStatus"] == "CONFIRMED"
        };
        let rows = rows.iter().filter(counts);
        held.extend(rows.map(|row| format!("{} {row}", member["email"])));
    }
    held.sort();
    held
}

/// Reads everything, thirty seconds after what was read last.
async fn read_now(world: &World, source: &Source) {
    world.turn_to(world.now() + 31.seconds());
    request_reading(world, source).await;
    read(world, source).await;
}

async fn webhooks_and_readings_in_any_order_lead_to_what_one_reading_gives(world: &mut World) {
    a_location(world);
    let story = story();
    let credentials = json!({ "spacebring": { "clientId": "id", "clientSecret": "key" } });
    let last = story.last().unwrap();
    show(world, last);
    let source = a_source(world, "SPACEBRING", Some(credentials.clone())).await;
    read(world, &source).await;
    let expected = entitlements(world).await;
    // Dan, Bob and Cy have a membership; Ada and her guest Dan a booking.
    assert_eq!(expected.len(), 5, "{expected:#?}");
    for seed in SEEDS {
        let mut dice = Dice(seed);
        world.api = world.another_club().await;
        show(world, &story[0]);
        let source = a_source(world, "SPACEBRING", Some(credentials.clone())).await;
        read(world, &source).await;
        let mut times = vec![world.now()];
        let order = dice.order(story.len(), 5);
        for number in &order {
            // The changes happen in their order; a webhook comes after its change, early or late.
            for step in story.iter().take(number + 1).skip(times.len()) {
                world.turn_to(world.now() + 1.second());
                show(world, step);
                times.push(world.now());
                if dice.below(4) == 0 {
                    read_now(world, &source).await;
                }
            }
            let body = body(&story[*number], times[*number]);
            deliver(
                world,
                &source,
                &format!("msg_{number:02}"),
                world.now(),
                &body,
            )
            .await;
            match dice.below(4) {
                0 => read_now(world, &source).await,
                1 => world.turn_to(world.now() + 31.seconds()),
                _ => {}
            }
        }
        // What the webhooks asked for is enough.
        world.turn_to(world.now() + 31.seconds());
        let is_reached = async || (entitlements(world).await == expected).then_some(());
        let state = async || {
            let reached = entitlements(world).await;
            format!(
                "the seed {seed}, in the order {order:?}: {reached:#?} instead of {expected:#?}"
            )
        };
        eventually(is_reached, state).await;
        // And a complete reading changes nothing.
        read_now(world, &source).await;
        let reached = entitlements(world).await;
        assert_eq!(reached, expected, "the seed {seed}, in the order {order:?}");
    }
}

async fn webhooks_alone_in_any_order_lead_to_one_state(world: &mut World) {
    let story = story();
    let begun = world.now();
    let time = |number: usize| begun + i64::try_from(number).unwrap().seconds();
    world.turn_to(time(story.len()));
    let mut expected = None;
    for seed in [0].into_iter().chain(SEEDS) {
        let order = match seed {
            0 => (0..story.len()).collect(),
            seed => Dice(seed).order(story.len(), 5),
        };
        world.api = world.another_club().await;
        let source = a_source(world, "SPACEBRING", None).await;
        for number in &order {
            let at = time(*number);
            let body = body(&story[*number], at);
            deliver(world, &source, &format!("msg_{number:02}"), at, &body).await;
        }
        world.settled().await;
        let reached = entitlements(world).await;
        let expected = expected.get_or_insert_with(|| reached.clone());
        assert_eq!(expected.len(), 5, "{expected:#?}");
        assert_eq!(
            &reached, expected,
            "the seed {seed}, in the order {order:?}"
        );
    }
}
