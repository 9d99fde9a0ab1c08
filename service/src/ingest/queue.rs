//! Group commit for deliveries: a task stores all waiting deliveries, of all clubs, in one transaction, so that concurrent ones
//! share a disk sync. PostgreSQL commits several transactions at once, so that it has several such tasks, which share the clubs;
//! a club has one of them at a time, so that its deliveries are stored in order. Nothing waits for more deliveries, and a delivery
//! that fails because of its own data fails alone. If the database is unavailable, the queue is full or storing takes too long,
//! senders get an error at once and send again.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use access::Instant;
use tokio::sync::{Notify, oneshot};
use uuid::Uuid;

use super::{
    batch::{self, Job, Outcome},
    club_queues::ClubQueues,
};
use crate::{
    clock::{Clock, Stopwatch},
    store::{ClubScope, Db, StoreError},
    transaction,
    wake::Waker,
};

/// The most deliveries in one transaction.
const BATCH: usize = 256;
/// The number of tasks on PostgreSQL. They leave two of its write connections to everything else.
const POSTGRES_TASKS: usize = 4;
/// The most deliveries that wait, for each task.
const MAX_WAITING: usize = 4 * BATCH;
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

type Answer = oneshot::Sender<Result<Outcome, QueueError>>;
type Waiting = (Job, Answer);

/// A handle to the tasks that store verified deliveries.
#[derive(Clone, Debug)]
pub struct Queue(Arc<Handle>);

/// Closes the queue when the last `Queue` is dropped.
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    /// For each task, since when it stores a batch.
    since: Vec<Arc<Mutex<Option<Stopwatch>>>>,
}

#[derive(Debug)]
struct Shared {
    queues: Mutex<ClubQueues<Waiting>>,
    /// Wakes a task that waits for a club.
    wake: Notify,
    is_closed: AtomicBool,
    /// The number of tasks.
    tasks: usize,
}

impl Queue {
    /// Starts the tasks that store deliveries. They end when the last `Queue` is dropped, after storing what is queued.
    pub fn start(db: Db, clock: Clock, waker: Waker) -> Self {
        let tasks = if db.is_sqlite() { 1 } else { POSTGRES_TASKS };
        let shared = Arc::new(Shared {
            queues: Mutex::default(),
            wake: Notify::new(),
            is_closed: AtomicBool::new(false),
            tasks,
        });
        let start = |_| {
            let since: Arc<Mutex<Option<Stopwatch>>> = Arc::default();
            let (db, clock, waker) = (db.clone(), clock.clone(), waker.clone());
            tokio::spawn(shared.clone().run(since.clone(), db, clock, waker));
            since
        };
        let since = (0..tasks).map(start).collect();
        Self(Arc::new(Handle { shared, since }))
    }

    /// Whether a current batch takes longer than `STALL_THRESHOLD`.
    pub fn is_stalled(&self) -> bool {
        let is_long = |since: &Arc<Mutex<Option<Stopwatch>>>| {
            let since = since.lock().unwrap_or_else(PoisonError::into_inner);
            since.is_some_and(|since| since.elapsed() > STALL_THRESHOLD)
        };
        self.0.since.iter().any(is_long)
    }

    /// The number of deliveries that wait to be stored.
    pub fn waiting(&self) -> usize {
        self.0.shared.queues().len()
    }

    /// Stores a delivery for a sender who waits for the answer; gives up after `ANSWER_TIMEOUT`.
    pub async fn store_in_time(&self, job: Job) -> Result<Outcome, QueueError> {
        match tokio::time::timeout(ANSWER_TIMEOUT, self.store(job)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(QueueError::TooSlow),
        }
    }

    /// Stores a delivery; returns after the commit.
    pub async fn store(&self, job: Job) -> Result<Outcome, QueueError> {
        let (answer, outcome) = oneshot::channel();
        self.0.shared.push(job, answer)?;
        outcome.await.unwrap_or(Err(QueueError::Closed))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::Release);
        self.shared.wake.notify_waiters();
    }
}

impl Shared {
    fn queues(&self) -> MutexGuard<'_, ClubQueues<Waiting>> {
        // No code that holds the lock can panic halfway through a change.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job, answer: Answer) -> Result<(), QueueError> {
        let mut queues = self.queues();
        if queues.len() >= self.tasks * MAX_WAITING {
            return Err(QueueError::Full);
        }
        queues.push(job.club, (job, answer));
        drop(queues);
        self.wake.notify_one();
        Ok(())
    }

    /// Stores the deliveries of some clubs at a time until the queue is closed and empty.
    async fn run(
        self: Arc<Self>,
        since: Arc<Mutex<Option<Stopwatch>>>,
        db: Db,
        clock: Clock,
        waker: Waker,
    ) {
        loop {
            let woken = self.wake.notified();
            tokio::pin!(woken);
            // From here on no wake-up is lost.
            woken.as_mut().enable();
            let turns = self.queues().take(self.tasks, BATCH);
            if turns.is_empty() {
                if self.is_closed.load(Ordering::Acquire) {
                    return;
                }
                woken.await;
                continue;
            }
            let clubs: Vec<Uuid> = turns.iter().map(|(club, _)| *club).collect();
            set(&since, Some(Stopwatch::start()));
            let waiting = turns.into_iter().flat_map(|(_, waiting)| waiting);
            store_all(&db, &clock, &waker, waiting).await;
            set(&since, None);
            let mut queues = self.queues();
            queues.done(clubs);
            if queues.is_ready() {
                self.wake.notify_one();
            }
        }
    }
}

