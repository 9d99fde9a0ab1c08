//! A connection pool of limited size. A connection is returned to the pool only if everything on it succeeded; one that failed,
//! or whose statement was abandoned, is tested or closed. Every wait has a deadline.
//!
//! The driver's own pool is not used for three reasons: it tests each returned connection with a round trip without a deadline,
//! it does not notice that a COMMIT failed, and after finding a dead connection it still hands out others that died with it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnAcquireErr, DbBackend, DbErr};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    observe::Observer,
    session::{Session, Target},
};
use crate::clock::Stopwatch;

/// The maximum age of a connection, because a server, or a proxy in front of it, may close old ones.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);
/// After being idle this long, a connection is tested before use, because a device in between may have dropped it.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    target: Target,
    deadline: Duration,
    most: u32,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    /// Incremented when a connection is found dead: connections opened before that are replaced.
    generation: Arc<AtomicU64>,
    /// The runtime that opens connections: one opened on a web server's thread would end with that thread.
    home: Handle,
    observer: Observer,
    waits: Waits,
}

/// How often and how long connections were waited for.
#[derive(Default)]
struct Waits {
    count: AtomicU64,
    micros: AtomicU64,
    timeouts: AtomicU64,
}

/// The state of a pool, and what it counted since it was created.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolStatus {
    pub in_use: usize,
    pub idle: usize,
    /// The most connections that may be open.
    pub max: usize,
    /// How many times all connections were in use when one was needed.
    pub waits: u64,
    /// How long these waited in total.
    pub waited: Duration,
    /// How many of these gave up at their deadline.
    pub timeouts: u64,
}

struct Idle {
    session: Session,
    generation: u64,
    opened: Stopwatch,
    unused: Stopwatch,
}

/// A connection in use, with its pool permit. When dropped, it is tested before it returns to the pool.
pub struct PooledConnection {
    /// `None` once it was closed or returned.
    idle: Option<Idle>,
    /// Whether it was used before. Its first failure may then come from a connection that died while idle, not from the database.
    pub is_reused: bool,
    pool: Pool,
    turn: Option<OwnedSemaphorePermit>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("most", &self.0.most).finish()
    }
}

