//! Bitemporal reads of members whose people have moved to other members since.

use super::*;
use crate::transaction;

const HOUR: i64 = 3_600_000_000;

impl TestClub {
    /// Stores an event this many hours after noon.
    async fn hear(&self, hour: i64, kind: &'static str, data: Value) {
        let jobs = vec![self.job(&(kind, hour * 60, data))];
        let (scope, now) = (self.scope, Instant::from_micros(noon() + hour * HOUR));
        let stored = transaction!(self.db, |tx| batch::store(tx, scope, all(&jobs), now).await);
        stored.await.unwrap();
    }

    /// By current name: the number of entitlements that each member held, as known this many hours after noon.
    async fn held_then(&self, hour: i64) -> BTreeMap<String, usize> {
        let names = self.names().await;
        let ids: Vec<Uuid> = names.keys().copied().collect();
        let known = AsOf::At(noon() + hour * HOUR);
        let all = facts::load(self.db.read(), self.scope, &ids, known).await;
        let all = all.unwrap().into_iter();
        all.map(|(id, held)| (names[&id].clone(), held.held.len()))
            .collect()
    }
}

#[tokio::test]
async fn two_members_who_were_one_before_show_as_one_then() {
    let books = TestClub::open().await;
    let child = |email: &str| json!({ "id": "child", "name": "child", "email": email });
    let parent = json!({ "id": "parent", "name": "parent", "email": "home@example.com" });
    let of_parent = membership("m-parent", &parent, json!({}));
    books.hear(0, "membership.updated", of_parent).await;
    let of_child = membership("m-child", &child("home@example.com"), json!({}));
    books.hear(1, "membership.updated", of_child).await;
    books
        .hear(2, "member.updated", child("child@example.com"))
        .await;
    books
        .hear(3, "member.updated", child("other@example.com"))
        .await;
    let held = |parent, child| {
        let both = [("parent", parent), ("child", child)];
        both.map(|(name, held)| (name.to_owned(), held)).into()
    };
    assert_eq!(books.held_then(0).await, held(1, 0));
    assert_eq!(books.held_then(1).await, held(2, 0));
    assert_eq!(books.held_then(2).await, held(1, 1));
    assert_eq!(books.held_then(3).await, held(1, 1));
}
