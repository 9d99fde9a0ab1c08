//! A cache of the users in Kisi, read in pages if many members wait for one: a page holds a hundred users, a look-up one. Used
//! only where stale data does no harm: a user that is found has this id, and one that is absent may be created at once,
//! because Kisi refuses a second user with the same e-mail. Called for members without a Kisi user.

use std::{collections::HashMap, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use super::execute::AccountError;
use crate::{
    kisi::{Client, Error, User},
    store::StoreError,
};

/// How long the users are cached.
const CACHE_TTL: Duration = Duration::from_mins(10);
/// The pages are read only if at least so many members wait.
const MIN_WAITING: u64 = 10;

#[derive(Debug, Default)]
pub struct Directory(Mutex<Option<UserIndex>>);

#[derive(Debug)]
struct UserIndex {
    read_at: Instant,
    /// By e-mail in lower case; the inner `None` marks an e-mail of several users. The outer `None`: there were too many users to
    /// read.
    users: Option<HashMap<String, Option<User>>>,
}

/// The result of a look-up by e-mail.
#[derive(Debug)]
pub enum Lookup {
    /// The directory cannot tell: ask Kisi for this e-mail.
    NotCached,
    Found(User),
    /// No user had this e-mail when the pages were read.
    Absent,
}

impl Directory {
    /// Whether the cache holds users, or is being filled.
    pub fn is_cached(&self) -> bool {
        let cached = self.0.try_lock();
        cached.map_or(true, |cached| {
            cached
                .as_ref()
                .is_some_and(|index| index.read_at.elapsed() < CACHE_TTL)
        })
    }

    /// Looks up an e-mail. Reads all users if that takes no more calls than one look-up per waiting member; `waiting` counts
    /// these, and is awaited only if the cache is empty or expired.
    pub async fn find(
        &self,
        client: &Client,
        email: &str,
        waiting: impl Future<Output = Result<u64, StoreError>>,
    ) -> Result<Lookup, AccountError> {
        // Locked while reading, so that concurrent look-ups wait for the same pages.
        let mut cache = self.0.lock().await;
        let is_fresh = |known: &UserIndex| known.read_at.elapsed() < CACHE_TTL;
        if !cache.as_ref().is_some_and(is_fresh) {
            let waiting = waiting.await?;
            if waiting < MIN_WAITING {
                return Ok(Lookup::NotCached);
            }
            *cache = Some(UserIndex::read(client, waiting).await?);
        }
        let users = cache.as_ref().and_then(|known| known.users.as_ref());
        Ok(match users.map(|users| users.get(&email.to_lowercase())) {
            None | Some(Some(None)) => Lookup::NotCached,
            Some(Some(Some(user))) => Lookup::Found(user.clone()),
            Some(None) => Lookup::Absent,
        })
    }
}

impl UserIndex {
    async fn read(client: &Client, waiting: u64) -> Result<Self, Error> {
        let read_at = Instant::now();
        let users = match client.user_pages().await? {
            Some(pages) if pages <= waiting => match client.users().await {
                Ok(users) => Some(users),
                // Single look-ups still work.
                Err(Error::TooLong | Error::Malformed { .. }) => None,
                Err(problem) => return Err(problem),
            },
            _ => None,
        };
        let by_address = |users: Vec<User>| {
            let mut known: HashMap<String, Option<User>> = HashMap::with_capacity(users.len());
            for user in users {
                let address = user.email.trim().to_lowercase();
                let several = known.contains_key(&address);
                known.insert(address, (!several).then_some(user));
            }
            known
        };
        Ok(Self {
            read_at,
            users: users.map(by_address),
        })
    }
}
