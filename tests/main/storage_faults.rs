//! Database faults: a full or read-only disk, dead and silent connections, a lock held by another process, a refused commit. The
//! service reports success only after a successful commit, and it recovers by itself.

use latchkey::transaction;
use latchkey::{
    clock::Clock,
    store::{Connection, Db, StoreError},
};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::support::{
    api::{Api, Signed, Source, WebhookResponse},
    child::{self, ServerProcess},
    event::{self, membership},
};

mod connections;
mod disk;
mod keys;
mod leases;
mod transactions;

/// A club served by a separate process, with a source that sends memberships. Counts the acknowledged webhooks.
struct Club {
    settings: Vec<(&'static str, String)>,
    serving: Option<ServerProcess>,
    api: Api,
    source: Source,
    sent: usize,
    acknowledged: u64,
}

impl Club {
    async fn start(database: String) -> Self {
        Self::with_deadline(database, "PT1S").await
    }

    async fn with_deadline(database: String, deadline: &str) -> Self {
        let settings = vec![
            ("DATABASE_URL", database),
            ("DATABASE_DEADLINE", deadline.to_owned()),
        ];
        let create = [
            "club",
            "create",
            "--name",
            "Club",
            "--time-zone",
            "UTC",
            "--json",
        ];
        let club = child::json(&create, &as_text(&settings));
        let serving = child::serve(&as_text(&settings));
        let token = club["token"].as_str().unwrap().to_owned();
        let api = Api::new(serving.base.clone(), token);
        let source = api.source("Front desk").await;
        Self {
            settings,
            serving: Some(serving),
            api,
            source,
            sent: 0,
            acknowledged: 0,
        }
    }

    /// Replaces the process that serves the club.
    fn serve_by(&mut self, serving: ServerProcess) {
        self.api = self.api.at(serving.base.clone());
        self.serving = Some(serving);
    }

    /// Sends a membership event about a new person; the response must be 202 or 503.
    async fn send(&mut self) -> WebhookResponse {
        self.sent += 1;
        let now = Clock::system().now();
        let number = self.sent;
        let data = membership(&format!("m{number}"), &format!("p{number}"));
        let body = event::event("membership.updated", now.timestamp(), &data);
        let id = format!("msg_{number}");
        let signed = Signed::new(&self.source.secret, &id, now, body.to_string().into_bytes());
        let answer = self.api.deliver(&self.source, signed).await;
        assert!([202, 503].contains(&answer.status), "{answer:?}");
        self.acknowledged += u64::from(answer.status == 202);
        answer
    }

    /// The status and the text of `/readyz`.
    async fn ready(&self) -> (u16, String) {
        let answer = reqwest::get(format!("{}/readyz", self.api.base))
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Kills the process with SIGKILL, restarts it, and checks that exactly the acknowledged deliveries are stored.
    async fn kill_and_count(&mut self) {
        assert_eq!(self.api.deliveries().await, self.acknowledged);
        self.serving.take().unwrap().kill();
        self.serve_by(child::serve(&as_text(&self.settings)));
        assert_eq!(self.api.deliveries().await, self.acknowledged);
    }
}

/// An open transaction on separate connections, like that of another process.
struct OpenTransaction {
    release: oneshot::Sender<()>,
    holding: JoinHandle<()>,
}

impl OpenTransaction {
    /// Begins a transaction with a statement and keeps the locks of that statement until `end`.
    async fn begin(url: &str, statement: &'static str) -> Self {
        let aside = Db::connect(url).await.unwrap();
        let (locked, has_lock) = oneshot::channel();
        let (release, released) = oneshot::channel::<()>();
        let holding = tokio::spawn(async move {
            let result: Result<(), StoreError> = transaction!(aside, |tx| {
                tx.execute_unprepared(statement).await?;
                locked.send(()).unwrap();
                released.await.unwrap();
                Ok(())
            })
            .await;
            result.unwrap();
            aside.close().await;
        });
        has_lock.await.unwrap();
        Self { release, holding }
    }

    async fn end(self) {
        self.release.send(()).unwrap();
        self.holding.await.unwrap();
    }
}

fn as_text<'a>(settings: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}
