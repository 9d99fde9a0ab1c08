//! `latchkey sandbox --seed lived-in` serves an organization with years of history over HTTP as Kisi would.

use std::time::Duration;

use serde_json::Value;

use crate::support::child::{self, ServerProcess};

const KEY: &str = "test-key";

async fn list(sandbox: &ServerProcess, path: &str) -> Vec<Value> {
    let client = latchkey::kisi::http_client(Duration::from_secs(30)).unwrap();
    let request = client.get(format!("{}{path}", sandbox.base));
    let request = request.header("authorization", format!("KISI-LOGIN {KEY}"));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{path}");
    let rows: Value = answer.json().await.unwrap();
    rows.as_array().unwrap().clone()
}

#[tokio::test]
async fn the_command_serves_years_of_history() {
    let sandbox = child::sandbox(&["--seed", "lived-in", "--key", KEY]);
    let users = list(&sandbox, "/users?limit=250").await;
    assert_eq!(users.len(), 61, "sixty people and the owner");
    let of = |name: &str| {
        users
            .iter()
            .map(|user| user[name].clone())
            .collect::<Vec<_>>()
    };
    let emails: Vec<String> = of("email")
        .iter()
        .map(|email| email.as_str().unwrap().to_owned())
        .collect();
    assert!(emails.iter().any(|email| *email != email.to_lowercase()));
    assert_eq!(
        of("access_enabled")
            .iter()
            .filter(|one| **one == false)
            .count(),
        1
    );
    assert!(
        of("name")
            .iter()
            .any(|name| !name.as_str().unwrap().is_ascii())
    );

    let groups = list(&sandbox, "/groups?limit=250").await;
    assert_eq!(groups.len(), 9);
    let odd = |group: &&Value| !group["name"].as_str().unwrap().is_ascii();
    assert!(groups.iter().filter(odd).count() >= 3);

    let rows = list(&sandbox, "/role_assignments?limit=250").await;
    let count = |name: &str, value: &str| rows.iter().filter(|row| row[name] == value).count();
    assert_eq!(count("applies_to_type", "Place"), 2);
    assert_eq!(
        count("applies_to_type", "Organization"),
        4,
        "including the owner's"
    );
    assert_eq!(count("role_id", "group_manager"), 1);
    let has_end = |row: &&Value| row["valid_until"].is_string();
    assert!(rows.iter().filter(has_end).count() > 10);
    let key = |row: &Value| {
        (
            row["user_id"].clone(),
            row["applies_to_type"].clone(),
            row["applies_to_id"].clone(),
        )
    };
    let twice = rows.iter().enumerate().filter(|(nth, row)| {
        rows.iter()
            .skip(nth + 1)
            .any(|other| key(other) == key(row))
    });
    assert!(
        twice.count() > 5,
        "some people have two assignments in one group"
    );
}

#[tokio::test]
async fn the_example_is_served_by_default() {
    let sandbox = child::sandbox(&["--key", KEY]);
    assert_eq!(list(&sandbox, "/users").await.len(), 1);
    assert_eq!(list(&sandbox, "/groups").await.len(), 3);
}
