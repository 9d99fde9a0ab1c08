//! Leases: only the holder calls Kisi for an account, or reads a platform for a source. A background task renews a lease, and it
//! is checked before each call that writes and before what was read is stored. It is measured by elapsed time including suspension of the machine, so that setting the clock back does
//! not extend it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::task::JoinHandle;

use crate::{
    clock::{Stopwatch, new_id},
    store::{Db, StoreError, leases},
    transaction,
};

const LEASE_DURATION: Duration = Duration::from_secs(6);
const RENEWAL_INTERVAL: Duration = Duration::from_secs(2);

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

/// The start of the last successful request for the lease; `None` once it was lost.
#[derive(Clone)]
struct Term(Arc<Mutex<Option<Stopwatch>>>);

impl Term {
    fn is_running(&self) -> bool {
        let started = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        started.is_some_and(|started| started.elapsed_with_suspension() < LEASE_DURATION)
    }

    fn set(&self, started: Option<Stopwatch>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = started;
    }
}

impl Lease {
    /// Takes the lease of an account or, with a name of its own, of something else. `None` if another process holds it.
    pub async fn take(
        db: &Db,
        name: impl Into<String>,
        holder: &str,
    ) -> Result<Option<Self>, StoreError> {
        let (name, started) = (name.into(), Stopwatch::start());
        if !acquire(db, &name, holder, false).await? {
            let is_dead = db.is_sqlite() && is_holder_dead(db, &name).await?;
            if !(is_dead && acquire(db, &name, holder, true).await?) {
                return Ok(None);
            }
        }
        let term = Term(Arc::new(Mutex::new(Some(started))));
        let (db, holder) = (db.clone(), holder.to_owned());
        let renewal = tokio::spawn(renew(
            db.clone(),
            name.clone(),
            holder.clone(),
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
async fn renew(db: Db, name: String, holder: String, term: Term) {
    loop {
        tokio::time::sleep(RENEWAL_INTERVAL).await;
        let started = Stopwatch::start();
        match acquire(&db, &name, &holder, false).await {
            Ok(true) => term.set(Some(started)),
            Ok(false) => return term.set(None),
            Err(problem) => {
                tracing::warn!(lease = name, error = ?problem, "a lease could not be renewed; trying again");
            }
        }
    }
}

async fn acquire(db: &Db, name: &str, holder: &str, take_over: bool) -> Result<bool, StoreError> {
    let (name, holder) = (name.to_owned(), holder.to_owned());
    let request = transaction!(db, |tx| {
        leases::acquire(tx, &name, &holder, LEASE_DURATION, take_over).await
    });
    request.await
}

/// Whether the process that holds the lease has ended. Only for SQLite, whose file is used from one machine: there the process
/// table shows it, and a restart after a kill need not wait.
async fn is_holder_dead(db: &Db, name: &str) -> Result<bool, StoreError> {
    let Some(lease) = leases::get(db.read(), name).await? else {
        return Ok(true);
    };
    let mut parts = lease.holder.split(':');
    let (host, process) = (parts.next(), parts.next());
    if host != holder().split(':').next() {
        return Ok(false);
    }
    let own = std::process::id().to_string();
    Ok(process.is_some_and(|id| id == own || !std::path::Path::new("/proc").join(id).exists()))
}
