//! Who is known in Kisi, read in pages where many wait for it: one page tells of a hundred people what a look-up tells of one.
//! Kept in memory for some minutes, and believed in one thing alone: who is found has that id, and who is not found may be
//! created at once, since Kisi refuses a second user of one address. Called where a member has no user yet.

use std::{collections::HashMap, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use super::execute::AccountError;
use crate::{
    kisi::{Client, Error, User},
    store::StoreError,
};

/// How long what was read is used.
const KEPT_FOR: Duration = Duration::from_mins(10);
/// So many have to wait before reading pages is worth it.
const MANY: u64 = 10;

/// See the module.
#[derive(Debug, Default)]
pub struct Directory(Mutex<Option<UserIndex>>);

#[derive(Debug)]
struct UserIndex {
    read_at: Instant,
    /// By address in lower case. None: several users bear it. Nothing at all where there were more users than it was worth to
    /// read.
    users: Option<HashMap<String, Option<User>>>,
}

/// What the directory says of an address.
#[derive(Debug)]
pub enum Found {
    /// Nothing: look the person up.
    Unread,
    /// This is the user.
    There(User),
    /// There was no such user.
    Absent,
}

impl Directory {
    /// Looks for an address. Reads the users of Kisi where that takes fewer calls than to look up each of those who are to be
    /// served; `waiting` tells how many, and is asked where nothing is known.
    pub async fn find(
        &self,
        client: &Client,
        email: &str,
        waiting: impl Future<Output = Result<u64, StoreError>>,
    ) -> Result<Found, AccountError> {
        // Whoever else looks meanwhile waits for the same pages.
        let mut kept = self.0.lock().await;
        let is_fresh = |known: &UserIndex| known.read_at.elapsed() < KEPT_FOR;
        if !kept.as_ref().is_some_and(is_fresh) {
            let waiting = waiting.await?;
            if waiting < MANY {
                return Ok(Found::Unread);
            }
            *kept = Some(UserIndex::read(client, waiting).await?);
        }
        let users = kept.as_ref().and_then(|known| known.users.as_ref());
        Ok(match users.map(|users| users.get(&email.to_lowercase())) {
            None | Some(Some(None)) => Found::Unread,
            Some(Some(Some(user))) => Found::There(user.clone()),
            Some(None) => Found::Absent,
        })
    }
}

impl UserIndex {
    async fn read(client: &Client, waiting: u64) -> Result<Self, Error> {
        let read_at = Instant::now();
        let users = match client.user_pages().await? {
            Some(pages) if pages <= waiting => match client.users().await {
                Ok(users) => Some(users),
                // Each of them can be looked up still.
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
