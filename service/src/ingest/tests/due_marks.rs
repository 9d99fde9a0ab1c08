//! Events mark exactly those members due whose facts they change.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::{TestClub, booking, for_company, membership, names, of, person};
use crate::store::facts::{self, AsOf};

#[tokio::test]
async fn people_with_a_share_of_a_deleted_person_are_due() {
    let books = TestClub::open().await;
    let shared = membership(
        "m1",
        &person("ada"),
        json!({ "shared_with": [person("bob")] }),
    );
    books.say("membership.updated", 1, shared).await;
    books
        .say("registration.updated", 2, booking("b1", "ada", &["cyd"]))
        .await;
    books.say("membership.updated", 3, of("m2", "dan")).await;
    assert_eq!(books.holders().await, names(["ada", "bob", "cyd", "dan"]));
    let due = books.say("member.deleted", 4, json!({ "id": "ada" })).await;
    assert_eq!(due, names(["ada", "bob", "cyd"]));
    assert_eq!(books.holders().await, names(["dan"]));
}

#[tokio::test]
async fn people_with_a_share_of_a_person_absent_from_a_snapshot_are_due() {
    let books = TestClub::open().await;
    let shared = membership(
        "m1",
        &person("ada"),
        json!({ "shared_with": [person("bob")] }),
    );
    books.say("membership.updated", 1, shared).await;
    books.say("membership.updated", 2, of("m2", "dan")).await;
    let due = books
        .say(
            "roster.snapshot",
            3,
            json!({ "members": [person("bob"), person("dan")] }),
        )
        .await;
    assert_eq!(due, names(["ada", "bob"]));
    // The same roster again affects nobody. A statement about an absent person, followed by the same roster, affects that person.
    let same = json!({ "members": [person("bob"), person("dan")] });
    assert_eq!(
        books.say("roster.snapshot", 4, same.clone()).await,
        names([])
    );
    books.say("membership.updated", 5, of("m1", "ada")).await;
    assert_eq!(books.holders().await, names(["ada", "dan"]));
    assert_eq!(books.say("roster.snapshot", 6, same).await, names(["ada"]));
    assert_eq!(books.holders().await, names(["dan"]));
}

#[tokio::test]
async fn a_roster_of_members_ends_only_the_people_it_omits() {
    let books = TestClub::open().await;
    books.say("membership.updated", 1, of("m1", "ada")).await;
    books.say("membership.updated", 2, of("m2", "bob")).await;
    books
        .say("membership.updated", 3, for_company("c1", "acme"))
        .await;
    let acme = json!({ "id": "acme", "members": [person("cyd")] });
    books.say("company.updated", 4, acme).await;
    let roster = json!({ "members": [person("bob"), person("cyd")] });
    assert_eq!(
        books.say("roster.snapshot", 5, roster).await,
        names(["ada"])
    );
    assert_eq!(books.holders().await, names(["bob", "cyd"]));
    let roster = json!({ "companies": [{ "id": "acme" }] });
    assert_eq!(books.say("roster.snapshot", 6, roster).await, names([]));
    assert_eq!(
        books
            .say("roster.snapshot", 7, json!({ "companies": [] }))
            .await,
        names(["cyd"])
    );
    assert_eq!(books.holders().await, names(["bob"]));
}

#[tokio::test]
async fn repeating_something_that_had_ended_marks_due() {
    let books = TestClub::open().await;
    let staff =
        json!({ "id": "bob", "name": "bob", "email": "bob@example.com", "tags": ["staff"] });
    books.say("membership.updated", 1, of("m1", "ada")).await;
    books
        .say("roster.snapshot", 2, json!({ "memberships": [] }))
        .await;
    assert_eq!(
        books.say("membership.updated", 3, of("m1", "ada")).await,
        names(["ada"])
    );
    books.say("member.updated", 4, staff.clone()).await;
    assert_eq!(
        books.say("member.deleted", 5, json!({ "id": "bob" })).await,
        names(["bob"])
    );
    assert_eq!(books.say("member.updated", 6, staff).await, names(["bob"]));
    let acme = json!({ "id": "acme", "members": [person("cyd")] });
    books
        .say("membership.updated", 7, for_company("c1", "acme"))
        .await;
    books.say("company.updated", 8, acme.clone()).await;
    assert_eq!(
        books
            .say("company.deleted", 9, json!({ "id": "acme" }))
            .await,
        names(["cyd"])
    );
    books
        .say("membership.updated", 10, for_company("c1", "acme"))
        .await;
    assert_eq!(books.say("company.updated", 11, acme).await, names(["cyd"]));
    assert_eq!(books.holders().await, names(["ada", "bob", "cyd"]));
}

