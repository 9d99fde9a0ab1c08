//! The loops of this module against a receiver on this machine.

mod failing;
mod receiver;

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use uuid::Uuid;

use super::problem_watch;
use crate::{
    clock::new_id,
    fixture::{TestApp, at_noon, source_row},
    running::BackgroundLoop,
    secret::{SecretKind, new_signing_secret},
    store::{
        Db, StoreError,
        history::{self, Entry},
        page::{ByTime, Listed, Window},
        row::{
            EndpointStatus, HistoryKind, MessageStatus, OutboundEvent, SourceProblemKind,
            WebhookEndpoint, WebhookMessage,
        },
        sources, webhook_endpoints,
        webhook_messages::{self, MessageFilter, Replay},
    },
    transaction,
};
use receiver::{Received, Receiver};

struct Outbound {
    club: TestApp,
    receiver: Arc<Receiver>,
    url: String,
    running: Option<BackgroundLoop>,
}

impl Outbound {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let club = TestApp::start(at_noon(), settings).await;
        let receiver = Arc::new(Receiver::default());
        let url = receiver.start();
        let running = super::start(club.app.clone()).unwrap();
        Self {
            club,
            receiver,
            url,
            running: Some(running),
        }
    }

    async fn allowed() -> Self {
        Self::start(&[("LATCHKEY_WEBHOOK_PRIVATE_ADDRESSES", "true")]).await
    }

    async fn endpoint(&self, url: &str, events: &[OutboundEvent]) -> (Uuid, SecretString) {
        let (id, secret) = (new_id(), new_signing_secret());
        let sealer = &self.club.app.sealer;
        let row = WebhookEndpoint {
            id,
            club_id: self.club.scope.club,
            name: id.to_string(),
            url: url.to_owned(),
            events: webhook_endpoints::events_text(events),
            secret: sealer
                .seal(SecretKind::EndpointSecret, id, &secret)
                .unwrap(),
            old_secret: None,
            old_secret_until: None,
            status: EndpointStatus::Active,
            failing_since: None,
            created_at: 0,
        };
        self.write(async move |db| {
            transaction!(db, |tx| webhook_endpoints::create(tx, row).await).await
        })
        .await;
        (id, secret)
    }

    async fn write<T>(&self, work: impl AsyncFnOnce(Db) -> Result<T, StoreError>) -> T {
        work(self.club.app.db.clone()).await.unwrap()
    }

    /// Writes history entries, as a change does.
    async fn happen(&self, kinds: &[HistoryKind]) {
        let entries: Vec<Entry> = kinds.iter().map(|kind| entry(*kind)).collect();
        let (scope, now) = (self.club.scope, self.now());
        self.write(async move |db| {
            transaction!(db, |tx| history::write(tx, scope, now, entries).await).await
        })
        .await;
    }

    fn now(&self) -> i64 {
        self.club.app.clock.now().micros()
    }

    fn advance(&self, by: Duration) {
        let clock = &self.club.app.clock;
        clock.advance_to(clock.now().plus(by));
    }

    async fn messages(&self) -> Vec<WebhookMessage> {
        let filter = MessageFilter::default();
        let list = webhook_messages::list(self.club.scope, filter, ByTime::OldestFirst);
        let all = Window {
            most: 1_000,
            ..Window::default()
        };
        list.rows(&self.club.app.db, &all).await.unwrap()
    }

    /// Waits until the messages are as they should be.
    async fn until(&self, what: &str, is_so: impl Fn(&[WebhookMessage]) -> bool) {
        for _ in 0..1_000 {
            if is_so(&self.messages().await) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}: {:#?}", self.messages().await);
    }

    async fn endpoint_row(&self, id: Uuid) -> WebhookEndpoint {
        let db = self.club.app.db.read();
        let row = webhook_endpoints::get(db, self.club.scope, id).await;
        row.unwrap().unwrap()
    }

    async fn stop(mut self) {
        self.running.take().unwrap().stop().await;
    }
}

