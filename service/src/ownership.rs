//! Which Kisi accounts this process works on. A process proves that it lives by one row, which it renews; the owner of an account
//! follows from the living processes, and is stored when it changes. A process that cannot prove that it lives stops before
//! others declare it dead: its own measure of the time starts before each renewal, and includes suspension of the machine.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    clock::Stopwatch,
    kisi::Guard,
    lease::{self, Term},
    running::{BackgroundLoop, is_stopping},
    store::{Db, StoreError, processes},
    transaction,
};

/// How long a process counts as living after a renewal, and how often it renews.
const LENGTH: Duration = Duration::from_secs(6);
const RENEWAL: Duration = Duration::from_secs(2);
/// How soon a failed renewal is repeated.
const RETRY: Duration = Duration::from_millis(500);

/// The time from one declaration that this process lives until that can no longer be proved. After it, the process continues
/// under another name.
#[derive(Clone)]
pub struct Life {
    pub holder: Arc<str>,
    term: Term,
}

impl Life {
    /// Whether no other process can have declared this one dead.
    pub fn is_certain(&self) -> bool {
        self.term.is_running()
    }
}

/// The living processes, as this process last read them.
#[derive(Clone)]
pub struct Membership {
    pub own: Life,
    /// The names of all living processes, including this one.
    pub living: Arc<[String]>,
}

impl Membership {
    /// The process that should own an account: each account prefers one of the living processes by a hash of both names, so that
    /// a process that comes or goes moves only the accounts that prefer it.
    pub fn preferred(&self, account: Uuid) -> &str {
        let weight = |holder: &&String| {
            let mut hash = Sha256::new();
            hash.update(holder.as_bytes());
            hash.update(account.as_bytes());
            hash.finalize()
        };
        let best = self.living.iter().max_by_key(weight);
        best.map_or(&self.own.holder, String::as_str)
    }

    /// Whether there are other processes.
    pub fn has_others(&self) -> bool {
        self.living.len() > 1
    }
}

/// The right to work on an account, for as long as this process certainly lives and has not given the account away.
#[derive(Clone)]
pub struct Ownership {
    life: Life,
    is_given_up: Arc<AtomicBool>,
}

impl Ownership {
    pub fn new(life: Life) -> Self {
        Self {
            life,
            is_given_up: Arc::default(),
        }
    }

    /// Whether the account certainly belongs to this process.
    pub fn is_held(&self) -> bool {
        !self.is_given_up.load(Ordering::Acquire) && self.life.is_certain()
    }

    /// Whether it was taken in this life of the process.
    pub fn is_of(&self, life: &Life) -> bool {
        self.life.holder == life.holder
    }

    /// Ends the work on the account.
    pub fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Release);
    }

    /// A check that other tasks can call.
    pub fn guard(&self) -> Guard {
        let this = self.clone();
        Arc::new(move || this.is_held())
    }
}

/// The accounts that this process owns.
#[derive(Clone, Default)]
pub struct OwnedAccounts(Arc<Mutex<HashMap<Uuid, Ownership>>>);

impl OwnedAccounts {
    /// The right to work on an account; none if it is certain that this process does not own it, or uncertain whether it does.
    pub fn get(&self, account: Uuid) -> Option<Ownership> {
        let owned = self.all().get(&account).cloned();
        owned.filter(Ownership::is_held)
    }

    /// The number of accounts that this process certainly owns.
    pub fn count(&self) -> usize {
        let all = self.all();
        all.values().filter(|ownership| ownership.is_held()).count()
    }

    pub(crate) fn insert(&self, account: Uuid, ownership: Ownership) {
        self.all().insert(account, ownership);
    }

