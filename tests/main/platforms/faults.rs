//! Readings that fail: whatever the failure, nothing is concluded, the problem is shown on the source, and one process at a time
//! tries again after a growing pause.

use std::time::Duration;

use latchkey::ingest::readers;
use serde_json::{Value, json};

use super::{
    a_club, a_source, a_teamup, clubspot_member, customer_membership, in_kisi, problem, read,
    read_again, request_reading, state,
};
use crate::support::{
    api::{Source, eventually},
    platform::RecordedRequest,
    world::{Database, Setup, World},
};

on_both!(
    a_failed_reading_changes_nothing,
    every_way_of_paging_fails_closed,
);

type Wrong = fn(&RecordedRequest, Value) -> (u16, Value);

async fn a_failed_reading_changes_nothing(world: &mut World) {
    let source = a_teamup(world).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
    world.platform.list(
        "customer_memberships",
        json!([
            customer_membership(11, 2, "active"),
            customer_membership(12, 2, "active")
        ]),
    );
    let faults: [(&str, Wrong); 10] = [
        ("answers 500", |_, _| (500, json!({}))),
        (
            "does not let these credentials read customer_memberships",
            |_, _| (403, json!({})),
        ),
        ("no list results", |_, _| {
            (200, json!({ "count": 2, "next": null }))
        }),
        ("no count", |_, page| {
            (200, json!({ "next": null, "results": page["results"] }))
        }),
        ("ends before its count", |_, page| {
            (
                200,
                json!({ "count": 3, "next": null, "results": page["results"] }),
            )
        }),
        ("does not say whether it is the last", |_, page| {
            (200, json!({ "count": 2, "results": page["results"] }))
        }),
        ("changed customer_memberships each time", |_, _| {
            (
                200,
                json!({ "count": 9, "next": "https://x", "results": [customer_membership(11, 2, "active")] }),
            )
        }),
        ("an empty page is not the last", |_, _| {
            (
                200,
                json!({ "count": 9, "next": "https://x", "results": [] }),
            )
        }),
        ("a row has no id", |_, _| {
            (200, json!({ "count": 1, "next": null, "results": [{}] }))
        }),
        ("a status is none of", |_, _| {
            (
                200,
                json!({ "count": 1, "next": null, "results": [customer_membership(13, 1, "limbo")] }),
            )
        }),
    ];
    let before = state(world, &source).await.0;
    for (words, wrong) in faults {
        world
            .platform
            .override_response("customer_memberships", wrong);
        request_reading(world, &source).await;
        problem(world, &source, words).await;
        assert_eq!(in_kisi(world), [1, 0, 0], "{words}");
        assert_eq!(state(world, &source).await.0, before, "{words}");
    }
    world.platform.restore();
    world.platform.key("another");
    request_reading(world, &source).await;
    problem(world, &source, "refuses the credentials").await;
    let input = json!({ "source": source.id, "credentials": { "teamUp": { "token": "another" } } });
    world
        .api
        .mutate(
            "updateSource",
            &[("input", "UpdateSourceInput!", input)],
            "source { id }",
        )
        .await;
    let well = async || (state(world, &source).await.1 == Value::Null).then_some(());
    eventually(well, async || format!("{:?}", state(world, &source).await)).await;
    world.settled().await;
    assert_eq!(in_kisi(world), [0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_processes_reads() {
    // Not on SQLite: a lease whose holder is the test's own process counts as left behind by an earlier one there.
    World::run(Database::Postgres, Setup::default(), |world| {
        Box::pin(two_processes(world))
    })
    .await;
}

async fn two_processes(world: &mut World) {
    let source = a_teamup(world).await;
    read(world, &source).await;
    let app = latchkey::app::App::start(world.config(), world.clock.clone())
        .await
        .unwrap();
    let other = readers::start(app.clone()).unwrap();
    for round in 2..6 {
        read_again(world, &source).await;
        // The slower process has looked as well by the time that both have stopped.
        assert_eq!(world.platform.asked("customers").len(), round);
    }
    other.stop().await;
    app.db.clone().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_tried_again_after_a_growing_pause() {
    World::run(Database::Sqlite, Setup::default(), |world| {
        Box::pin(growing_pauses(world))
    })
    .await;
}

async fn growing_pauses(world: &mut World) {
    world.platform.key("another");
    let source = a_teamup(world).await;
    problem(world, &source, "refuses the credentials").await;
    for pause in [1, 2, 4] {
        let tried = world.platform.asked("customers").len();
        world.turn_to(world.now() + Duration::from_secs(60 * pause + 1));
        let ask = async || (world.platform.asked("customers").len() > tried).then_some(());
        eventually(ask, async || format!("no reading after {pause} minutes")).await;
        // The result is stored before the clock goes on.
        let lease = async || {
            let lease = latchkey::store::leases::get(world.app().db.read(), &lease_of(&source))
                .await
                .unwrap();
            lease.is_none().then_some(())
        };
        eventually(lease, async || "the lease is still held".to_owned()).await;
        assert_eq!(world.platform.asked("customers").len(), tried + 1);
    }
    world.platform.key("key");
    request_reading(world, &source).await;
    read(world, &source).await;
    assert_eq!(in_kisi(world), [1, 0, 0]);
}

fn lease_of(source: &Source) -> String {
    let (_, id) = latchkey::id::decode(&source.id).unwrap();
    format!("read:{id}")
}

async fn every_way_of_paging_fails_closed(world: &mut World) {
    world
        .platform
        .list("members", json!([clubspot_member("ada", "active")]));
    world.platform.list(
        "locations/v1",
        json!([{ "id": "hq", "title": "HQ", "timezoneId": "Europe/Berlin" }]),
    );
    let key = json!({ "clubspot": { "apiKey": "key", "clubId": "club" } });
    let clubspot = a_club(world, "CLUBSPOT", key).await;
    read(world, &clubspot).await;
    let client = json!({ "spacebring": { "clientId": "id", "clientSecret": "key" } });
    let spacebring = a_source(world, "SPACEBRING", Some(client)).await;
    read(world, &spacebring).await;
    let members: [(&str, Wrong); 5] = [
        ("an empty page is not the last", |_, _| {
            (200, json!({ "has_more": true, "data": { "members": [] } }))
        }),
        ("a row appears twice", |_, _| {
            (
                200,
                json!({ "has_more": true, "data": { "members": [clubspot_member("ada", "active")] } }),
            )
        }),
        ("neither true nor false", |_, _| {
            (200, json!({ "has_more": 1, "data": { "members": [] } }))
        }),
        ("no list members", |_, _| (200, json!({ "data": {} }))),
        ("a category is not a text", |_, _| {
            let odd = json!({ "id": "m-ada", "membership": { "id": "h", "status": "active", "category": 7 } });
            (
                200,
                json!({ "has_more": false, "data": { "members": [odd] } }),
            )
        }),
    ];
    let companies: [(&str, Wrong); 4] = [
        ("an empty page is not the last", |_, _| {
            (200, json!({ "companies": [], "nextPageToken": "x" }))
        }),
        ("a row appears twice", |_, _| {
            (
                200,
                json!({ "companies": [{ "id": "a" }], "nextPageToken": "x" }),
            )
        }),
        ("a page token repeats", |asked, _| {
            let id = format!(
                "c{}",
                asked.query.len() + asked.query.get("nextPageToken").map_or(0, String::len)
            );
            (
                200,
                json!({ "companies": [{ "id": id }], "nextPageToken": "x" }),
            )
        }),
        ("no list companies", |_, _| {
            (200, json!({ "nextPageToken": null }))
        }),
    ];
    let of = |path: &'static str, source: Source| {
        move |(words, wrong)| (path, source.clone(), words, wrong)
    };
    let members = members.into_iter().map(of("members", clubspot));
    let companies = companies
        .into_iter()
        .map(of("community/companies/v1", spacebring));
    for (path, source, words, wrong) in members.chain(companies) {
        world.platform.override_response(path, wrong);
        request_reading(world, &source).await;
        problem(world, &source, words).await;
        assert_eq!(in_kisi(world), [1, 0, 0], "{words}");
        world.platform.restore();
    }
}