fn entry(kind: HistoryKind) -> Entry {
    Entry {
        kind,
        member: Some(Uuid::from_u128(7)),
        target: None,
        cause: "a test".to_owned(),
        delivery: None,
        rule: None,
        actor: None,
        message: "Something happened.".to_owned(),
    }
}

fn verify(secret: &SecretString, received: &Received) -> Result<(), String> {
    let id = received.header("webhook-id");
    let timestamp: i64 = received.header("webhook-timestamp").parse().unwrap();
    // The receiver's own clock is not the one of the test, so the signature is compared without the check of the time.
    let webhook = Webhook::new(secret.expose_secret()).unwrap();
    let signature = webhook.sign(id, timestamp, &received.body).unwrap();
    let signatures: Vec<&str> = received.header("webhook-signature").split(' ').collect();
    signatures
        .contains(&signature.as_str())
        .then_some(())
        .ok_or(format!("{signature} is not in {signatures:?}"))
}

const ALL: [OutboundEvent; 4] = [
    OutboundEvent::AccessChanged,
    OutboundEvent::DoorUnlocked,
    OutboundEvent::DoorDenied,
    OutboundEvent::RevocationHeld,
];

fn are_all(status: MessageStatus) -> impl Fn(&[WebhookMessage]) -> bool {
    move |all| all.iter().all(|message| message.status == status)
}

#[tokio::test]
async fn subscribed_events_arrive_signed() {
    let outbound = Outbound::allowed().await;
    let (_, secret) = outbound.endpoint(&outbound.url, &ALL).await;
    outbound
        .happen(&[
            HistoryKind::Granted,
            HistoryKind::RuleChanged,
            HistoryKind::Unlocked,
            HistoryKind::UnlockDenied,
            HistoryKind::Held,
        ])
        .await;
    outbound
        .until("delivered", are_all(MessageStatus::Delivered))
        .await;
    let received = outbound.receiver.received();
    let types: std::collections::BTreeSet<String> = received
        .iter()
        .map(|it| serde_json::from_slice::<Value>(&it.body).unwrap()["type"].to_string())
        .collect();
    assert_eq!(
        types.into_iter().collect::<Vec<_>>(),
        [
            "\"access.changed\"",
            "\"door.denied\"",
            "\"door.unlocked\"",
            "\"revocation.held\""
        ]
    );
    assert_eq!(received.len(), 4);
    for request in &received {
        verify(&secret, request).unwrap();
        assert_eq!(request.header("content-type"), "application/json");
        assert!(request.header("webhook-id").starts_with("msg_"));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["timestamp"], "2026-03-02T12:00:00Z");
        assert_eq!(body["data"]["message"], "Something happened.");
    }
    outbound.stop().await;
}

#[tokio::test]
async fn a_change_that_is_rolled_back_is_not_told() {
    let outbound = Outbound::allowed().await;
    outbound.endpoint(&outbound.url, &ALL).await;
    let (scope, now) = (outbound.club.scope, outbound.now());
    let failed: Result<(), StoreError> = transaction!(outbound.club.app.db, |tx| {
        history::write(tx, scope, now, vec![entry(HistoryKind::Granted)]).await?;
        Err(StoreError::TaskEnded)
    })
    .await;
    assert!(failed.is_err());
    assert_eq!(outbound.messages().await, []);
    outbound.stop().await;
}

