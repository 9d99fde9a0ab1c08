//! Leases: only the holder reads a platform for a source. A background task renews a lease, and it is checked before each call
//! that writes and before what was read is stored. It is measured by elapsed time including suspension of the machine, so that
//! setting the clock back does not extend it. The lease of a process that died has to expire,
//! except on SQLite: its length bounds how long the work then rests.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::task::JoinHandle;

use crate::{
    clock::{Stopwatch, new_id},
    store::{Db, StoreError, Transaction, leases},
    transaction,
};

/// How long a lease lasts, and how often it is renewed.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTerms {
    length: Duration,
    renewal: Duration,
}

/// The usual terms.
pub const USUAL: LeaseTerms = LeaseTerms {
    length: Duration::from_secs(6),
    renewal: Duration::from_secs(2),
};
/// Of a reading, which starts from the beginning after its process died. Few run at a time, so that they can be renewed often.
const READING: LeaseTerms = LeaseTerms {
    length: Duration::from_secs(3),
    renewal: Duration::from_millis(750),
};

impl LeaseTerms {
    /// The terms of a reading's lease. On SQLite a dead holder is recognised, so that a short lease would gain nothing.
    pub fn of_reading(db: &Db) -> Self {
        if db.is_sqlite() { USUAL } else { READING }
    }
}

/// How often a task that waits for the loss of a lease looks.
const LOOK: Duration = Duration::from_millis(250);

/// The holder name of this process: `host:process id:random id`.
pub fn holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}:{}", host.trim(), std::process::id(), new_id())
}

/// A lease. It is held while this value exists and the database responds in time.
pub struct Lease {
    term: Term,
    renewal: JoinHandle<()>,
    db: Db,
    name: String,
    holder: String,
}

/// Who holds which lease.
#[derive(Clone)]
pub struct Claim {
    name: String,
    holder: String,
}

impl Claim {
    /// Whether the lease is held by the database's clock. Others cannot take it before the end of the transaction, so that what
    /// the transaction stores cannot replace what a later holder stored.
    pub async fn is_held(&self, tx: &Transaction) -> Result<bool, StoreError> {
        leases::confirm(tx, &self.name, &self.holder).await
    }
}

/// The start of the last successful request for the lease, `None` once it was lost; and its length.
#[derive(Clone)]
pub(crate) struct Term(Arc<Mutex<Option<Stopwatch>>>, Duration);

impl Term {
    /// A term that began with this request.
    pub(crate) fn starting(started: Stopwatch, length: Duration) -> Self {
        Self(Arc::new(Mutex::new(Some(started))), length)
    }

    pub(crate) fn is_running(&self) -> bool {
        let started = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        started.is_some_and(|started| started.elapsed_with_suspension() < self.1)
    }

    pub(crate) fn set(&self, started: Option<Stopwatch>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = started;
    }
}

impl Lease {
    /// Takes the lease of an account or, with a name of its own, of something else. `None` if another process holds it.
    pub async fn take(
        db: &Db,
        name: impl Into<String>,
        holder: &str,
        terms: LeaseTerms,
    ) -> Result<Option<Self>, StoreError> {
        let (name, started) = (name.into(), Stopwatch::start());
        if !acquire(db, &name, holder, terms, false).await? {
            let is_dead = db.is_sqlite() && is_holder_dead(db, &name).await?;
            if !(is_dead && acquire(db, &name, holder, terms, true).await?) {
                return Ok(None);
            }
        }
        let term = Term::starting(started, terms.length);
        let (db, holder) = (db.clone(), holder.to_owned());
        let renewal = tokio::spawn(renew(
            db.clone(),
            name.clone(),
            holder.clone(),
            terms,
            term.clone(),
        ));
        Ok(Some(Self {
            term,
            renewal,
            db,
            name,
            holder,
        }))
    }

    /// A check that other tasks can call: whether the lease is certainly held.
    pub fn guard(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let term = self.term.clone();
        move || term.is_running()
    }

    /// Whether the lease is certainly held. False also if the last renewal is too long ago.
    pub fn is_held(&self) -> bool {
        self.term.is_running()
    }

    /// A check for the transaction that stores what the holder did.
    pub fn claim(&self) -> Claim {
        Claim {
            name: self.name.clone(),
            holder: self.holder.clone(),
        }
    }

    /// Waits until the lease is lost.
    pub async fn lost(&self) {
        while self.is_held() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Releases the lease, so that another process can take it at once.
    pub async fn release(self) {
        self.renewal.abort();
        let (name, holder) = (self.name.clone(), self.holder.clone());
        let released: Result<(), StoreError> =
            transaction!(self.db, |tx| leases::release(tx, &name, &holder).await).await;
        if let Err(problem) = released {
            tracing::warn!(lease = self.name, error = ?problem, "a lease could not be released; it expires by itself");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// Renews a lease until it is lost.
async fn renew(db: Db, name: String, holder: String, terms: LeaseTerms, term: Term) {
    loop {
        tokio::time::sleep(terms.renewal).await;
        let started = Stopwatch::start();
        match acquire(&db, &name, &holder, terms, false).await {
            Ok(true) => term.set(Some(started)),
            Ok(false) => return term.set(None),
            Err(problem) => {
                tracing::warn!(lease = name, error = ?problem, "a lease could not be renewed; trying again");
            }
        }
    }
}

async fn acquire(
    db: &Db,
    name: &str,
    holder: &str,
    terms: LeaseTerms,
    take_over: bool,
) -> Result<bool, StoreError> {
    let (name, holder) = (name.to_owned(), holder.to_owned());
    let request = transaction!(db, |tx| {
        leases::acquire(tx, &name, &holder, terms.length, take_over).await
    });
    request.await
}

/// Whether the process that holds the lease has ended. Only for SQLite, whose file is used from one machine: there the process
/// table shows it, and a restart after a kill need not wait.
async fn is_holder_dead(db: &Db, name: &str) -> Result<bool, StoreError> {
    let lease = leases::get(db.read(), name).await?;
    Ok(lease.is_none_or(|lease| is_dead(&lease.holder)))
}

/// Whether a process of this machine with this holder name has ended. An earlier holder name of this process counts as ended.
pub(crate) fn is_dead(of: &str) -> bool {
    let mut parts = of.split(':');
    let (host, process) = (parts.next(), parts.next());
    if host != holder().split(':').next() {
        return false;
    }
    let own = std::process::id().to_string();
    process.is_some_and(|id| id == own || !std::path::Path::new("/proc").join(id).exists())
}
