//! The same events lead to the same members and the same access in any order and with any repetition. They come from two sources
//! that report the same people, and cover everything that can arrive late.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::support::{
    api::{Signed, Source},
    event::{self, booking, membership, person, with},
    kisi_checks,
    world::{BEGINNING, Database, Setup, World},
};

const CASES: u32 = 8;

/// The index of the source (0 or 1), the delivery's id, and the body.
type SentEvent = (usize, String, Value);

fn beginning() -> Timestamp {
    BEGINNING.parse().unwrap()
}

/// The events in the order in which they happened.
fn all_events() -> Vec<SentEvent> {
    let tomorrow = beginning() + 27.hours();
    let book = |id: &str, who: &str, guests: &[&str]| {
        booking(id, who, tomorrow, tomorrow + 2.hours(), guests)
    };
    let tagged = |who: &str, email: &str, tags: &[&str]| {
        with(person(who), json!({ "email": email, "tags": tags }))
    };
    let company = |id: &str, people: &[&str]| {
        let people: Vec<Value> = people.iter().map(|name| person(name)).collect();
        json!({ "id": id, "name": id, "members": people })
    };
    let for_company = with(
        membership("c1", "x"),
        json!({ "member": null, "company": { "id": "acme", "name": "acme" } }),
    );
    let events = [
        (0, "membership.updated", membership("m1", "ada")),
        (0, "membership.updated", membership("m2", "bob")),
        (1, "membership.updated", membership("d1", "ada")),
        (
            0,
            "registration.updated",
            book("b1", "bob", &["cyd", "dan"]),
        ),
        (0, "membership.updated", for_company),
        (0, "company.updated", company("acme", &["eve", "fay"])),
        (
            1,
            "member.updated",
            tagged("77", "ada@example.com", &["vip"]),
        ),
        (
            0,
            "member.updated",
            tagged("bob", "robert@example.com", &["range"]),
        ),
        (0, "company.updated", company("acme", &["fay", "gil"])),
        (0, "registration.updated", book("b1", "bob", &["cyd"])),
        (
            0,
            "member.updated",
            with(person("gil"), json!({ "companies": [] })),
        ),
        (1, "registration.updated", book("x1", "hal", &["ada"])),
        (0, "membership.deleted", json!({ "id": "m1" })),
        (0, "member.deleted", json!({ "id": "fay" })),
        (
            1,
            "roster.snapshot",
            json!({ "memberships": [membership("d2", "ida")] }),
        ),
        (
            0,
            "membership.updated",
            with(membership("m3", "jan"), json!({ "status": "paused" })),
        ),
        (
            0,
            "membership.updated",
            with(
                membership("m3", "jan"),
                json!({ "shared_with": [person("kim")] }),
            ),
        ),
        (1, "membership.updated", membership("d3", "lea")),
        (0, "registration.deleted", json!({ "id": "never" })),
        (
            1,
            "member.updated",
            tagged("ida", "ida.new@example.com", &[]),
        ),
    ];
    let dated = events
        .into_iter()
        .enumerate()
        .map(|(nth, (source, kind, data))| {
            let at = beginning() - 60.minutes() + i64::try_from(nth).unwrap().minutes();
            (
                source,
                format!("msg_{nth:02}"),
                event::event(kind, at, &data),
            )
        });
    dated.collect()
}

/// The final state: members as the API shows them, and who can open which door at what time.
#[derive(Debug, PartialEq)]
struct Outcome {
    members: Vec<Value>,
    doors: BTreeMap<(String, Timestamp), BTreeSet<String>>,
}

async fn outcome(events: &[SentEvent]) -> Outcome {
    let mut world = Box::pin(World::start(Database::Sqlite, Setup::default()))
        .await
        .unwrap();
    world.connect().await;
    let [members, rooms] = [
        world.manage("Members").await,
        world.manage("Simulator bookings").await,
    ];
    world.rule(&members, json!([{ "membership": {} }])).await;
    world
        .rule(&members, json!([{ "tag": { "tags": ["range"] } }]))
        .await;
    world.rule(&rooms, json!([{ "registration": {} }])).await;
    let sources: [Source; 2] = [
        world.api.source("books").await,
        world.api.source("desk").await,
    ];
    for (nth, (source, id, body)) in events.iter().enumerate() {
        let source = &sources[*source];
        world.emails.extend(event::addresses(body));
        let signed = Signed::new(
            &source.secret,
            id,
            world.clock.now(),
            body.to_string().into_bytes(),
        );
        let answer = world.api.deliver(source, signed).await;
        assert!(matches!(answer.status, 200 | 202), "{body}: {answer:?}");
        // Now and then the service finishes its work before more arrives.
        if nth % 7 == 6 {
            world.settled().await;
            world.turn_to(world.now() + 1.seconds());
        }
    }
    world.settled().await;
    let outcome = Outcome {
        members: listed_members(&world).await,
        doors: doors(&world),
    };
    Box::pin(world.finish()).await;
    outcome
}

/// Members as the API lists them. It leaves out members that no source names and that hold nothing: whether such a member was
/// ever created depends on the order.
async fn listed_members(world: &World) -> Vec<Value> {
    let query = "{ members(first: 200) { nodes { email name tags companies { name } entitlements { externalId } } } }";
    let mut response = world.api.query(query, json!({})).await;
    let mut members: Vec<Value> = response["members"]["nodes"]
        .as_array_mut()
        .unwrap()
        .drain(..)
        .collect();
    for member in &mut members {
        for list in ["tags", "companies", "entitlements"] {
            member[list]
                .as_array_mut()
                .unwrap()
                .sort_by_key(Value::to_string);
        }
    }
    members.sort_by_key(Value::to_string);
    members
}

fn doors(world: &World) -> BTreeMap<(String, Timestamp), BTreeSet<String>> {
    let sandbox = &world.sandbox;
    let mut doors = BTreeMap::new();
    for name in ["Front door", "Range", "Simulator 1"] {
        let lock = sandbox.lock_named(name).unwrap();
        for hours in [0, 27, 100] {
            let at = beginning() + hours.hours();
            doors.insert(
                (name.to_owned(), at),
                kisi_checks::can_open(sandbox, &world.emails, lock, at),
            );
        }
    }
    doors
}

/// All events in some order, with up to ten of them repeated anywhere.
fn any_order_with_repeats(story: &[SentEvent]) -> impl Strategy<Value = Vec<SentEvent>> + use<> {
    let again = proptest::sample::subsequence(story.to_vec(), 0..=10);
    let story = story.to_vec();
    again.prop_flat_map(move |again| Just([story.clone(), again].concat()).prop_shuffle())
}

#[test]
fn events_in_any_order_lead_to_the_same_state() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let story = all_events();
    let expected = runtime.block_on(Box::pin(outcome(&story)));
    assert!(
        expected.doors.values().any(|people| people.len() > 3),
        "the events give access to more than three people: {expected:#?}"
    );
    // Each step of shrinking would start a whole service, and the failing order is informative enough.
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&any_order_with_repeats(&story), |events| {
        let order: Vec<String> = events
            .iter()
            .map(|(source, id, _)| format!("{source}:{id}"))
            .collect();
        let actual = runtime.block_on(Box::pin(outcome(&events)));
        prop_assert_eq!(&actual, &expected, "sent in the order {:?}", order);
        Ok(())
    });
    if let Err(problem) = result {
        panic!("{problem}");
    }
}
