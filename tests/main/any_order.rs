//! Any order and any repetition of the same events ends alike: who may open what, and who the members are. The events are of
//! two sources that speak of the same people, and of everything that can be said late.

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
    judge,
    world::{BEGINNING, Database, Setup, World},
};

const CASES: u32 = 8;

/// A source (0 or 1), a delivery's id, and a body.
type Said = (usize, String, Value);

fn beginning() -> Timestamp {
    BEGINNING.parse().unwrap()
}

/// What is said, in the order in which it happened.
fn story() -> Vec<Said> {
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
    let said = [
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
    let dated = said
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

/// What is left when all of it was said: members as they are shown, and who can open which door when.
#[derive(Debug, PartialEq)]
struct Outcome {
    members: Vec<Value>,
    doors: BTreeMap<(String, Timestamp), BTreeSet<String>>,
}

async fn outcome(said: &[Said]) -> Outcome {
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
    for (nth, (source, id, body)) in said.iter().enumerate() {
        let source = &sources[*source];
        world.people.extend(event::addresses(body));
        let signed = Signed::new(
            &source.secret,
            id,
            world.clock.now(),
            body.to_string().into_bytes(),
        );
        let answer = world.api.deliver(source, signed).await;
        assert!(matches!(answer.status, 200 | 202), "{body}: {answer:?}");
        // Now and then the work is done before more is said.
        if nth % 7 == 6 {
            world.settled().await;
            world.turn_to(world.now() + 1.seconds());
        }
    }
    world.settled().await;
    let outcome = Outcome {
        members: shown(&world).await,
        doors: doors(&world),
    };
    Box::pin(world.finish()).await;
    outcome
}

/// Members by address. Without those whom nobody names any more and who hold nothing: whether they were ever heard of
/// depends on the order.
async fn shown(world: &World) -> Vec<Value> {
    let query = "{ members(first: 200) { nodes { email name tags companies { name } entitlements { externalId } } } }";
    let mut found = world.api.ask(query, json!({})).await;
    let mut members: Vec<Value> = found["members"]["nodes"]
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
                judge::can_open(sandbox, &world.people, lock, at),
            );
        }
    }
    doors
}

/// All of it in some order, and up to ten of it again somewhere.
fn told_anyhow(story: &[Said]) -> impl Strategy<Value = Vec<Said>> + use<> {
    let again = proptest::sample::subsequence(story.to_vec(), 0..=10);
    let story = story.to_vec();
    again.prop_flat_map(move |again| Just([story.clone(), again].concat()).prop_shuffle())
}

#[test]
fn any_order_and_any_repetition_ends_alike() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let story = story();
    let expected = runtime.block_on(Box::pin(outcome(&story)));
    assert!(
        expected.doors.values().any(|people| people.len() > 3),
        "the story opens doors: {expected:#?}"
    );
    // Shrinking would cost a world a step: the order that fails says enough.
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    let judged = TestRunner::new(config).run(&told_anyhow(&story), |said| {
        let order: Vec<String> = said
            .iter()
            .map(|(source, id, _)| format!("{source}:{id}"))
            .collect();
        let came = runtime.block_on(Box::pin(outcome(&said)));
        prop_assert_eq!(&came, &expected, "told as {:?}", order);
        Ok(())
    });
    if let Err(problem) = judged {
        panic!("{problem}");
    }
}
