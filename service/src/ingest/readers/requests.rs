//! What webhooks asked to be read since the last reading: the objects that they named, or everything.

use uuid::Uuid;

use crate::store::{ClubScope, Db, StoreError, readings, row::Source};

/// The requests that a reading answers.
pub struct Requests {
    pub ids: Vec<Uuid>,
    /// The objects to read; none for everything.
    pub objects: Option<Vec<String>>,
}

impl Requests {
    /// The requests of a source. Everything is read if the source is due, after doubts about a reading, and if a request names
    /// no object.
    pub async fn load(db: &Db, source: &Source, is_due: bool) -> Result<Self, StoreError> {
        let scope = ClubScope::new(source.club_id);
        let requests = readings::requests(db.read(), scope, source.id).await?;
        let ids = requests.iter().map(|(id, _)| *id).collect();
        let objects: Option<Vec<String>> = requests.into_iter().map(|(_, object)| object).collect();
        let is_enough = !is_due && source.reading_doubt.is_none();
        let objects = objects.filter(|objects| is_enough && !objects.is_empty());
        Ok(Self { ids, objects })
    }
}
