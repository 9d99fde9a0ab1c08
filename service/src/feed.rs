//! A live feed of history entries and delivery changes for GraphQL subscriptions, from every process that shares the database.
//!
//! A subscriber receives every row that is committed after it subscribed, each once, and no earlier rows. Commits of this process
//! wake the feed; those of other processes are found by polling every half second. Only clubs with subscribers are read. A slow
//! subscriber blocks nobody: at most `BUFFER` rows wait for it, then it is disconnected. Called by the subscriptions of the API.

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
    ClubScope, Db, StoreError,
    listings::HistoryFilter,
    row::{Delivery, HistoryEntry},
};
use tail::ClubFeeds;

/// How many rows may wait for one subscriber; one that is further behind is disconnected.
const BUFFER: usize = 4096;

pub struct Feed {
    history: ClubFeeds<HistoryEntry>,
    deliveries: ClubFeeds<Delivery>,
    ending: Arc<watch::Sender<bool>>,
}

/// The subscriber read too slowly and was disconnected, so it missed rows.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subscriber reads too slowly and was disconnected: subscribe again")]
pub struct TooSlow;

/// The rows for one subscriber.
#[derive(Debug)]
pub struct Events<R> {
    rows: mpsc::Receiver<Arc<R>>,
    too_slow: Arc<AtomicBool>,
}

impl<R> Events<R> {
    /// The next row; `None` after the feed has ended, and one `TooSlow` error before that if the subscriber was disconnected.
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
    /// Must be called on the tokio runtime that runs the feed.
    pub fn new(db: Db) -> Self {
        let ending = Arc::new(watch::Sender::new(false));
        Self {
            history: ClubFeeds::new(db.clone(), ending.clone()),
            deliveries: ClubFeeds::new(db, ending.clone()),
            ending,
        }
    }

    /// Streams new history entries of a club that pass the filter.
    ///
    /// # Errors
    /// The existing rows cannot be read.
    pub async fn access_events(
        &self,
        scope: ClubScope,
        filter: HistoryFilter,
    ) -> Result<Events<HistoryEntry>, StoreError> {
        let wants = move |row: &HistoryEntry| filter.matches(row);
        self.history.subscribe(scope, BUFFER, wants).await
    }

    /// Streams new deliveries of a club, or of one source, and their later changes of status.
    ///
    /// # Errors
    /// The existing rows cannot be read.
    pub async fn deliveries(
        &self,
        scope: ClubScope,
        source: Option<Uuid>,
    ) -> Result<Events<Delivery>, StoreError> {
        let wants = move |row: &Delivery| source.is_none_or(|source| source == row.source_id);
        self.deliveries.subscribe(scope, BUFFER, wants).await
    }

    /// Ends all subscriptions for good, at shutdown.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        ended(self.ending.subscribe())
    }
}

async fn ended(mut ending: watch::Receiver<bool>) {
    // An error means that the sender was dropped, which also ends the feed.
    let _ = ending.wait_for(|ending| *ending).await;
}
