//! The pages of `docs/platforms`: every GraphQL operation on them is accepted, in the order of the page, by a club with a source of
//! the page's platform.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    sender_pages::{Block, blocks, pages},
    support::{event::membership, world::World},
};

on_both!(every_operation_of_the_platforms_pages_is_accepted);

const PAGES: [(&str, &str); 4] = [
    ("clubspot.md", "CLUBSPOT"),
    ("exercise-com.md", "EXERCISE_COM"),
    ("spacebring.md", "SPACEBRING"),
    ("teamup.md", "TEAMUP"),
];

async fn every_operation_of_the_platforms_pages_is_accepted(world: &mut World) {
    let desk = world.api.source("Front desk").await;
    world.connect().await;
    world
        .send(&desk, "membership.updated", membership("m1", "ada"))
        .await;
    world.settled().await;
    let names: Vec<String> = pages("platforms")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, PAGES.map(|(name, _)| name));
    for (name, page) in pages("platforms") {
        let platform = PAGES.iter().find(|(page, _)| *page == name).unwrap().1;
        let values = values(world, platform).await;
        let blocks = blocks(&page);
        let operations: Vec<&Block> = blocks
            .iter()
            .filter(|block| block.info == "graphql")
            .collect();
        assert!(operations.len() > 5, "{name}");
        for operation in operations {
            run(world, &name, &operation.text, &values).await;
        }
    }
}

/// The values of the variables that a page's operations may use.
async fn values(world: &World, platform: &str) -> BTreeMap<&'static str, Value> {
    let credentials = match platform {
        "CLUBSPOT" => json!({ "clubspot": { "apiKey": "key", "clubId": "club" } }),
        "SPACEBRING" => json!({ "spacebring": { "clientId": "id", "clientSecret": "secret" } }),
        "TEAMUP" => json!({ "teamUp": { "token": "token" } }),
        _ => Value::Null,
    };
    let mut input = json!({ "name": format!("{platform} of the test"), "platform": platform });
    if !credentials.is_null() {
        input["credentials"] = credentials;
    }
    let arguments = [("input", "CreateSourceInput!", input)];
    let made = world
        .api
        .mutate("createSource", &arguments, "source { id }")
        .await;
    let source = made["source"]["id"].clone();
    let offering = async |kind: &str| {
        let input = json!({ "source": source, "externalId": format!("of-{kind}"), "kind": kind, "name": kind });
        let arguments = [("input", "SaveOfferingInput!", input)];
        let saved = world
            .api
            .mutate("saveOffering", &arguments, "offering { id }")
            .await;
        saved["offering"]["id"].clone()
    };
    BTreeMap::from([
        ("group", json!(world.api.named("groups", "Members").await)),
        ("lock", json!(world.api.named("locks", "Front door").await)),
        (
            "member",
            json!(world.api.member("ada@example.com").await.unwrap()),
        ),
        ("offering", offering("MEMBERSHIP").await),
        ("class", offering("CLASS").await),
        ("room", offering("ROOM").await),
        ("token", json!("a token")),
        ("secret", json!("a secret")),
        ("source", source),
    ])
}

async fn run(world: &World, page: &str, operation: &str, values: &BTreeMap<&str, Value>) {
    let head = operation.split('{').next().unwrap();
    let given: serde_json::Map<String, Value> = values
        .iter()
        .filter(|(name, _)| head.contains(&format!("${name}:")))
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let response = world.api.query_raw(operation, Value::Object(given)).await;
    assert!(
        response.get("errors").is_none(),
        "{page}\n{operation}\n{response:#}"
    );
    for (field, payload) in response["data"].as_object().unwrap() {
        if let Some(errors) = payload.get("userErrors") {
            assert_eq!(errors, &json!([]), "{page}: {field}\n{operation}");
        }
        let is_mutation = head.trim_start().starts_with("mutation");
        assert_eq!(
            is_mutation,
            payload.get("userErrors").is_some(),
            "{page}: {field} shows its errors"
        );
    }
}
