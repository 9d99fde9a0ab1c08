//! The feed over a database of its own: what is told, to whom, and that nobody is asked for nothing.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use uuid::Uuid;

use super::*;
use crate::{
    app::App,
    clock::{Clock, new_id},
    config::Config,
    store::{
        history::{self, Entry},
        row::HistoryKind,
    },
};

struct House {
    app: Arc<App>,
    reads: Arc<std::sync::atomic::AtomicUsize>,
    _folder: tempfile::TempDir,
}

async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/club.db?mode=rwc", folder.path().display());
    let settings = [("LATCHKEY_DATABASE_URL".to_owned(), database)];
    let config = Config::load(None, settings.into_iter(), &BTreeMap::new()).unwrap();
    let mut app = App::start(config, Clock::system()).await.unwrap();
    let parts = Arc::get_mut(&mut app).unwrap();
    let reads = parts.db.count_reads();
    parts.feed = Feed::new(parts.db.clone());
    House {
        app,
        reads,
        _folder: folder,
    }
}

impl House {
    async fn happens(&self, scope: Scope, member: Option<Uuid>, what: &[&str]) {
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

    async fn listen(&self, scope: Scope, filter: HistoryFilter) -> Events<HistoryEntry> {
        self.app.feed.access_events(scope, filter).await.unwrap()
    }
}

fn club() -> Scope {
    Scope::new(new_id())
}

async fn told(events: &mut Events<HistoryEntry>) -> String {
    let next = tokio::time::timeout(Duration::from_secs(60), events.next());
    next.await
        .expect("nothing is told")
        .unwrap()
        .unwrap()
        .message
        .clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_told_once_what_happens_in_its_club_from_then_on() {
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
async fn only_what_is_wanted_is_told() {
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

/// A row whose stamp lies behind what was told already, as one is that took long to be committed, or whose machine's clock
/// is slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_committed_late_is_told() {
    let house = house().await;
    let ours = club();
    let stamp_of = |seconds: u64| {
        let past = crate::clock::ids_within(Duration::from_secs(seconds)).as_u128();
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
async fn who_does_not_read_is_let_go_and_others_are_not() {
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
async fn a_club_that_nobody_listens_to_costs_nothing() {
    let house = house().await;
    let (ours, theirs) = (club(), club());
    drop(house.listen(ours, HistoryFilter::default()).await);
    // The task ends by itself; whoever comes next finds everything as at first.
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
