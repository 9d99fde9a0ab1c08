//! Tests of every mutation, each against its own database and the Kisi sandbox: its effects, and each user error that it
//! returns.

mod actions;
mod desk;
mod kisi;
mod mistakes;
mod rules;
mod settings;
mod shares;
mod sources;
mod webhooks;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    clock::new_id,
    fixture::{NOON, TestClub, instant, mutations::*},
    id::{Kind, encode as id},
    store::{
        ClubScope, StoreError, due, kisi_accounts,
        listings::{HistoryFilter, history},
        page::{ByTime, Listed, Window},
        row, setup,
    },
    transaction,
};

impl TestClub {
    /// Connects the sandbox and returns its account.
    async fn connected(&self) -> row::KisiAccount {
        let input = json!({"name": "House", "credentials": {"apiKey": "good-key"}});
        self.good(connect_kisi(input)).await;
        kisi_accounts::all(self.app.db.read(), self.scope)
            .await
            .unwrap()
            .pop()
            .unwrap()
    }

    async fn group(&self, name: &str) -> row::Group {
        let all = setup::all_groups(self.app.db.read(), self.scope)
            .await
            .unwrap();
        all.into_iter().find(|group| group.name == name).unwrap()
    }

    async fn lock(&self, name: &str) -> row::Lock {
        let all = setup::all_locks(self.app.db.read(), self.scope)
            .await
            .unwrap();
        all.into_iter().find(|lock| lock.name == name).unwrap()
    }

    /// Manages a group and returns its API id.
    async fn managed(&self, name: &str) -> String {
        let group = id(Kind::Group, self.group(name).await.id);
        let input = json!({"group": group, "managed": true});
        self.good(manage_group(input)).await;
        group
    }

    /// Creates a canonical source and returns its API id.
    async fn source(&self, name: &str) -> String {
        let input = json!({"name": name, "platform": "CANONICAL"});
        let made = self.good(create_source(input)).await;
        made["source"]["id"].as_str().unwrap().to_owned()
    }

    /// Saves an offering and returns its API id.
    async fn offering(&self, source: &str, kind: &str, name: &str) -> String {
        let input = json!({"source": source, "externalId": name, "kind": kind, "name": name});
        let made = self.good(save_offering(input)).await;
        made["offering"]["id"].as_str().unwrap().to_owned()
    }

    /// The number of members with open work in an account.
    async fn backlog(&self, account: Uuid) -> u64 {
        due::backlog(self.app.db.read(), account, instant(NOON))
            .await
            .unwrap()
    }

    /// Marks all open work of an account as done, as the reconcile loop would.
    async fn settle(&self, account: Uuid) {
        let rows = due::without_lane(self.app.db.read(), account, i64::MAX, 1_000)
            .await
            .unwrap();
        let work = transaction!(self.app.db, |tx| {
            let settled: Vec<_> = rows.iter().map(|row| (row, None)).collect();
            due::settle_all(tx, &settled).await.map(drop)
        });
        work.await.unwrap();
        assert_eq!(self.backlog(account).await, 0);
    }

    async fn history(&self, kind: row::HistoryKind) -> Vec<row::HistoryEntry> {
        let filter = HistoryFilter {
            kinds: Some(vec![kind]),
            ..HistoryFilter::default()
        };
        let window = Window {
            most: 100,
            ..Window::default()
        };
        history(self.scope, filter, ByTime::NewestFirst)
            .rows(&self.app.db, &window)
            .await
            .unwrap()
    }
}

/// An expected refusal.
fn refusal(code: &str, path: &str) -> (String, String) {
    (code.to_owned(), path.to_owned())
}
