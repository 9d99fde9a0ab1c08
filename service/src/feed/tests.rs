//! Tests of the feed on its own database: which rows reach which subscriber, and that clubs without subscribers are not read.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::*;
use crate::{
    clock::{Clock, new_id},
    fixture::TestApp,
    store::{
        history::{self, Entry},
        row::HistoryKind,
    },
};

async fn house() -> TestApp {
    let mut club = TestApp::start(Clock::system(), &[]).await;
    let parts = Arc::get_mut(&mut club.app).unwrap();
    // The feed took its pool before reads were counted.
    parts.feed = Feed::new(parts.db.clone());
    club
}

impl TestApp {
    async fn happens(&self, scope: ClubScope, member: Option<Uuid>, what: &[&str]) {
        let entries = what
            .iter()
            .map(|what| Entry {
                kind: HistoryKind::Granted,
                member,
                target: None,
                cause: String::new(),
                delivery: None,
                rule: None,
                actor: None,
                message: (*what).to_owned(),
            })
            .collect();
        let written: Result<(), StoreError> = self
            .app
            .db
            .write(move |tx| Box::pin(history::write(tx, scope, 0, entries)))
            .await;
        written.unwrap();
    }

    async fn listen(&self, scope: ClubScope, filter: HistoryFilter) -> Events<HistoryEntry> {
        self.app.feed.access_events(scope, filter).await.unwrap()
    }
}

fn club() -> ClubScope {
    ClubScope::new(new_id())
}

async fn told(events: &mut Events<HistoryEntry>) -> String {
    let next = tokio::time::timeout(Duration::from_secs(60), events.next());
    next.await
        .expect("no row was delivered")
        .unwrap()
        .unwrap()
        .message
        .clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_subscriber_receives_new_rows_of_its_club_once() {
    let house = house().await;
    let (ours, theirs) = (club(), club());
    house.happens(ours, None, &["before"]).await;
    let mut first = house.listen(ours, HistoryFilter::default()).await;
    house.happens(theirs, None, &["elsewhere"]).await;
    house.happens(ours, None, &["one", "two"]).await;
    let mut second = house.listen(ours, HistoryFilter::default()).await;
    house.happens(ours, None, &["three"]).await;
    for what in ["one", "two", "three"] {
        assert_eq!(told(&mut first).await, what);
    }
    assert_eq!(told(&mut second).await, "three");
    house.app.feed.end();
    assert!(first.next().await.is_none());
    assert!(second.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_rows_that_pass_the_filter_are_delivered() {
    let house = house().await;
    let (ours, member) = (club(), new_id());
    let filter = HistoryFilter {
        member: Some(member),
        ..HistoryFilter::default()
    };
    let mut events = house.listen(ours, filter).await;
    house.happens(ours, Some(new_id()), &["another's"]).await;
    house.happens(ours, None, &["nobody's"]).await;
    house.happens(ours, Some(member), &["hers"]).await;
    assert_eq!(told(&mut events).await, "hers");
}

/// Rows whose stamp is older than the delivered ones: their transaction took long, or the clock of their machine is slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_committed_late_are_delivered() {
    let house = house().await;
    let ours = club();
    let stamp_of = |seconds: u64| {
        let past = crate::clock::id_lower_bound(Duration::from_secs(seconds)).as_u128();
        Uuid::from_u128(past | (new_id().as_u128() & u128::from(u64::MAX)))
    };
    let late = [stamp_of(1), stamp_of(20), stamp_of(50)];
    let mut events = house.listen(ours, HistoryFilter::default()).await;
    house.happens(ours, None, &["in time"]).await;
    assert_eq!(told(&mut events).await, "in time");
    for id in late {
        let row = HistoryEntry {
            id,
            club_id: ours.club,
            at: 0,
            kind: HistoryKind::Granted,
            member_id: None,
            target_kind: None,
            target_id: None,
            cause: String::new(),
            delivery_id: None,
            rule_id: None,
            actor: None,
            message: id.to_string(),
        };
        let written: Result<(), StoreError> = house
            .app
            .db
            .write(move |tx| Box::pin(crate::store::bulk::insert(tx, vec![row])))
            .await;
        written.unwrap();
    }
    let mut all: Vec<String> = Vec::new();
    for _ in late {
        all.push(told(&mut events).await);
    }
    all.sort_unstable();
    let mut wanted = late.map(|id| id.to_string());
    wanted.sort_unstable();
    assert_eq!(all, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_subscriber_is_disconnected_and_others_are_not() {
    let house = house().await;
    let ours = club();
    let tails = &house.app.feed.history;
    let mut slow = tails.subscribe(ours, 2, |_| true).await.unwrap();
    let mut good = house.listen(ours, HistoryFilter::default()).await;
    house.happens(ours, None, &["1", "2", "3"]).await;
    for what in ["1", "2", "3"] {
        assert_eq!(told(&mut good).await, what);
    }
    assert_eq!(told(&mut slow).await, "1");
    assert_eq!(told(&mut slow).await, "2");
    assert_eq!(slow.next().await.unwrap().unwrap_err(), TooSlow);
    assert!(slow.next().await.is_none());
    house.happens(ours, None, &["4"]).await;
    assert_eq!(told(&mut good).await, "4");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_club_without_subscribers_is_not_read() {
    let house = house().await;
    let (ours, theirs) = (club(), club());
    drop(house.listen(ours, HistoryFilter::default()).await);
    // The task ends on its own; the next subscriber starts anew.
    while house.app.feed.history.listened_to(ours) {
        tokio::task::yield_now().await;
    }
    let before = house.reads.load(Ordering::Relaxed);
    for _ in 0..20 {
        house.happens(ours, None, &["unheard"]).await;
        house.happens(theirs, None, &["unheard"]).await;
    }
    assert_eq!(house.reads.load(Ordering::Relaxed), before);
    let mut events = house.listen(ours, HistoryFilter::default()).await;
    house.happens(ours, None, &["heard"]).await;
    assert_eq!(told(&mut events).await, "heard");
}
