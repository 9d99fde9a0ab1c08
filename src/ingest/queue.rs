//! Group commit: whatever deliveries wait go together in one transaction, so that concurrent ones share the disk's sync. It
//! waits for nobody, and one that fails, fails alone. A full queue is said to the sender, who comes again.

use std::collections::BTreeMap;

use access::Instant;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::batch::{self, Job, Outcome};
use crate::{
    clock::Clock,
    store::{Db, Scope, StoreError},
    wake::Waker,
};

/// How many deliveries share a transaction at most.
const BATCH: usize = 256;

/// Why a delivery was not stored.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    /// More wait already than can be kept waiting.
    #[error("too many deliveries wait")]
    Full,
    /// The program is ending.
    #[error("the queue is closed")]
    Closed,
    /// The database failed.
    #[error("the delivery could not be stored")]
    Store(#[from] StoreError),
}

type Waiting = (Job, oneshot::Sender<Result<Outcome, NotStored>>);

/// The way in for verified deliveries.
#[derive(Clone, Debug)]
pub struct Queue {
    sender: mpsc::Sender<Waiting>,
}

impl Queue {
    /// Starts the one task that stores deliveries. It ends when the last `Queue` is dropped, with nothing left behind.
    pub fn start(db: Db, clock: Clock, waker: Waker) -> Self {
        let (sender, mut receiver) = mpsc::channel::<Waiting>(4 * BATCH);
        tokio::spawn(async move {
            let mut waiting = Vec::with_capacity(BATCH);
            while receiver.recv_many(&mut waiting, BATCH).await > 0 {
                let mut by_club: BTreeMap<Uuid, Vec<Waiting>> = BTreeMap::new();
                for one in waiting.drain(..) {
                    by_club.entry(one.0.club).or_default().push(one);
                }
                for (club, jobs) in by_club {
                    together(&db, Scope::new(club), jobs, clock.now()).await;
                }
                waker.wake();
            }
        });
        Self { sender }
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

async fn together(db: &Db, scope: Scope, waiting: Vec<Waiting>, now: Instant) {
    let (jobs, answers): (Vec<Job>, Vec<_>) = waiting.into_iter().unzip();
    match commit(db, scope, jobs.clone(), now).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                let _ = answer.send(Ok(outcome));
            }
        }
        Err(problem) if jobs.len() == 1 => {
            tracing::error!(error = ?problem, "a delivery could not be stored");
            for answer in answers {
                let _ = answer.send(Err(NotStored::Closed));
            }
        }
        Err(problem) => {
            tracing::warn!(error = ?problem, deliveries = jobs.len(), "a batch failed; each is tried alone");
            for (job, answer) in jobs.into_iter().zip(answers) {
                let alone = commit(db, scope, vec![job], now).await;
                let outcome = alone.map(|mut outcomes| outcomes.pop());
                let _ = answer.send(match outcome {
                    Ok(Some(outcome)) => Ok(outcome),
                    Ok(None) => Err(NotStored::Closed),
                    Err(problem) => {
                        tracing::error!(error = ?problem, "a delivery could not be stored");
                        Err(problem.into())
                    }
                });
            }
        }
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