impl Pool {
    /// Creates a pool without connections. Pools of one database share `generation`.
    pub fn new(target: Target, most: u32, deadline: Duration, generation: Arc<AtomicU64>) -> Self {
        Self(Arc::new(Inner {
            target,
            deadline,
            most,
            permits: Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1))),
            idle: Mutex::default(),
            generation,
            home: Handle::current(),
            observer: Observer::default(),
            waits: Waits::default(),
        }))
    }

    pub fn backend(&self) -> DbBackend {
        self.0.target.backend()
    }

    /// Acquires a working connection; waits for a permit no longer than the statement deadline.
    pub async fn acquire(&self) -> Result<PooledConnection, DbErr> {
        let turn = self.turn().await?;
        while let Some(mut idle) = self.pop() {
            if idle.unused.elapsed() < TEST_AFTER_IDLE || idle.session.recover().await {
                return Ok(self.lent(idle, turn, true));
            }
            self.invalidate_all();
            self.0.home.spawn(idle.session.close());
        }
        let (target, deadline) = (self.0.target.clone(), self.0.deadline);
        let generation = self.0.generation.load(Ordering::Acquire);
        let opening = self
            .0
            .home
            .spawn(async move { Session::open(&target, deadline).await });
        let session = opening.await.unwrap_or_else(|_| Err(closed()))?;
        let idle = Idle {
            session,
            generation,
            opened: Stopwatch::start(),
            unused: Stopwatch::start(),
        };
        Ok(self.lent(idle, turn, false))
    }

    /// Called when a connection was found dead: all others that are open now may be dead too and are replaced.
    fn invalidate_all(&self) {
        self.0.generation.fetch_add(1, Ordering::AcqRel);
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        if let Ok(turn) = self.0.permits.clone().try_acquire_owned() {
            return Ok(turn);
        }
        let waits = &self.0.waits;
        waits.count.fetch_add(1, Ordering::Relaxed);
        let since = Stopwatch::start();
        let turn = self.wait_for_turn().await;
        let micros = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        waits.micros.fetch_add(micros, Ordering::Relaxed);
        if matches!(turn, Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))) {
            waits.timeouts.fetch_add(1, Ordering::Relaxed);
        }
        turn
    }

    async fn wait_for_turn(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        let turns = self.0.permits.clone();
        match tokio::time::timeout(self.0.deadline, turns.acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) => Err(closed()),
            Err(_) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
        }
    }

    fn pop(&self) -> Option<Idle> {
        let generation = self.0.generation.load(Ordering::Acquire);
        loop {
            let idle = self.idle().pop()?;
            if idle.generation == generation && idle.opened.elapsed() < MAX_AGE {
                return Some(idle);
            }
            self.0.home.spawn(idle.session.close());
        }
    }

    fn lent(
        &self,
        mut idle: Idle,
        turn: OwnedSemaphorePermit,
        is_reused: bool,
    ) -> PooledConnection {
        idle.session.observe(self.0.observer.clone());
        PooledConnection {
            idle: Some(idle),
            is_reused,
            pool: self.clone(),
            turn: Some(turn),
        }
    }

    fn put_back(&self, mut idle: Idle) {
        idle.unused = Stopwatch::start();
        if !self.0.permits.is_closed() && idle.session.is_usable() {
            self.idle().push(idle);
        } else {
            self.0.home.spawn(idle.session.close());
        }
    }

    /// Waits for the connections in use, at most for the statement deadline, then refuses new ones and closes all idle ones.
    pub async fn close(&self) {
        let all = self.0.permits.clone().acquire_many_owned(self.0.most);
        let _ = tokio::time::timeout(self.0.deadline, all).await;
        self.0.permits.close();
        let sessions: Vec<Idle> = self.idle().drain(..).collect();
        for idle in sessions {
            idle.session.close().await;
        }
    }

    pub fn status(&self) -> PoolStatus {
        let waits = &self.0.waits;
        let max = usize::try_from(self.0.most).unwrap_or(usize::MAX);
        PoolStatus {
            in_use: max.saturating_sub(self.0.permits.available_permits()),
            idle: self.idle().len(),
            max,
            waits: waits.count.load(Ordering::Relaxed),
            waited: Duration::from_micros(waits.micros.load(Ordering::Relaxed)),
            timeouts: waits.timeouts.load(Ordering::Relaxed),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // No code that holds this lock can panic halfway through a change, so a poisoned lock is still consistent.
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn observer(&self) -> &Observer {
        &self.0.observer
    }
}

impl PooledConnection {
    pub fn session(&mut self) -> Result<&mut Session, DbErr> {
        match &mut self.idle {
            Some(idle) => Ok(&mut idle.session),
            None => Err(closed()),
        }
    }

    /// Whether the connection is broken or busy, so that others may be dead too.
    pub fn is_dead(&self) -> bool {
        self.idle
            .as_ref()
            .is_some_and(|idle| !idle.session.is_usable())
    }

    /// Returns a sound connection to the pool, or closes a broken one.
    pub fn release(mut self) {
        if self.is_dead() {
            self.pool.invalidate_all();
        }
        if let Some(idle) = self.idle.take() {
            self.pool.put_back(idle);
        }
    }

    /// Closes a connection whose state is uncertain. The permit is released only after it is closed.
    pub async fn discard(mut self) {
        if self.is_dead() {
            self.pool.invalidate_all();
        }
        if let Some(idle) = self.idle.take() {
            idle.session.close().await;
        }
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let (Some(mut idle), turn) = (self.idle.take(), self.turn.take()) else {
            return;
        };
        let pool = self.pool.clone();
        self.pool.0.home.spawn(async move {
            // The user stopped waiting: the statement's response may still arrive, or never.
            if idle.session.recover().await {
                pool.put_back(idle);
            } else {
                pool.invalidate_all();
                idle.session.close().await;
            }
            drop(turn);
        });
    }
}

fn closed() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}