fn set(since: &Mutex<Option<Stopwatch>>, value: Option<Stopwatch>) {
    *since.lock().unwrap_or_else(PoisonError::into_inner) = value;
}

/// The deliveries of one club, in the order of their arrival.
type OfClub = (ClubScope, Vec<Job>);

/// Stores a batch in one transaction. If that fails because of one delivery's data, its deliveries are stored one by one.
async fn store_all(db: &Db, clock: &Clock, waker: &Waker, waiting: impl Iterator<Item = Waiting>) {
    let mut by_club: BTreeMap<Uuid, (Vec<Job>, Vec<Answer>)> = BTreeMap::new();
    let mut asks_for_reading = false;
    for (job, answer) in waiting {
        // A sender who gave up waiting sends the delivery again.
        if !answer.is_closed() {
            asks_for_reading |= job.asks_for_reading();
            let (jobs, answers) = by_club.entry(job.club).or_default();
            jobs.push(job);
            answers.push(answer);
        }
    }
    let mut batch: Vec<OfClub> = Vec::with_capacity(by_club.len());
    let mut answers: Vec<Answer> = Vec::new();
    for (club, (jobs, of_club)) in by_club {
        batch.push((ClubScope::new(club), jobs));
        answers.extend(of_club);
    }
    let scopes: Vec<ClubScope> = batch.iter().map(|(scope, _)| *scope).collect();
    let batch = Arc::new(batch);
    // A delivery alone is not tried again, so that its memory can be freed while it is stored.
    let kept = (answers.len() > 1).then(|| batch.clone());
    match commit(db, batch, clock.now()).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                let _ = answer.send(Ok(outcome));
            }
        }
        Err(problem) if problem.failure().is_temporary() => {
            tracing::error!(error = ?problem, "deliveries could not be stored; their senders are told to send them again");
            return refuse(answers);
        }
        Err(problem) => match kept {
            Some(batch) => store_one_by_one(db, clock, &batch, answers, problem).await,
            None => {
                tracing::error!(error = ?problem, "a delivery could not be stored");
                if let Some(answer) = answers.into_iter().next() {
                    let _ = answer.send(Err(problem.into()));
                }
            }
        },
    }
    for scope in scopes {
        waker.wake(scope);
    }
    if asks_for_reading {
        waker.wake_readers();
    }
}

/// Stores the deliveries of a batch that failed, each in a transaction of its own. Once the database is found unavailable, the
/// remaining ones are refused without another attempt.
async fn store_one_by_one(
    db: &Db,
    clock: &Clock,
    batch: &[OfClub],
    answers: Vec<Answer>,
    problem: StoreError,
) {
    let mut jobs = Vec::new();
    for (scope, of_club) in batch {
        jobs.extend(of_club.iter().map(|job| (*scope, job.clone())));
    }
    let mut answers = answers.into_iter();
    tracing::warn!(error = ?problem, deliveries = jobs.len(), "a batch could not be stored because of one delivery's data; its deliveries are stored one by one");
    for (scope, job) in jobs {
        let Some(answer) = answers.next() else { return };
        let alone = Arc::new(vec![(scope, vec![job])]);
        match commit(db, alone, clock.now()).await {
            Ok(mut outcomes) => {
                let _ = answer.send(outcomes.pop().ok_or(QueueError::Closed));
            }
            Err(problem) => {
                tracing::error!(error = ?problem, "a delivery could not be stored");
                let is_unavailable = problem.failure().is_temporary();
                let _ = answer.send(Err(problem.into()));
                if is_unavailable {
                    return refuse(answers);
                }
            }
        }
    }
}

fn refuse(answers: impl IntoIterator<Item = Answer>) {
    for answer in answers {
        let _ = answer.send(Err(QueueError::Unavailable));
    }
}

/// Stores deliveries in one transaction. Returns their outcomes in the same order. A batch that nobody else holds is freed while
/// it is stored.
async fn commit(
    db: &Db,
    batch: Arc<Vec<OfClub>>,
    now: Instant,
) -> Result<Vec<Outcome>, StoreError> {
    transaction!(db, |tx| {
        let mut outcomes = Vec::new();
        match Arc::try_unwrap(batch) {
            Ok(batch) => {
                for (scope, jobs) in batch {
                    let jobs = jobs.into_iter().map(Cow::Owned).collect();
                    outcomes.extend(batch::store(tx, scope, jobs, now).await?);
                }
            }
            Err(batch) => {
                for (scope, jobs) in batch.iter() {
                    let jobs = jobs.iter().map(Cow::Borrowed).collect();
                    outcomes.extend(batch::store(tx, *scope, jobs, now).await?);
                }
            }
        }
        Ok(outcomes)
    })
    .await
}
