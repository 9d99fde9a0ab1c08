//! What webhooks ask to be read: the objects that they name, or everything.

use uuid::Uuid;

use super::{spacebring, teamup};
use crate::{
    ingest::statement::Reads,
    store::{
        ClubScope, Db, StoreError, readings,
        row::{Platform, Source},
    },
};

/// The object of Spacebring that an event is about.
pub fn spacebring_object(kind: &str, id: Option<&str>) -> Reads {
    let object = spacebring::named::object(kind, id);
    object.map_or(Reads::Everything, |object| Reads::Objects(vec![object]))
}

/// The objects that an unsigned request names.
pub fn objects_named(platform: Platform, hint: &[u8]) -> Reads {
    let objects = match platform {
        Platform::Teamup => teamup::named::named(hint),
        _ => None,
    };
    objects.map_or(Reads::Everything, Reads::Objects)
}

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
