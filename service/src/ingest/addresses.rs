//! Finds the sources of webhook addresses. Requests that arrive while a query runs share the next one, so that a burst costs one
//! query for many requests, and each request sees a source as it is after the request arrived: nothing is kept.

use std::collections::{BTreeSet, HashMap};

use tokio::sync::{mpsc, oneshot};

use crate::store::{Db, StoreError, row::Source, sources};

/// The most requests that share a query.
const MOST_SHARED: usize = 256;
/// The longest part of a path that can be an address; those that are made here have 32 characters.
const LONGEST: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error("the source of the address could not be looked up")]
    Store,
    /// The service is stopping, or too many requests wait.
    #[error("no more requests are taken at the moment")]
    Busy,
}

type Answer = oneshot::Sender<Result<Option<Source>, LookupError>>;

/// A handle to the task that looks up addresses.
#[derive(Clone, Debug)]
pub struct Addresses(mpsc::Sender<(String, Answer)>);

impl Addresses {
    /// Starts the task. It ends when the last handle is dropped.
    pub fn start(db: Db) -> Self {
        let (sender, mut receiver) = mpsc::channel(4 * MOST_SHARED);
        tokio::spawn(async move {
            let mut waiting = Vec::new();
            while receiver.recv_many(&mut waiting, MOST_SHARED).await > 0 {
                answer_all(&db, std::mem::take(&mut waiting)).await;
            }
        });
        Self(sender)
    }

    /// The source with this path key; none if there is none, or it was removed.
    pub async fn find(&self, key: &str) -> Result<Option<Source>, LookupError> {
        if key.is_empty()
            || key.len() > LONGEST
            || !key.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return Ok(None);
        }
        let (answer, found) = oneshot::channel();
        self.0
            .try_send((key.to_owned(), answer))
            .map_err(|_| LookupError::Busy)?;
        found.await.unwrap_or(Err(LookupError::Busy))
    }
}

async fn answer_all(db: &Db, waiting: Vec<(String, Answer)>) {
    let keys: BTreeSet<&str> = waiting.iter().map(|(key, _)| key.as_str()).collect();
    let found = sources::by_paths(db.read(), keys).await;
    let by_key = found.map(|sources| {
        let by_key = sources.into_iter().map(|it| (it.path_key.clone(), it));
        by_key.collect::<HashMap<_, _>>()
    });
    report(&by_key);
    for (key, answer) in waiting {
        let _ = answer.send(match &by_key {
            Ok(by_key) => Ok(by_key.get(&key).cloned()),
            Err(_) => Err(LookupError::Store),
        });
    }
}

fn report(found: &Result<HashMap<String, Source>, StoreError>) {
    if let Err(problem) = found {
        tracing::error!(error = ?problem, "the sources of webhook addresses could not be looked up; the senders are told to send again");
    }
}
