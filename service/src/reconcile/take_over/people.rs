//! The people of a preview with one fate, in pages, ordered by name and then id. Called by the API.

use std::{cmp::Ordering, sync::Arc};

use uuid::Uuid;

use super::{Fate, Person, Preview};
use crate::store::{
    Db, StoreError,
    page::{Key, Keyed, ListKind, Listed, Window},
};

#[derive(Clone)]
pub struct People {
    pub preview: Arc<Preview>,
    pub fate: Fate,
}

impl Keyed for Person {
    const LIST: ListKind = ListKind::GroupPeople;

    fn key(&self) -> Key {
        self.key.clone()
    }
}

/// The sort key of a person.
pub fn order(person: &Person) -> (&str, Uuid) {
    (&person.key.name, person.key.id)
}

/// Compares a person with a key, in the order of the lists.
pub fn compare(person: &Person, key: &Key) -> Ordering {
    order(person).cmp(&(&key.name, key.id))
}

impl Listed for People {
    type Row = Person;

    async fn rows(&self, _: &Db, window: &Window) -> Result<Vec<Person>, StoreError> {
        let rows = window.of_rows(self.preview.with_fate(self.fate), compare);
        Ok(rows.into_iter().cloned().collect())
    }

    async fn count(&self, _: &Db) -> Result<u64, StoreError> {
        Ok(self.preview.count(self.fate) as u64)
    }
}
