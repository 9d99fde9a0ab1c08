//! Group commit for deliveries: one task stores all waiting deliveries in one transaction, so that concurrent ones share a disk
//! sync. It adds no delay, and a delivery that fails because of its own data fails alone. If the database is unavailable, the
//! queue is full or storing takes too long, senders get an error at once and send again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use access::Instant;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::batch::{self, Job, Outcome};
use crate::{
    clock::{Clock, Stopwatch},
    store::{ClubScope, Db, StoreError},
    transaction,
    wake::Waker,
};

/// The most deliveries in one transaction.
const BATCH: usize = 256;
/// The longest that a sender waits for the answer. Most senders give up after 10 to 30 seconds, and the answer has to reach them
/// before.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
/// How long storing a batch may take before the service reports that it is not ready.
const STALL_THRESHOLD: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The queue is full.
    #[error("the queue of deliveries is full")]
    Full,
    /// The service is stopping.
    #[error("the queue is closed")]
    Closed,
    /// Storing takes too long. The delivery may be stored after all; if the sender sends it again, it is a duplicate then.
    #[error("the delivery was not stored in time")]
    TooSlow,
    /// The database cannot store anything at the moment.
    #[error("the database cannot store anything at the moment")]
    Unavailable,
    #[error("the delivery could not be stored")]
    Store(#[from] StoreError),
}

type Waiting = (Job, oneshot::Sender<Result<Outcome, QueueError>>);

/// A handle to the task that stores verified deliveries.
#[derive(Clone, Debug)]
pub struct Queue {
    sender: mpsc::Sender<Waiting>,
    /// Runs while a batch is being stored.
    since: Arc<Mutex<Option<Stopwatch>>>,
}

impl Queue {
    /// Starts the one task that stores deliveries. It ends when the last `Queue` is dropped, after storing what is queued.
    pub fn start(db: Db, clock: Clock, waker: Waker) -> Self {
        let (sender, mut receiver) = mpsc::channel::<Waiting>(4 * BATCH);
        let since: Arc<Mutex<Option<Stopwatch>>> = Arc::default();
        let watched = since.clone();
        tokio::spawn(async move {
            let mut waiting = Vec::with_capacity(BATCH);
            while receiver.recv_many(&mut waiting, BATCH).await > 0 {
                set(&watched, Some(Stopwatch::start()));
                store_all(&db, &clock, waiting.drain(..)).await;
                set(&watched, None);
                waker.wake();
            }
        });
        Self { sender, since }
    }

    /// Whether the current batch takes longer than `STALLED`.
    pub fn is_stalled(&self) -> bool {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() > STALL_THRESHOLD)
    }

    /// Stores a delivery for a sender who waits for the answer; gives up after `PATIENCE`.
    pub async fn store_in_time(&self, job: Job) -> Result<Outcome, QueueError> {
        match tokio::time::timeout(ANSWER_TIMEOUT, self.store(job)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(QueueError::TooSlow),
        }
    }

    /// Stores a delivery; returns after the commit.
    pub async fn store(&self, job: Job) -> Result<Outcome, QueueError> {
        let (answer, outcome) = oneshot::channel();
        self.sender
            .try_send((job, answer))
            .map_err(|problem| match problem {
                mpsc::error::TrySendError::Full(_) => QueueError::Full,
                mpsc::error::TrySendError::Closed(_) => QueueError::Closed,
            })?;
        outcome.await.unwrap_or(Err(QueueError::Closed))
    }
}

fn set(since: &Mutex<Option<Stopwatch>>, value: Option<Stopwatch>) {
    *since.lock().unwrap_or_else(PoisonError::into_inner) = value;
}

/// Stores a batch, one club after the other. Once the database is found unavailable, the remaining clubs are refused without
/// another attempt.
async fn store_all(db: &Db, clock: &Clock, waiting: impl Iterator<Item = Waiting>) {
    let mut by_club: BTreeMap<Uuid, Vec<Waiting>> = BTreeMap::new();
    for queued in waiting {
        // A sender who gave up waiting sends the delivery again.
        if !queued.1.is_closed() {
            by_club.entry(queued.0.club).or_default().push(queued);
        }
    }
    let mut is_unavailable = false;
    for (club, jobs) in by_club {
        if is_unavailable {
            refuse(jobs.into_iter().map(|(_, answer)| answer));
        } else {
            is_unavailable = store_together(db, ClubScope::new(club), jobs, clock.now()).await;
        }
    }
}

/// Stores the deliveries of one club; returns true if the database is unavailable.
async fn store_together(db: &Db, scope: ClubScope, waiting: Vec<Waiting>, now: Instant) -> bool {
    let (jobs, mut answers): (Vec<Job>, Vec<_>) = waiting.into_iter().unzip();
    match commit(db, scope, jobs.clone(), now).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                let _ = answer.send(Ok(outcome));
            }
            false
        }
        Err(problem) if problem.failure().is_temporary() => {
            tracing::error!(error = ?problem, deliveries = jobs.len(), "deliveries could not be stored; their senders are told to send them again");
            refuse(answers);
            true
        }
        Err(problem) if jobs.len() == 1 => {
            tracing::error!(error = ?problem, "a delivery could not be stored");
            if let Some(answer) = answers.pop() {
                let _ = answer.send(Err(problem.into()));
            }
            false
        }
        Err(problem) => {
            tracing::warn!(error = ?problem, deliveries = jobs.len(), "a batch could not be stored because of one delivery's data; its deliveries are stored one by one");
            let mut alone = jobs.into_iter().zip(answers);
            while let Some((job, answer)) = alone.next() {
                match commit(db, scope, vec![job], now).await {
                    Ok(mut outcomes) => {
                        let _ = answer.send(outcomes.pop().ok_or(QueueError::Closed));
                    }
                    Err(problem) => {
                        tracing::error!(error = ?problem, "a delivery could not be stored");
                        let is_unavailable = problem.failure().is_temporary();
                        let _ = answer.send(Err(problem.into()));
                        if is_unavailable {
                            refuse(alone.map(|(_, answer)| answer));
                            return true;
                        }
                    }
                }
            }
            false
        }
    }
}

fn refuse(answers: impl IntoIterator<Item = oneshot::Sender<Result<Outcome, QueueError>>>) {
    for answer in answers {
        let _ = answer.send(Err(QueueError::Unavailable));
    }
}

async fn commit(
    db: &Db,
    scope: ClubScope,
    jobs: Vec<Job>,
    now: Instant,
) -> Result<Vec<Outcome>, StoreError> {
    transaction!(db, |tx| batch::store(tx, scope, &jobs, now).await).await
}