    /// Ends the work on an account.
    pub(crate) fn remove(&self, account: Uuid) {
        if let Some(ownership) = self.all().remove(&account) {
            ownership.give_up();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Uuid, Ownership>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Proves that this process lives until it is stopped. The receiver has no value before the first proof, and an old one while the
/// database cannot be reached.
pub fn start(db: Db) -> (BackgroundLoop, watch::Receiver<Option<Membership>>) {
    let (sender, receiver) = watch::channel(None);
    let heartbeat = BackgroundLoop::start(|stopping| beat(db, sender, stopping));
    (heartbeat, receiver)
}

async fn beat(
    db: Db,
    members: watch::Sender<Option<Membership>>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut life: Option<Life> = None;
    while !is_stopping(&stopping) {
        let started = Stopwatch::start();
        let wait = match prove(&db, life.as_ref().map(|life| life.holder.clone())).await {
            Ok((holder, living)) => {
                let own = match life.take().filter(|life| life.holder == holder) {
                    Some(life) => life,
                    None => Life {
                        holder,
                        term: Term::starting(started, LENGTH),
                    },
                };
                own.term.set(Some(started));
                life = Some(own.clone());
                publish(&members, own, living);
                RENEWAL
            }
            Err(problem) => {
                tracing::warn!(error = ?problem, "this process could not prove that it lives; trying again");
                RETRY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopping.changed() => {}
        }
    }
    let Some(life) = life else { return };
    life.term.set(None);
    let holder = life.holder.clone();
    let removed: Result<(), StoreError> =
        transaction!(db, |tx| processes::remove(tx, &holder).await).await;
    if let Err(problem) = removed {
        tracing::warn!(error = ?problem, "this process could not be removed from the list of processes; its row expires by itself");
    }
}

fn publish(members: &watch::Sender<Option<Membership>>, own: Life, living: Vec<String>) {
    members.send_if_modified(|before| {
        let is_same = before.as_ref().is_some_and(|before| {
            before.own.holder == own.holder && *before.living == *living.as_slice()
        });
        if !is_same {
            *before = Some(Membership {
                own,
                living: living.into(),
            });
        }
        !is_same
    });
}

/// Renews the row of this process, or adds one under a new name. Declares processes dead that did not renew theirs, and returns
/// the name of this one and the names of all.
async fn prove(db: &Db, before: Option<Arc<str>>) -> Result<(Arc<str>, Vec<String>), StoreError> {
    let is_sqlite = db.is_sqlite();
    transaction!(db, |tx| {
        let renewed = match before {
            Some(holder) if processes::renew(tx, &holder, LENGTH).await? => Some(holder),
            _ => None,
        };
        let holder = match renewed {
            Some(holder) => holder,
            None => {
                let holder: Arc<str> = lease::holder().into();
                processes::register(tx, &holder, LENGTH).await?;
                holder
            }
        };
        let mut living = processes::all(tx).await?;
        if living.len() > 1 {
            // A restart after a kill need not wait.
            for dead in living
                .iter()
                .filter(|name| is_sqlite && lease::is_dead(name))
            {
                processes::remove(tx, dead).await?;
            }
            processes::bury_expired(tx, LENGTH).await?;
            living = processes::all(tx).await?;
        }
        Ok((holder, living))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn membership(living: &[&str]) -> Membership {
        Membership {
            own: Life {
                holder: "a".into(),
                term: Term::starting(Stopwatch::start(), LENGTH),
            },
            living: living.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn accounts_are_shared_and_only_those_that_have_to_move_do() {
        let accounts: Vec<Uuid> = (0..1000).map(Uuid::from_u128).collect();
        let (two, three) = (membership(&["a", "b"]), membership(&["a", "b", "c"]));
        let of_a = |all: &Membership| {
            let theirs = accounts.iter().filter(|id| all.preferred(**id) == "a");
            theirs.count()
        };
        assert!((400..600).contains(&of_a(&two)), "{}", of_a(&two));
        assert!((233..433).contains(&of_a(&three)), "{}", of_a(&three));
        for account in accounts {
            let after = three.preferred(account);
            assert!(after == "c" || after == two.preferred(account));
        }
    }

    #[test]
    fn an_account_that_was_given_up_is_not_held() {
        let owned = OwnedAccounts::default();
        let ownership = Ownership::new(membership(&["a"]).own);
        owned.insert(Uuid::nil(), ownership.clone());
        let guard = ownership.guard();
        assert!(owned.get(Uuid::nil()).is_some() && guard());
        owned.remove(Uuid::nil());
        assert!(owned.get(Uuid::nil()).is_none() && !guard());
    }
}
