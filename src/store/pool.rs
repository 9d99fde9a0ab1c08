//! Connections that are kept between statements, a fixed number at most. A connection is put back only where everything on it
//! went well: one that failed, or whose statement nobody waited for, is tested or closed. Nothing here waits without a deadline.
//!
//! A driver's own pool would do, but for three things: it tests each connection that is given back by a round trip without a
//! deadline, it does not know that a COMMIT failed, and it hands out the other connections that died together with one that
//! was found dead.

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

use super::session::{Session, Target};
use crate::clock::Stopwatch;

/// How old a connection may get: a server, or a proxy before it, may want to see the end of it.
const OLDEST: Duration = Duration::from_secs(30 * 60);
/// How long a connection may be unused before it is tested first: whatever is in between may have forgotten it.
const UNTESTED: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    target: Target,
    deadline: Duration,
    most: u32,
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    /// Raised where a connection is found dead: those that were opened before are not trusted any more.
    generation: Arc<AtomicU64>,
    /// Where connections are opened: one that a web server's thread opened would end with that thread.
    home: Handle,
    #[cfg(test)]
    observer: super::observe::Observer,
}

struct Idle {
    session: Session,
    generation: u64,
    opened: Stopwatch,
    unused: Stopwatch,
}

/// A connection that is in use, and the turn that it takes. Dropped, it is tested before it is put back.
pub struct Lent {
    /// None once it was closed or put back.
    idle: Option<Idle>,
    /// Whether it was used before: a first failure says more of what happened meanwhile than of the database.
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
    /// A pool without a connection yet. Pools of one database share a generation.
    pub fn new(target: Target, most: u32, deadline: Duration, generation: Arc<AtomicU64>) -> Self {
        Self(Arc::new(Inner {
            target,
            deadline,
            most,
            turns: Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1))),
            idle: Mutex::default(),
            generation,
            home: Handle::current(),
            #[cfg(test)]
            observer: super::observe::Observer::default(),
        }))
    }

    /// The database's kind.
    pub fn backend(&self) -> DbBackend {
        self.0.target.backend()
    }

    /// A connection in good order, waited for as long as a statement may take.
    pub async fn lend(&self) -> Result<Lent, DbErr> {
        let turn = self.turn().await?;
        while let Some(mut idle) = self.pop() {
            if idle.unused.elapsed() < UNTESTED || idle.session.recover().await {
                return Ok(self.lent(idle, turn, true));
            }
            self.suspect();
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

    /// All other connections that are open now may be as dead as one that was found dead: they are replaced.
    fn suspect(&self) {
        self.0.generation.fetch_add(1, Ordering::AcqRel);
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        let turns = self.0.turns.clone();
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
            if idle.generation == generation && idle.opened.elapsed() < OLDEST {
                return Some(idle);
            }
            self.0.home.spawn(idle.session.close());
        }
    }

    fn lent(&self, idle: Idle, turn: OwnedSemaphorePermit, is_reused: bool) -> Lent {
        #[cfg_attr(not(test), expect(unused_mut, reason = "tests look at statements"))]
        let mut idle = idle;
        #[cfg(test)]
        idle.session.observe(self.0.observer.clone());
        Lent {
            idle: Some(idle),
            is_reused,
            pool: self.clone(),
            turn: Some(turn),
        }
    }

    fn put_back(&self, mut idle: Idle) {
        idle.unused = Stopwatch::start();
        if !self.0.turns.is_closed() && idle.session.is_sound() {
            self.idle().push(idle);
        } else {
            self.0.home.spawn(idle.session.close());
        }
    }

    /// Lends nothing any more, waits for what is lent, and closes all connections; no longer than a statement may take.
    pub async fn close(&self) {
        let all = self.0.turns.clone().acquire_many_owned(self.0.most);
        let _ = tokio::time::timeout(self.0.deadline, all).await;
        self.0.turns.close();
        let sessions: Vec<Idle> = self.idle().drain(..).collect();
        for idle in sessions {
            idle.session.close().await;
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // Nothing that holds it can panic half-way through a change.
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub fn observer(&self) -> &super::observe::Observer {
        &self.0.observer
    }
}

impl Lent {
    /// The connection.
    pub fn session(&mut self) -> Result<&mut Session, DbErr> {
        match &mut self.idle {
            Some(idle) => Ok(&mut idle.session),
            None => Err(closed()),
        }
    }

    /// Whether the connection was found dead, so that others may be as well.
    pub fn is_dead(&self) -> bool {
        self.idle
            .as_ref()
            .is_some_and(|idle| !idle.session.is_sound())
    }

    /// Puts the connection back where it is sound, else closes it.
    pub fn give_back(mut self) {
        if self.is_dead() {
            self.pool.suspect();
        }
        if let Some(idle) = self.idle.take() {
            self.pool.put_back(idle);
        }
    }

    /// Closes the connection, whose state is in doubt. Its turn is over only when it is closed.
    pub async fn discard(mut self) {
        if self.is_dead() {
            self.pool.suspect();
        }
        if let Some(idle) = self.idle.take() {
            idle.session.close().await;
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let (Some(mut idle), turn) = (self.idle.take(), self.turn.take()) else {
            return;
        };
        let pool = self.pool.clone();
        self.pool.0.home.spawn(async move {
            // Whoever used it stopped waiting: its answer is still to come, or never does.
            if idle.session.recover().await {
                pool.put_back(idle);
            } else {
                pool.suspect();
                idle.session.close().await;
            }
            drop(turn);
        });
    }
}

fn closed() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}