#[tokio::test]
async fn a_failed_message_is_repeated_for_three_days_and_can_be_replayed() {
    let outbound = Outbound::allowed().await;
    let (id, _) = outbound.endpoint(&outbound.url, &ALL).await;
    outbound
        .receiver
        .answer([500, 302, 404, 429, 503, 500, 500, 500, 500, 500]);
    outbound.happen(&[HistoryKind::Granted]).await;
    let mut paused = Vec::new();
    for attempt in 1..10 {
        outbound
            .until("tried", |all| all[0].attempts == attempt)
            .await;
        let next = outbound.messages().await[0].next_at - outbound.now();
        paused.push(next / 1_000_000);
        assert_eq!(outbound.receiver.received().len(), attempt as usize);
        outbound.advance(Duration::from_micros(next as u64));
    }
    assert!(paused.is_sorted(), "{paused:?}");
    assert!(paused.iter().sum::<i64>() >= 72 * 3_600, "{paused:?}");
    outbound
        .until("failed", are_all(MessageStatus::Failed))
        .await;
    let failing = outbound.endpoint_row(id).await.failing_since;
    assert!(failing.is_some_and(|since| since < outbound.now()));
    let message = outbound.messages().await.remove(0);
    let db = outbound.club.app.db.read();
    let attempts = webhook_messages::attempts(db, outbound.club.scope, &[message.id])
        .await
        .unwrap();
    assert_eq!(attempts.len(), 10);
    let redirect = attempts[1].problem.as_deref().unwrap();
    assert!(
        redirect.contains("redirects are not followed"),
        "{redirect}"
    );
    assert_eq!(attempts[2].response.as_deref(), Some("heard"));

    let (scope, now, which) = (outbound.club.scope, outbound.now(), Replay::Since(id, 0));
    outbound
        .write(async move |db| {
            transaction!(db, |tx| webhook_messages::replay(tx, scope, &which, now)
                .await)
            .await
        })
        .await;
    outbound
        .until("delivered", are_all(MessageStatus::Delivered))
        .await;
    assert_eq!(outbound.endpoint_row(id).await.failing_since, None);
    let received = outbound.receiver.received();
    let ids = received.iter().map(|it| it.header("webhook-id"));
    assert!(ids.clone().all(|id| id == received[0].header("webhook-id")));
    assert!(received.iter().all(|it| it.body == received[0].body));
    outbound.stop().await;
}

#[tokio::test]
async fn due_messages_are_found_by_their_index() {
    let outbound = Outbound::allowed().await;
    outbound.endpoint(&outbound.url, &ALL).await;
    // The statements of the fixture's own connections are counted already.
    let url = &outbound.club.app.config.database_url;
    let db = Db::connect(url.expose_secret()).await.unwrap();
    let statements = db.record();
    let now = outbound.now();
    webhook_messages::due(db.read(), now, &[], 10)
        .await
        .unwrap();
    webhook_messages::next_due(db.read(), now).await.unwrap();
    webhook_messages::count_waiting(db.read()).await.unwrap();
    let statements = statements.lock().unwrap().clone();
    let texts: Vec<String> = statements.iter().map(|it| it.sql.clone()).collect();
    let of_messages = statements
        .into_iter()
        .filter(|statement| statement.sql.contains("FROM \"webhook_message\""));
    let mut plans = 0;
    for statement in of_messages {
        let steps = db.steps(statement).await.unwrap();
        let is_by_index = |step: &String| step.contains("webhook_message_next_at");
        assert!(steps.iter().any(is_by_index), "{steps:?}");
        plans += 1;
    }
    assert!(plans >= 3, "{texts:#?}");
    db.close().await;
    outbound.stop().await;
}

#[tokio::test]
async fn messages_are_signed_with_the_old_secret_too_while_it_is_valid() {
    let outbound = Outbound::allowed().await;
    let (id, old) = outbound.endpoint(&outbound.url, &ALL).await;
    let new = new_signing_secret();
    let mut row = outbound.endpoint_row(id).await;
    let sealer = &outbound.club.app.sealer;
    row.old_secret = Some(
        sealer
            .seal(SecretKind::OldEndpointSecret, id, &old)
            .unwrap(),
    );
    row.old_secret_until = Some(outbound.now() + 60_000_000);
    row.secret = sealer.seal(SecretKind::EndpointSecret, id, &new).unwrap();
    outbound
        .write(async move |db| transaction!(db, |tx| webhook_endpoints::set(tx, row).await).await)
        .await;
    outbound.happen(&[HistoryKind::Granted]).await;
    outbound
        .until("delivered", are_all(MessageStatus::Delivered))
        .await;
    let first = outbound.receiver.received().remove(0);
    verify(&old, &first).unwrap();
    verify(&new, &first).unwrap();
    outbound.advance(Duration::from_secs(60));
    outbound.happen(&[HistoryKind::Granted]).await;
    outbound
        .until("delivered", are_all(MessageStatus::Delivered))
        .await;
    let second = outbound.receiver.received().remove(1);
    assert!(verify(&old, &second).is_err());
    verify(&new, &second).unwrap();
    outbound.stop().await;
}

