//! Sends the messages that are due: a few at a time to each endpoint, so that a slow one delays no other, and one at a time to an
//! endpoint that failed last. A commit of this process wakes it; a message that another process lost is found when its claim ends.

use std::{collections::HashMap, sync::Arc, time::Duration};

use access::Instant;
use tokio::{
    sync::watch,
    task::{Id, JoinSet},
};
use uuid::Uuid;

use super::{
    request::{self, Sender, Verdict},
    schedule,
};
use crate::{
    app::App,
    clock::{Stopwatch, new_id},
    running::is_stopping,
    store::{
        ClubScope, StoreError,
        row::{MessageStatus, WebhookAttempt, WebhookEndpoint, WebhookMessage},
        webhook_endpoints,
        webhook_messages::{self, Transition, Waiting},
    },
    transaction,
};

/// How many requests run at the same time, in all and to one endpoint.
const MOST: usize = 32;
const MOST_OF_ONE: usize = 4;
/// How many due messages one query reads.
const BATCH: u64 = 64;
/// When a claimed message without an outcome counts as lost.
const CLAIM: Duration = Duration::from_secs(60);
/// How long the other messages to an endpoint wait after a failed attempt, so that the search for due messages does not walk over the
/// backlog of an endpoint that fails.
const FAILING_PAUSE: Duration = Duration::from_secs(60);
/// How soon after a commit due messages are looked for.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// How often messages are looked for that no commit of this process announced.
const POLL: Duration = Duration::from_secs(10);

pub(super) async fn run(app: Arc<App>, sender: Sender, mut stopping: watch::Receiver<bool>) {
    let mut dispatcher = Dispatcher {
        app,
        sender,
        sending: JoinSet::new(),
        endpoints: HashMap::new(),
    };
    while !is_stopping(&stopping) {
        let committed = dispatcher.app.db.next_commit();
        let next = dispatcher.start_due().await.unwrap_or_else(|problem| {
            tracing::error!(error = ?problem, "the messages to endpoints could not be read; trying again");
            None
        });
        let clock = dispatcher.app.clock.clone();
        let poll = clock.now().plus(POLL);
        let next = next.map_or(poll, |next| poll.min(Instant::from_micros(next)));
        tokio::select! {
            () = committed => tokio::time::sleep(DEBOUNCE).await,
            Some(ended) = dispatcher.sending.join_next_with_id() => dispatcher.take_back(ended),
            () = clock.sleep_until(next) => {}
            _ = stopping.changed() => {}
        }
    }
    while let Some(ended) = dispatcher.sending.join_next_with_id().await {
        dispatcher.take_back(ended);
    }
}

struct Dispatcher {
    app: Arc<App>,
    sender: Sender,
    sending: JoinSet<()>,
    /// The endpoint of each task.
    endpoints: HashMap<Id, Uuid>,
}

impl Dispatcher {
    fn take_back(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let mut next = Some(ended);
        while let Some(ended) = next {
            let id = match ended {
                Ok((id, ())) => id,
                Err(problem) => {
                    tracing::error!(error = %problem, "sending a message to an endpoint panicked; it is sent again");
                    problem.id()
                }
            };
            self.endpoints.remove(&id);
            next = self.sending.try_join_next_with_id();
        }
    }

    /// Starts requests for the messages that are due. Returns when the next one is due.
    async fn start_due(&mut self) -> Result<Option<i64>, StoreError> {
        let now = self.app.clock.now();
        let lost_at = now.plus(CLAIM).micros();
        let now = now.micros();
        let mut running = self.running();
        let mut busy = Vec::new();
        while self.sending.len() < MOST {
            let due = webhook_messages::due(self.app.db.read(), now, &busy, BATCH).await?;
            if due.is_empty() {
                break;
            }
            let free = MOST.saturating_sub(self.sending.len());
            let mut endpoints = HashMap::new();
            let mut ids = Vec::new();
            for (id, endpoint) in due {
                if busy.contains(&endpoint.id) {
                    continue;
                }
                if !takes_another(&mut running, &endpoint) {
                    busy.push(endpoint.id);
                } else if ids.len() < free {
                    ids.push(id);
                    endpoints.insert(endpoint.id, endpoint);
                }
            }
            if ids.is_empty() {
                continue;
            }
            let claim = new_id();
            let claimed: Result<_, StoreError> =
                transaction!(self.app.db, |tx| webhook_messages::claim(
                    tx,
                    &ids,
                    claim,
                    (now, lost_at)
                )
                .await)
                .await;
            for message in claimed? {
                if let Some(endpoint) = endpoints.get(&message.endpoint_id) {
                    self.start(endpoint.clone(), message);
                }
            }
        }
        webhook_messages::next_due(self.app.db.read(), now).await
    }

