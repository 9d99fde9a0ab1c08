//! Wakes background loops after a commit. A wake-up carries no work: the loop queries what is due. A waiter registers before it
//! queries, so that a wake-up between the two is not lost.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::ClubScope;

/// A signal without content. Clones share the same waiters.
#[derive(Clone, Debug, Default)]
pub struct Signal(Arc<Notify>);

impl Signal {
    /// Wakes all registered waiters.
    pub fn wake(&self) {
        self.0.notify_waiters();
    }

    /// Registers at once: a `wake` after this call completes the future, even if it is awaited later.
    pub fn register(&self) -> impl Future<Output = ()> + Send + use<> {
        let notify = self.0.clone();
        let mut waiting = Box::pin(notify.notified_owned());
        waiting.as_mut().enable();
        waiting
    }
}

/// Wakes the reconcile loop for the clubs whose members were marked due, and the loop that reads platforms. Clones share the
/// same waiters.
#[derive(Clone, Debug, Default)]
pub struct Waker(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    clubs: Mutex<Clubs>,
    reconcile: Signal,
    readers: Signal,
    relay: Signal,
}

#[derive(Debug, Default)]
struct Clubs {
    /// For the reconcile loop of this process.
    here: BTreeSet<Uuid>,
    /// For the other processes; none while there are none.
    elsewhere: Option<BTreeSet<Uuid>>,
}

impl Waker {
    /// Wakes the reconcile loops of all processes for one club. Called after a commit that marked members due.
    pub fn wake(&self, scope: ClubScope) {
        self.wake_here(scope.club);
        if let Some(elsewhere) = &mut self.clubs().elsewhere {
            elsewhere.insert(scope.club);
        }
        self.0.relay.wake();
    }

    /// Wakes only the reconcile loop of this process.
    pub fn wake_here(&self, club: Uuid) {
        self.clubs().here.insert(club);
        self.0.reconcile.wake();
    }

    /// Takes the clubs that were woken since the last call.
    pub fn take(&self) -> BTreeSet<Uuid> {
        std::mem::take(&mut self.clubs().here)
    }

    /// Registers for [`Waker::wake`] of any club.
    pub fn register(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.reconcile.register()
    }

    /// Sets whether there are other processes, for which wake-ups are collected.
    pub fn set_relaying(&self, is_on: bool) {
        let elsewhere = &mut self.clubs().elsewhere;
        if is_on != elsewhere.is_some() {
            *elsewhere = is_on.then(BTreeSet::new);
        }
    }

    /// Takes the clubs whose wake-ups other processes have not received yet.
    pub fn take_for_others(&self) -> BTreeSet<Uuid> {
        let mut clubs = self.clubs();
        clubs
            .elsewhere
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Registers for wake-ups that other processes have to receive.
    pub fn register_relay(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.relay.register()
    }

    /// Wakes the loop that reads platforms and sends check-ins.
    pub fn wake_readers(&self) {
        self.0.readers.wake();
    }

    /// Wakes both loops. Called after a change of a source.
    pub fn wake_with_readers(&self, scope: ClubScope) {
        self.wake(scope);
        self.wake_readers();
    }

    /// Registers for [`Waker::wake_readers`].
    pub fn register_readers(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.readers.register()
    }

    fn clubs(&self) -> MutexGuard<'_, Clubs> {
        self.0.clubs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
