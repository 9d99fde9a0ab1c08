//! Requests at the same time share the query that finds their source, and none sees a source as it was before.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;

use super::*;
use crate::{
    fixture::{TestApp, at_noon},
    ingest::addresses::Addresses,
};

const REQUESTS: usize = 200;

#[tokio::test]
async fn requests_at_the_same_time_share_a_query() {
    let club = TestApp::start(at_noon(), &[]).await;
    let (db, scope) = (club.app.db.clone(), club.scope);
    let kept = row::Source {
        path_key: "kept".to_owned(),
        ..source_row(scope, new_id())
    };
    let removed = row::Source {
        path_key: "removed".to_owned(),
        ..source_row(scope, new_id())
    };
    let id = removed.id;
    let stored = transaction!(db, |tx| {
        sources::create(tx, kept).await?;
        sources::create(tx, removed).await
    });
    stored.await.unwrap();
    let addresses = Addresses::start(db.clone());
    assert!(addresses.find("removed").await.unwrap().is_some());

    let gone = transaction!(db, |tx| sources::remove(tx, scope, id, noon()).await);
    gone.await.unwrap();
    let before = club.reads.load(Ordering::Relaxed);
    let keys = ["kept", "removed", "unknown", "not/a/key"];
    let keys = keys.iter().cycle().take(REQUESTS);
    let found = join_all(keys.map(|key| addresses.find(key))).await;
    let found: Vec<Option<String>> = found
        .into_iter()
        .map(|source| source.unwrap().map(|source| source.path_key))
        .collect();

    let one_round = [Some("kept".to_owned()), None, None, None];
    assert!(found.chunks(4).all(|round| round == one_round));
    let queries = club.reads.load(Ordering::Relaxed) - before;
    assert!(queries <= 2, "{queries} queries for {REQUESTS} requests");
}

#[tokio::test]
async fn an_address_is_looked_up_only_if_it_can_be_one() {
    let club = TestApp::start(at_noon(), &[]).await;
    let before = club.reads.load(Ordering::Relaxed);
    for key in ["", "a b", "ä", &"a".repeat(65)] {
        assert!(club.app.addresses.find(key).await.unwrap().is_none());
    }
    assert_eq!(club.reads.load(Ordering::Relaxed), before);
}