#[tokio::test]
async fn a_private_address_gets_no_request_unless_the_setting_allows_it() {
    let outbound = Outbound::start(&[]).await;
    let named = outbound
        .url
        .replace("http://127.0.0.1", "https://localhost");
    outbound.endpoint(&outbound.url, &ALL).await;
    outbound.endpoint(&named, &ALL).await;
    outbound.happen(&[HistoryKind::Granted]).await;
    outbound
        .until("tried", |all| {
            all.iter().all(|message| message.attempts == 1)
        })
        .await;
    assert_eq!(outbound.receiver.received().len(), 0);
    outbound.stop().await;
}

#[tokio::test]
async fn a_problem_is_announced_when_it_begins_and_when_it_ends() {
    let outbound = Outbound::allowed().await;
    let events = [OutboundEvent::SourceProblem];
    outbound.endpoint(&outbound.url, &events).await;
    let (app, scope) = (outbound.club.app.clone(), outbound.club.scope);
    let source = new_id();
    let mut row = source_row(scope, source);
    row.problem = Some("The key is refused.".to_owned());
    row.problem_kind = Some(SourceProblemKind::CredentialsRefused);
    row.problem_since = Some(1_000_000);
    outbound
        .write(async move |db| transaction!(db, |tx| sources::create(tx, row).await).await)
        .await;
    problem_watch::announce_all(&app).await.unwrap();
    problem_watch::announce_all(&app).await.unwrap();
    let bodies = |all: &[WebhookMessage]| -> Vec<Value> {
        let data = |message: &WebhookMessage| {
            let body: Value = serde_json::from_str(&message.body).unwrap();
            json!([
                body["type"],
                body["data"]["problem"],
                body["data"]["state"],
                body["data"]["message"]
            ])
        };
        all.iter().map(data).collect()
    };
    let begun = json!([
        "source.problem",
        "CREDENTIALS_REFUSED",
        "BEGAN",
        "The key is refused."
    ]);
    assert_eq!(
        bodies(&outbound.messages().await),
        std::slice::from_ref(&begun)
    );
    let now = outbound.now();
    outbound
        .write(async move |db| {
            transaction!(db, |tx| sources::remove(tx, scope, source, now).await).await
        })
        .await;
    problem_watch::announce_all(&app).await.unwrap();
    problem_watch::announce_all(&app).await.unwrap();
    let ended = json!(["source.problem", "CREDENTIALS_REFUSED", "ENDED", null]);
    assert_eq!(bodies(&outbound.messages().await), [begun, ended]);
    outbound.stop().await;
}

#[tokio::test]
async fn two_processes_send_each_message_once() {
    let outbound = Outbound::allowed().await;
    let other = super::start(outbound.club.app.clone()).unwrap();
    outbound.endpoint(&outbound.url, &ALL).await;
    for _ in 0..20 {
        outbound.happen(&[HistoryKind::Granted; 5]).await;
    }
    outbound
        .until("delivered", are_all(MessageStatus::Delivered))
        .await;
    let received = outbound.receiver.received();
    let ids: std::collections::BTreeSet<&str> =
        received.iter().map(|it| it.header("webhook-id")).collect();
    assert_eq!(ids.len(), 100);
    assert_eq!(received.len(), 100);
    other.stop().await;
    outbound.stop().await;
}
