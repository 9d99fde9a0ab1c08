//! The lease of an account: whoever holds it is the only one that speaks to Kisi for it. It is renewed by a task of its own,
//! and looked at before each call that writes. It goes by time that has gone by: a time of day
//! that is put back makes it no longer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{
    clock::{Stopwatch, new_id},
    store::{Db, StoreError, leases},
};

const LENGTH: Duration = Duration::from_secs(6);
const RENEWAL: Duration = Duration::from_secs(2);

/// The name of this process among those that hold leases: machine, process, and something random.
pub fn holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}:{}", host.trim(), std::process::id(), new_id())
}

/// A lease that is held for as long as this lives and the database answers.
pub struct Lease {
    term: Term,
    renewal: JoinHandle<()>,
}

/// When the lease was asked for last, with success; none where it was lost.
#[derive(Clone)]
struct Term(Arc<Mutex<Option<Stopwatch>>>);

impl Term {
    fn is_running(&self) -> bool {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.is_some_and(|asked| asked.elapsed_with_suspension() < LENGTH)
    }

    fn set(&self, asked: Option<Stopwatch>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }
}

impl Lease {
    /// Takes the lease of an account, if nobody else has it.
    pub async fn take(db: &Db, account: Uuid, holder: &str) -> Result<Option<Self>, StoreError> {
        let (name, asked) = (account.to_string(), Stopwatch::start());
        if !hold(db, &name, holder, false).await? {
            let dead = db.is_sqlite() && its_process_is_gone(db, &name).await?;
            if !(dead && hold(db, &name, holder, true).await?) {
                return Ok(None);
            }
        }
        let term = Term(Arc::new(Mutex::new(Some(asked))));
        let (db, held, holder) = (db.clone(), term.clone(), holder.to_owned());
        let renewal = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEWAL).await;
                let asked = Stopwatch::start();
                match hold(&db, &name, &holder, false).await {
                    Ok(true) => held.set(Some(asked)),
                    Ok(false) => {
                        held.set(None);
                        return;
                    }
                    Err(problem) => {
                        tracing::warn!(error = ?problem, "a lease could not be renewed")
                    }
                }
            }
        });
        Ok(Some(Self { term, renewal }))
    }

    /// Whether it is surely held, asked later and elsewhere.
    pub fn guard(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let term = self.term.clone();
        move || term.is_running()
    }

    /// Whether it is surely held now.
    pub fn is_held(&self) -> bool {
        self.term.is_running()
    }

    /// Gives it back, so that another need not wait.
    pub async fn release(self, db: &Db, account: Uuid, holder: &str) {
        self.renewal.abort();
        let (name, holder) = (account.to_string(), holder.to_owned());
        let released: Result<(), StoreError> = db
            .write(move |tx| Box::pin(async move { leases::release(tx, &name, &holder).await }))
            .await;
        if let Err(problem) = released {
            tracing::warn!(error = ?problem, "a lease could not be given back; it runs out by itself");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

async fn hold(db: &Db, name: &str, holder: &str, take_over: bool) -> Result<bool, StoreError> {
    let (name, holder) = (name.to_owned(), holder.to_owned());
    db.write(move |tx| {
        Box::pin(async move { leases::acquire(tx, &name, &holder, LENGTH, take_over).await })
    })
    .await
}

/// A SQLite file is used from one machine, so whether the holder still lives can be seen: after a kill nobody waits.
async fn its_process_is_gone(db: &Db, name: &str) -> Result<bool, StoreError> {
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
