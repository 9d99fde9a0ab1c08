//! The problems of a source: each has a kind, says who can fix it and since when it lasts, and goes away once it is fixed.

use jiff::ToSpan;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{a_teamup, customer, problem, read, read_again, request_reading};
use crate::support::{
    api::Source,
    child,
    event::membership,
    world::{Database, World},
};

on_both!(
    a_source_that_goes_silent_is_shown,
    refused_credentials_and_missing_permissions_are_shown,
    a_collapsed_reading_is_shown,
    growing_failures_are_shown,
);

/// The problems of a source, and the text of the first one.
async fn problems(world: &World, source: &Source) -> (Value, Value) {
    let query = "query($id: ID!) { node(id: $id) { ... on Source { problem \
                 problems { kind message fixedBy since } } } }";
    let node = world.api.query(query, json!({ "id": source.id })).await["node"].clone();
    (node["problems"].clone(), node["problem"].clone())
}

/// The kind of the only problem, who can fix it, and since when it lasts.
async fn only_problem(world: &World, source: &Source) -> (String, String, jiff::Timestamp) {
    let (problems, text) = problems(world, source).await;
    let [one] = problems.as_array().unwrap().as_slice() else {
        panic!("{problems}");
    };
    assert_eq!(one["message"], text);
    let word = |name: &str| one[name].as_str().unwrap().to_owned();
    let since = word("since").parse().unwrap();
    (word("kind"), word("fixedBy"), since)
}

async fn a_source_that_goes_silent_is_shown(world: &mut World) {
    let source = world.api.source("Front desk").await;
    for nth in 0..22 {
        let sold = membership(&format!("m{nth}"), "ada");
        world.send(&source, "membership.updated", sold).await;
        world.turn_to(world.now() + 18.hours());
    }
    // The longest gap is nineteen hours, to the end of the hour: four times that have not passed.
    let last = world.now() - 18.hours();
    world.turn_to(last + 75.hours());
    assert_eq!(problems(world, &source).await, (json!([]), Value::Null));
    world.turn_to(last + 77.hours());
    let (kind, fixer, since) = only_problem(world, &source).await;
    assert_eq!((kind.as_str(), fixer.as_str()), ("SILENT", "SENDER"));
    assert!(since <= last && since >= last - 5.seconds(), "{since}");
    let sold = membership("m-last", "ada");
    world.send(&source, "membership.updated", sold).await;
    assert_eq!(problems(world, &source).await, (json!([]), Value::Null));
    // What was counted survives a restart, and the command line reports the same.
    if world.database() == Database::Sqlite {
        world.app().arrivals.write(&world.app().db).await.unwrap();
        world.stop().await;
        let url = world.database_url();
        let output = child::run(&["check"], &[("DATABASE_URL", &url)]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        world.start_again().await;
        assert!(
            text.contains("source “Front desk”: No webhook has arrived for"),
            "{text}"
        );
        assert!(
            text.contains("fixed by the person who maintains the sender"),
            "{text}"
        );
    }
}

async fn refused_credentials_and_missing_permissions_are_shown(world: &mut World) {
    let source = a_teamup(world).await;
    read(world, &source).await;
    world.platform.key("another");
    request_reading(world, &source).await;
    problem(world, &source, "refuses the credentials").await;
    let first = only_problem(world, &source).await;
    assert_eq!(
        (first.0.as_str(), first.1.as_str()),
        ("CREDENTIALS_REFUSED", "ADMIN")
    );
    // It lasts since the first refusal.
    let asked = world.platform.asked("customers").len();
    world.turn_to(world.now() + 2.hours());
    request_reading(world, &source).await;
    let again = async || (world.platform.asked("customers").len() > asked).then_some(());
    crate::support::api::eventually(again, async || "it is not read again".to_owned()).await;
    world.settled().await;
    assert_eq!(only_problem(world, &source).await, first);
    world.platform.key("key");
    world
        .platform
        .override_response("customer_memberships", |_, _| (403, json!({})));
    request_reading(world, &source).await;
    problem(world, &source, "does not let these credentials read").await;
    let (kind, fixer, since) = only_problem(world, &source).await;
    assert_eq!(
        (kind.as_str(), fixer.as_str()),
        ("PERMISSION_MISSING", "ADMIN")
    );
    assert!(since > first.2);
    world
        .platform
        .override_response("customer_memberships", |_, _| (503, json!({})));
    request_reading(world, &source).await;
    problem(world, &source, "answers 503").await;
    let (kind, fixer, _) = only_problem(world, &source).await;
    assert_eq!(
        (kind.as_str(), fixer.as_str()),
        ("PLATFORM_UNAVAILABLE", "PLATFORM")
    );
    world.platform.restore();
    read_again(world, &source).await;
    assert_eq!(problems(world, &source).await, (json!([]), Value::Null));
}

async fn a_collapsed_reading_is_shown(world: &mut World) {
    let source = a_teamup(world).await;
    read(world, &source).await;
    world.platform.list("customers", json!([customer(9, "cy")]));
    world.turn_to(world.now() + 1.hour());
    request_reading(world, &source).await;
    problem(world, &source, "no longer lists").await;
    world.turn_to(world.now() + 31.seconds());
    problem(world, &source, "confirmReading").await;
    let (kind, fixer, _) = only_problem(world, &source).await;
    assert_eq!(
        (kind.as_str(), fixer.as_str()),
        ("READING_COLLAPSED", "ADMIN")
    );
}

async fn growing_failures_are_shown(world: &mut World) {
    let source = world.api.source("Front desk").await;
    for nth in 0..5 {
        assert_eq!(problems(world, &source).await.0, json!([]), "{nth}");
        let body = json!({ "type": "membership.updated", "data": { "nothing": nth } });
        assert_eq!(world.post(&source, &body).await.status, 422);
    }
    let (kind, fixer, _) = only_problem(world, &source).await;
    assert_eq!(
        (kind.as_str(), fixer.as_str()),
        ("DELIVERIES_FAILING", "SENDER")
    );
    // Three hours later only good events arrive.
    world.turn_to(world.now() + 3.hours());
    let sold = membership("m1", "ada");
    world
        .send(&source, "membership.updated", sold.clone())
        .await;
    assert_eq!(problems(world, &source).await.0, json!([]));
    let forger = Source {
        secret: SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ..source.clone()
    };
    world.turn_to(world.now() + 3.hours());
    for _ in 0..5 {
        let body = json!({ "type": "membership.updated", "data": sold });
        assert_eq!(world.post(&forger, &body).await.status, 401);
    }
    let (kind, fixer, _) = only_problem(world, &source).await;
    assert_eq!(
        (kind.as_str(), fixer.as_str()),
        ("REQUESTS_REJECTED", "SENDER")
    );
}
