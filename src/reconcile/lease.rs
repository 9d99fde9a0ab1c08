//! The lease of an account: whoever holds it is the only one that speaks to Kisi for it. It is renewed by a task of its own,
//! and looked at before each call that writes. Real time, whatever clock the rest goes by.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{
    clock::{Clock, new_id},
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
    until: Arc<AtomicI64>,
    renewal: JoinHandle<()>,
}

impl Lease {
    /// Takes the lease of an account, if nobody else has it.
    pub async fn take(db: &Db, account: Uuid, holder: &str) -> Result<Option<Self>, StoreError> {
        let (name, asked) = (account.to_string(), now());
        if !hold(db, &name, holder, false).await? {
            let dead = db.is_one_machine() && its_process_is_gone(db, &name).await?;
            if !(dead && hold(db, &name, holder, true).await?) {
                return Ok(None);
            }
        }
        let until = Arc::new(AtomicI64::new(asked.saturating_add(micros(LENGTH))));
        let (db, held, holder) = (db.clone(), until.clone(), holder.to_owned());
        let renewal = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEWAL).await;
                let asked = now();
                match hold(&db, &name, &holder, false).await {
                    Ok(true) => held.store(asked.saturating_add(micros(LENGTH)), Ordering::Release),
                    Ok(false) => {
                        held.store(0, Ordering::Release);
                        return;
                    }
                    Err(problem) => {
                        tracing::warn!(error = ?problem, "a lease could not be renewed")
                    }
                }
            }
        });
        Ok(Some(Self { until, renewal }))
    }

    /// Whether it is surely held, asked later and elsewhere.
    pub fn guard(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let until = self.until.clone();
        move || until.load(Ordering::Acquire) > now()
    }

    /// Whether it is surely held now.
    pub fn is_held(&self) -> bool {
        self.until.load(Ordering::Acquire) > now()
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
    let now = now();
    let free_before = if take_over { i64::MAX } else { now };
    let until = now.saturating_add(micros(LENGTH));
    db.write(move |tx| {
        Box::pin(async move { leases::hold(tx, &name, &holder, free_before, until).await })
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

fn now() -> i64 {
    Clock::system().now().micros()
}

fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}
