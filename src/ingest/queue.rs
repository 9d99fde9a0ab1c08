//! Group commit: whatever deliveries wait go together in one transaction, so that concurrent ones share the disk's sync. It
//! waits for nobody, and one that fails for its own data fails alone. Where nothing can be stored at the moment, everybody who waits
//! is told at once: each sender comes again. So is the sender where the queue is full, or where storing takes too long.

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
    store::{Db, Scope, StoreError},
    wake::Waker,
};

/// How many deliveries share a transaction at most.
const BATCH: usize = 256;
/// How long a sender waits for the answer at most: most give up after 10 to 30 seconds, and ours should reach them.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long storing what waits may take before the service counts as not ready.
const STALLED: Duration = Duration::from_secs(5);

/// Why a delivery was not stored.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    /// More wait already than can be kept waiting.
    #[error("too many deliveries wait")]
    Full,
    /// The program is ending.
    #[error("the queue is closed")]
    Closed,
    /// Storing takes too long. The delivery may be stored after all; sent again it is a duplicate then.
    #[error("the delivery was not stored in time")]
    TooSlow,
    /// Nothing can be stored at the moment.
    #[error("nothing can be stored at the moment")]
    Unavailable,
    /// The database failed.
    #[error("the delivery could not be stored")]
    Store(#[from] StoreError),
}

type Waiting = (Job, oneshot::Sender<Result<Outcome, NotStored>>);

/// The way in for verified deliveries.
#[derive(Clone, Debug)]
pub struct Queue {
    sender: mpsc::Sender<Waiting>,
    /// Since when the deliveries that are being stored have been waiting.
    since: Arc<Mutex<Option<Stopwatch>>>,
}

impl Queue {
    /// Starts the one task that stores deliveries. It ends when the last `Queue` is dropped, with nothing left behind.
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

    /// Whether storing what waits takes longer than it should.
    pub fn is_stalled(&self) -> bool {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() > STALLED)
    }

    /// Stores a delivery that somebody sent, who waits no longer than senders do.
    pub async fn store_in_time(&self, job: Job) -> Result<Outcome, NotStored> {
        match tokio::time::timeout(PATIENCE, self.store(job)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(NotStored::TooSlow),
        }
    }

    /// Stores a delivery; answers after the commit.
    pub async fn store(&self, job: Job) -> Result<Outcome, NotStored> {
        let (answer, outcome) = oneshot::channel();
        self.sender
            .try_send((job, answer))
            .map_err(|problem| match problem {
                mpsc::error::TrySendError::Full(_) => NotStored::Full,
                mpsc::error::TrySendError::Closed(_) => NotStored::Closed,
            })?;
        outcome.await.unwrap_or(Err(NotStored::Closed))
    }
}

fn set(since: &Mutex<Option<Stopwatch>>, value: Option<Stopwatch>) {
    *since.lock().unwrap_or_else(PoisonError::into_inner) = value;
}

/// Stores a batch, club by club. Where the database cannot store anything at the moment, the clubs behind are not made to wait
/// for that to be found out again.
async fn store_all(db: &Db, clock: &Clock, waiting: impl Iterator<Item = Waiting>) {
    let mut by_club: BTreeMap<Uuid, Vec<Waiting>> = BTreeMap::new();
    for one in waiting {
        // Whoever gave up waiting sends it again.
        if !one.1.is_closed() {
            by_club.entry(one.0.club).or_default().push(one);
        }
    }
    let mut is_unavailable = false;
    for (club, jobs) in by_club {
        if is_unavailable {
            refuse(jobs.into_iter().map(|(_, answer)| answer));
        } else {
            is_unavailable = store_together(db, Scope::new(club), jobs, clock.now()).await;
        }
    }
}

/// Stores the deliveries of one club; true where nothing can be stored at the moment.
async fn store_together(db: &Db, scope: Scope, waiting: Vec<Waiting>, now: Instant) -> bool {
    let (jobs, mut answers): (Vec<Job>, Vec<_>) = waiting.into_iter().unzip();
    match commit(db, scope, jobs.clone(), now).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                let _ = answer.send(Ok(outcome));
            }
            false
        }
        Err(problem) if problem.failure().is_of_the_moment() => {
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
            tracing::warn!(error = ?problem, deliveries = jobs.len(), "a batch failed for one delivery's data; each is tried alone");
            let mut alone = jobs.into_iter().zip(answers);
            while let Some((job, answer)) = alone.next() {
                match commit(db, scope, vec![job], now).await {
                    Ok(mut outcomes) => {
                        let _ = answer.send(outcomes.pop().ok_or(NotStored::Closed));
                    }
                    Err(problem) => {
                        tracing::error!(error = ?problem, "a delivery could not be stored");
                        let is_unavailable = problem.failure().is_of_the_moment();
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

fn refuse(answers: impl IntoIterator<Item = oneshot::Sender<Result<Outcome, NotStored>>>) {
    for answer in answers {
        let _ = answer.send(Err(NotStored::Unavailable));
    }
}

async fn commit(
    db: &Db,
    scope: Scope,
    jobs: Vec<Job>,
    now: Instant,
) -> Result<Vec<Outcome>, StoreError> {
    db.write(move |tx| Box::pin(async move { batch::store(tx, scope, &jobs, now).await }))
        .await
}