    fn start(&mut self, endpoint: WebhookEndpoint, message: WebhookMessage) {
        let (app, sender) = (self.app.clone(), self.sender.clone());
        let id = endpoint.id;
        let task = self.sending.spawn(async move {
            if let Err(problem) = attempt(&app, &sender, &endpoint, &message).await {
                tracing::error!(error = ?problem, "the outcome of a message to an endpoint could not be stored; it is sent again");
            }
        });
        self.endpoints.insert(task.id(), id);
    }

    /// The numbers of requests that run, by endpoint.
    fn running(&self) -> HashMap<Uuid, usize> {
        let mut running: HashMap<Uuid, usize> = HashMap::new();
        for endpoint in self.endpoints.values() {
            let count = running.entry(*endpoint).or_default();
            *count = count.saturating_add(1);
        }
        running
    }
}

/// Counts one more request to the endpoint; false if it takes none now.
fn takes_another(running: &mut HashMap<Uuid, usize>, endpoint: &WebhookEndpoint) -> bool {
    let most = if endpoint.failing_since.is_some() {
        1
    } else {
        MOST_OF_ONE
    };
    let count = running.entry(endpoint.id).or_default();
    let takes = *count < most;
    *count = count.saturating_add(1);
    takes
}

/// Sends a message once and stores the outcome.
async fn attempt(
    app: &App,
    sender: &Sender,
    endpoint: &WebhookEndpoint,
    message: &WebhookMessage,
) -> Result<(), StoreError> {
    let at = app.clock.now().micros();
    let took = Stopwatch::start();
    let outcome = match request::sign(&app.sealer, endpoint, message, at) {
        Ok(signature) => sender.send(endpoint, message, (&signature, at)).await,
        Err(problem) => request::not_sent(format!("the message could not be signed: {problem}")),
    };
    app.metrics
        .message_sent(outcome.verdict == Verdict::Delivered);
    let duration = i64::try_from(took.elapsed().as_millis()).unwrap_or(i64::MAX);
    let attempt = WebhookAttempt {
        id: new_id(),
        club_id: message.club_id,
        message_id: message.id,
        at,
        duration_ms: duration,
        status: outcome.status.map(i32::from),
        problem: outcome.problem,
        response: outcome.response,
    };
    store(app, message, attempt, outcome.verdict).await
}

async fn store(
    app: &App,
    message: &WebhookMessage,
    attempt: WebhookAttempt,
    verdict: Verdict,
) -> Result<(), StoreError> {
    let scope = ClubScope::new(message.club_id);
    let now = app.clock.now();
    let transition = match verdict {
        Verdict::Delivered => Transition::Finished(MessageStatus::Delivered, now.micros()),
        Verdict::Gone => Transition::Finished(MessageStatus::Cancelled, now.micros()),
        Verdict::Failed(asked) => match schedule::pause(message.attempts.saturating_add(1)) {
            Some(pause) => {
                Transition::Again(now.plus(pause.max(asked.unwrap_or_default())).micros())
            }
            None => Transition::Finished(MessageStatus::Failed, now.micros()),
        },
    };
    let (message, at) = (message.clone(), now.micros());
    let later = now.plus(FAILING_PAUSE).micros();
    transaction!(app.db, |tx| {
        let endpoint = message.endpoint_id;
        // Whatever changes an endpoint and its messages locks the endpoint first.
        webhook_endpoints::lock(tx, scope, endpoint).await?;
        let failing_since = (verdict != Verdict::Delivered).then_some(at);
        webhook_endpoints::set_failing(tx, scope, endpoint, failing_since).await?;
        webhook_messages::record(tx, scope, &message, attempt, transition).await?;
        match verdict {
            Verdict::Delivered => {}
            Verdict::Failed(_) => {
                let which = Waiting::DueBy(at);
                webhook_messages::reschedule(tx, scope, endpoint, which, later).await?;
            }
            Verdict::Gone => {
                webhook_endpoints::set_gone(tx, scope, endpoint).await?;
                webhook_messages::cancel(tx, scope, endpoint, at).await?;
            }
        }
        Ok(())
    })
    .await
}
