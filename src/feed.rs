//! What happens, as it happens, for those who asked to be told: entries of the history and changes of deliveries, from every
//! process that shares the database.
//!
//! Promises that a subscriber is told everything that was committed after it subscribed and nothing from before, each once.
//! A commit of this process wakes the feed; the others' it finds by looking, each half second. Never asks the database for a
//! club that nobody listens to, never waits for a subscriber, and never keeps more for one than `BUFFER` rows. The API's
//! subscriptions call it.

mod tail;
#[cfg(test)]
mod tests;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::store::{
    Db, Scope, StoreError,
    listings::HistoryFilter,
    row::{Delivery, HistoryEntry},
};
use tail::Tails;

/// How many rows wait for one subscriber at most: whoever is further behind is let go.
const BUFFER: usize = 4096;

/// The feed of a process.
pub struct Feed {
    history: Tails<HistoryEntry>,
    deliveries: Tails<Delivery>,
    ending: Arc<watch::Sender<bool>>,
}

/// The subscriber took too long, so that something is lost to it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subscriber takes too long to read")]
pub struct TooSlow;

/// What one subscriber is told.
#[derive(Debug)]
pub struct Events<R> {
    rows: mpsc::Receiver<Arc<R>>,
    too_slow: Arc<AtomicBool>,
}

impl<R> Events<R> {
    /// The next row. None where the feed has ended; an error once, where this subscriber was let go.
    pub async fn next(&mut self) -> Option<Result<Arc<R>, TooSlow>> {
        match self.rows.recv().await {
            Some(row) => Some(Ok(row)),
            None => self
                .too_slow
                .swap(false, Ordering::AcqRel)
                .then_some(Err(TooSlow)),
        }
    }
}

impl Feed {
    /// A feed that nobody listens to yet. It lives on the runtime that it is made on.
    pub fn new(db: Db) -> Self {
        let ending = Arc::new(watch::Sender::new(false));
        Self {
            history: Tails::new(db.clone(), ending.clone()),
            deliveries: Tails::new(db, ending.clone()),
            ending,
        }
    }

    /// Entries of a club's history from now on, narrowed.
    ///
    /// # Errors
    /// Where it cannot be read what there is already.
    pub async fn access_events(
        &self,
        scope: Scope,
        filter: HistoryFilter,
    ) -> Result<Events<HistoryEntry>, StoreError> {
        let wants = move |row: &HistoryEntry| filter.admits(row);
        self.history.subscribe(scope, BUFFER, wants).await
    }

    /// A club's deliveries, of one source where one is given, as they are let in from now on and as their status changes.
    ///
    /// # Errors
    /// Where it cannot be read what there is already.
    pub async fn deliveries(
        &self,
        scope: Scope,
        source: Option<Uuid>,
    ) -> Result<Events<Delivery>, StoreError> {
        let wants = move |row: &Delivery| source.is_none_or(|source| source == row.source_id);
        self.deliveries.subscribe(scope, BUFFER, wants).await
    }

    /// Ends what every subscriber is told, for good: the service is ending.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Waits until the feed ends.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        ended(self.ending.subscribe())
    }
}

async fn ended(mut ending: watch::Receiver<bool>) {
    // It ends as well where whoever could end it is gone.
    let _ = ending.wait_for(|ending| *ending).await;
}
