//! A fact that is stated again adds no row, and neither the past nor late events notice.

use super::*;
use crate::store::retention::{self, Step};

impl TestClub {
    /// Stores an event with the minute at which it happened, received at another one.
    async fn receive(&self, received: i64, (kind, minute, data): (&'static str, i64, Value)) {
        let jobs = vec![self.job(&(kind, minute, data))];
        let (scope, now) = (
            self.scope,
            Instant::from_micros(noon() + received * 60_000_000),
        );
        let stored = transaction!(self.db, |tx| batch::store(tx, scope, all(&jobs), now).await);
        stored.await.unwrap();
    }

    async fn superseded(&self) -> usize {
        let mut rows = 0;
        for step in Step::ALL.into_iter().filter(|step| step.is_of_versions()) {
            let ids = retention::find(self.db.read(), self.scope, step, (i64::MAX, 10_000)).await;
            rows += ids.unwrap().len();
        }
        rows
    }

    /// The size of the database file, with everything written to it.
    async fn bytes(&mut self) -> u64 {
        self.reopen().await;
        std::fs::metadata(self.folder.path().join("club.db"))
            .unwrap()
            .len()
    }

    /// What each member held as known at a minute, and the blocks of it.
    async fn known_at(&self, minute: i64) -> BTreeSet<String> {
        let read = self.db.read();
        let ids = members::ids(read, self.scope).await.unwrap();
        let known = AsOf::At(noon() + minute * 60_000_000);
        let all = facts::load(read, self.scope, &ids, known).await.unwrap();
        let held = |facts: &access::Facts| {
            let held = facts.entitlements.iter();
            let held = held.map(|it| format!("{:?} {:?} {:?}", it.via, it.span, it.holding));
            format!("{:?} {:?}", facts.tags, held.collect::<BTreeSet<_>>())
        };
        all.values().map(|of| held(&of.facts)).collect()
    }
}

/// A membership, a booking with a guest, tags and a company.
fn everything(minute: i64) -> Vec<(&'static str, i64, Value)> {
    let tagged = json!({ "id": "ada", "name": "ada", "email": "ada@example.com", "tags": ["vip"],
        "companies": [{ "id": "acme", "name": "Acme" }] });
    vec![
        ("membership.updated", minute, of("m1", "ada")),
        (
            "registration.updated",
            minute + 1,
            booking("b1", "ada", &["bob"]),
        ),
        ("member.updated", minute + 2, tagged),
        (
            "company.updated",
            minute + 3,
            json!({ "id": "acme", "name": "Acme", "members": [person("ada")] }),
        ),
        ("membership.updated", minute + 4, for_company("c1", "acme")),
    ]
}

#[tokio::test]
async fn a_fact_that_is_stated_again_adds_no_row() {
    let mut books = TestClub::open().await;
    for said in everything(1) {
        books.receive(1, said).await;
    }
    let before = books.held().await;
    let start = books.bytes().await;
    let rounds = 100;
    for round in 1..=rounds {
        for said in everything(round * 10) {
            books.receive(round * 10, said).await;
        }
    }
    assert_eq!(books.superseded().await, 0);
    assert_eq!(books.held().await, before);
    let growth = (books.bytes().await - start) / u64::try_from(rounds * 5).unwrap();
    eprintln!("{growth} bytes an event that says nothing new");
    assert!(growth < 1_200, "{growth} bytes an event");
}

#[tokio::test]
async fn what_was_known_before_a_repeat_stays_known() {
    let books = TestClub::open().await;
    let blocked = json!({ "blocked": { "reason": "manual", "since": "2026-03-01T01:00:00Z" } });
    let blocked = || membership("m1", &person("ada"), blocked.clone());
    let said = [
        ("membership.updated", 1, of("m1", "ada")),
        ("membership.updated", 5, of("m1", "ada")),
        // Late, between the two that say the same.
        ("membership.updated", 3, blocked()),
        ("membership.updated", 7, of("m1", "ada")),
        ("membership.updated", 9, blocked()),
        ("membership.updated", 13, blocked()),
        ("membership.updated", 11, of("m1", "ada")),
        ("member.deleted", 10, json!({ "id": "ada" })),
        ("membership.updated", 15, blocked()),
    ];
    let mut seen = Vec::new();
    for (received, said) in (20..).zip(said) {
        books.receive(received, said).await;
        seen.push((received, books.known_at(received).await));
    }
    for (received, then) in seen {
        assert_eq!(books.known_at(received).await, then, "at {received}");
    }
}

#[tokio::test]
async fn a_late_change_between_repeats_has_its_effect() {
    let moved = |email: &str| json!({ "id": "ada", "name": "ada", "email": email });
    let blocked = json!({ "blocked": { "reason": "manual", "since": "2026-03-01T01:00:00Z" } });
    let said = [
        ("member.updated", 1, moved("a@example.com")),
        ("member.updated", 2, moved("a@example.com")),
        ("member.updated", 3, moved("b@example.com")),
        ("membership.updated", 4, of("m2", "b")),
        ("member.updated", 5, moved("a@example.com")),
        ("membership.updated", 6, of("m3", "a")),
        ("member.updated", 7, moved("a@example.com")),
        ("membership.updated", 8, of("m1", "cyd")),
        ("membership.updated", 9, of("m1", "cyd")),
        (
            "membership.updated",
            10,
            membership("m1", &person("cyd"), blocked),
        ),
        ("membership.updated", 11, of("m1", "cyd")),
        ("membership.updated", 12, of("m1", "cyd")),
    ];
    let orders: [[usize; 12]; 3] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        [0, 1, 4, 6, 5, 3, 2, 7, 8, 10, 11, 9],
        [6, 4, 1, 0, 2, 3, 5, 11, 10, 8, 7, 9],
    ];
    let mut ends = Vec::new();
    for order in orders {
        let books = TestClub::open().await;
        for nth in order {
            let (kind, minute, data) = said[nth].clone();
            books.say(kind, minute, data).await;
        }
        ends.push(books.held().await.into_values().collect::<BTreeSet<_>>());
    }
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0], ends[2]);
}
