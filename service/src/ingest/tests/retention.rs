//! Pruning reads one index range per step, and leaves what members and blocks are computed from.

use super::*;
use crate::store::retention::{self, Step};

const LATER: i64 = 1_000 * 86_400_000_000;

impl TestClub {
    /// Prunes everything that is older than `LATER`; returns the number of rows by step.
    async fn prune(&self) -> Vec<(Step, usize)> {
        let (scope, before) = (self.scope, noon() + LATER);
        let mut removed = Vec::new();
        for step in Step::ALL {
            let ids = retention::find(self.db.read(), scope, step, (before, 500))
                .await
                .unwrap();
            removed.push((step, ids.len()));
            let done: Result<(), StoreError> = transaction!(self.db, |tx| retention::remove(
                tx, scope, step, before, &ids
            )
            .await)
            .await;
            done.unwrap();
        }
        removed.retain(|(_, rows)| *rows > 0);
        removed
    }
}

#[tokio::test]
async fn no_step_reads_a_whole_table() {
    let mut books = TestClub::open().await;
    books.say("membership.updated", 1, of("m1", "ada")).await;
    books.reopen().await;
    let statements = books.db.record();
    let (scope, before) = (books.scope, noon() + LATER);
    for step in Step::ALL {
        let found = retention::find(books.db.read(), scope, step, (before, 500)).await;
        found.unwrap();
        let ids: Vec<Uuid> = (0..500).map(|_| new_id()).collect();
        let removed: Result<(), StoreError> = transaction!(books.db, |tx| retention::remove(
            tx, scope, step, before, &ids
        )
        .await)
        .await;
        removed.unwrap();
    }
    let statements: Vec<_> = statements.lock().unwrap().drain(..).collect();
    let mut seen = 0;
    for statement in statements {
        let sql = statement.sql.clone();
        if !["SELECT", "UPDATE", "DELETE"]
            .iter()
            .any(|verb| sql.starts_with(verb))
        {
            continue;
        }
        seen += 1;
        let steps = books.db.steps(statement).await.unwrap();
        let wide = steps.iter().find(|step| {
            step.starts_with("SCAN ")
                || step.ends_with("(club_id=?)")
                || step.contains("TEMP B-TREE")
        });
        assert_eq!(wide, None, "{sql}");
    }
    assert!(seen >= 2 * Step::ALL.len(), "{seen}");
}

#[tokio::test]
async fn members_and_blocks_are_as_they_were() {
    let blocked = json!({ "blocked": { "reason": "manual", "since": "2026-03-01T01:00:00Z" } });
    let moved = |email: &str| json!({ "id": "ada", "name": "ada", "email": email });
    let said = [
        ("member.updated", 1, moved("first@example.com")),
        (
            "membership.updated",
            2,
            membership("m1", &moved("second@example.com"), blocked),
        ),
        ("membership.updated", 3, of("m1", "ada")),
        ("membership.updated", 4, of("m2", "bob")),
        (
            "membership.updated",
            5,
            membership("m2", &person("bob"), json!({ "status": "ended" })),
        ),
        ("membership.updated", 6, of("m2", "bob")),
        (
            "company.updated",
            7,
            json!({ "id": "acme", "members": [person("ada")] }),
        ),
        ("company.updated", 8, json!({ "id": "acme", "members": [] })),
        ("roster.snapshot", 9, json!({ "companies": [] })),
        ("roster.snapshot", 10, json!({ "companies": [] })),
    ];
    let (kept, pruned) = (TestClub::open().await, TestClub::open().await);
    for (kind, minute, data) in said {
        for books in [&kept, &pruned] {
            books.say(kind, minute, data.clone()).await;
        }
    }
    let removed = pruned.prune().await;
    for step in [
        Step::Entitlements,
        Step::CompanyPeople,
        Step::Snapshots,
        Step::Bodies,
        Step::Deliveries,
    ] {
        assert!(
            removed.iter().any(|(of, _)| *of == step),
            "{step:?}: {removed:?}"
        );
    }
    let values = |held: BTreeMap<Uuid, String>| held.into_values().collect::<BTreeSet<_>>();
    assert_eq!(values(pruned.held().await), values(kept.held().await));
    // Late events meet what is left as they meet everything.
    for (kind, minute, data) in [
        ("membership.updated", 11, of("m3", "first")),
        ("membership.updated", -1, of("m1", "ada")),
        (
            "member.updated",
            12,
            json!({ "id": "cyd", "name": "cyd", "email": "second@example.com" }),
        ),
    ] {
        for books in [&kept, &pruned] {
            books.say(kind, minute, data.clone()).await;
        }
    }
    assert_eq!(values(pruned.held().await), values(kept.held().await));
}