#[tokio::test]
async fn a_snapshot_marks_exactly_the_people_it_ends_due() {
    let books = TestClub::open().await;
    let shared = membership(
        "m1",
        &person("ada"),
        json!({ "shared_with": [person("bob")] }),
    );
    books.say("membership.updated", 1, shared).await;
    books.say("membership.updated", 2, of("m2", "cyd")).await;
    books
        .say("membership.updated", 3, for_company("c1", "acme"))
        .await;
    let acme = json!({ "id": "acme", "members": [person("dan")] });
    books.say("company.updated", 4, acme).await;
    books
        .say("registration.updated", 5, booking("b1", "eve", &[]))
        .await;
    let ada = books
        .names()
        .await
        .into_iter()
        .find(|(_, name)| name == "ada")
        .unwrap()
        .0;
    books.dismiss(ada).await;
    let roster = json!({ "memberships": [of("m2", "cyd")] });
    let due = books.say("roster.snapshot", 6, roster.clone()).await;
    assert_eq!(due, names(["ada", "bob", "dan"]));
    assert!(
        books.dismissed(ada).await.is_empty(),
        "what was dismissed is judged anew"
    );
    assert_eq!(books.holders().await, names(["cyd", "eve"]));
    assert_eq!(books.say("roster.snapshot", 7, roster).await, names([]));
}

#[tokio::test]
async fn a_late_version_of_a_block_marks_due() {
    let books = TestClub::open().await;
    let blocked = |since: &str| {
        let blocked = json!({ "blocked": { "reason": "manual", "since": since } });
        membership("m1", &person("ada"), blocked)
    };
    books
        .say("membership.updated", 1, blocked("2026-03-01T00:00:00Z"))
        .await;
    books
        .say("membership.updated", 9, blocked("2026-03-02T12:09:00Z"))
        .await;
    let before = books.held().await;
    assert_eq!(
        books.say("membership.updated", 5, of("m1", "ada")).await,
        names(["ada"])
    );
    assert_ne!(books.held().await, before);
    // A late version equal to the current one, a late block where there was none, and a late version of a membership that was
    // never blocked.
    let same = blocked("2026-03-02T12:09:00Z");
    let due = books.say("membership.updated", 6, same).await;
    assert_eq!(due, names(["ada"]));
    let late = json!({ "blocked": { "reason": "manual", "since": "2026-03-02T00:00:00Z" } });
    let late = membership("m2", &person("bob"), late);
    books.say("membership.updated", 22, of("m2", "bob")).await;
    assert_eq!(
        books.say("membership.updated", 21, late).await,
        names(["bob"])
    );
    books.say("membership.updated", 32, of("m3", "cyd")).await;
    let due = books.say("membership.updated", 31, of("m3", "cyd")).await;
    assert_eq!(due, names([]));
}

#[tokio::test]
async fn two_who_shared_an_address_become_two_members() {
    let books = TestClub::open().await;
    let child = |email: &str| json!({ "id": "child", "name": "child", "email": email });
    books.say("membership.updated", 1, of("m1", "ada")).await;
    let shared = membership("m2", &child("ada@example.com"), json!({}));
    books.say("membership.updated", 2, shared).await;
    assert_eq!(books.names().await.len(), 1);
    let due = books
        .say("member.updated", 3, child("child@example.com"))
        .await;
    assert_eq!(due, names(["ada", "child"]));
    assert_eq!(books.holders().await, names(["ada", "child"]));
    assert_eq!(
        books.say("member.updated", 4, person("ada")).await,
        names([])
    );
}

#[tokio::test]
async fn both_are_due_when_one_member_becomes_another() {
    let books = TestClub::open().await;
    books
        .say("member.updated", 2, json!({ "id": "x", "name": "x" }))
        .await;
    books.say("member.updated", 3, person("ada")).await;
    let before: BTreeSet<Uuid> = books.names().await.into_keys().collect();
    let late = json!({ "id": "x", "email": "ada@example.com" });
    let due = books.take_in(&[("member.updated", 1, late)]).await;
    assert_eq!(books.names().await.len(), 1);
    assert_eq!(due, before);
}

#[tokio::test]
async fn a_long_name_is_cut_and_all_tags_count() {
    let books = TestClub::open().await;
    let long = "ä".repeat(5_000);
    let tags: Vec<String> = (0..500).map(|nth| format!("{nth:03}{long}")).collect();
    let ada = json!({ "id": "ada", "name": long, "email": "ada@example.com", "tags": tags });
    let mut data = membership(
        "m1",
        &ada,
        json!({ "location": { "id": "l", "name": long } }),
    );
    data["plan"]["name"] = json!(long);
    books.say("membership.updated", 1, data).await;
    let name = books.names().await.into_values().next().unwrap();
    assert_eq!(name.chars().count(), 200);
    let ids: Vec<Uuid> = books.names().await.into_keys().collect();
    let facts = facts::load(books.db.read(), books.scope, &ids, AsOf::Now)
        .await
        .unwrap();
    let tags = &facts[&ids[0]].facts.tags;
    assert_eq!(tags.len(), 500);
    assert!(tags.iter().all(|tag| tag.chars().count() == 201));
}
