//! A test write to a separate table that checks whether the database can store a row as large as an event. Called after the
//! last write failed.

use entity::write_probe;
use sea_orm::{ConnectionTrait, sea_query::OnConflict};

use super::{StoreError, bulk};
use crate::clock::new_id;

/// Larger than an event: if there is room for this, there is room for the next event.
const BYTES: usize = 256 * 1024;

/// Overwrites the same row with a new value each time, so that SQLite cannot skip the write.
pub async fn write(connection: &impl ConnectionTrait) -> Result<(), StoreError> {
    let row = write_probe::Model {
        id: 1,
        filler: new_id().as_bytes().repeat(BYTES / 16),
    };
    let replace = OnConflict::column(write_probe::Column::Id)
        .update_column(write_probe::Column::Filler)
        .to_owned();
    bulk::insert_on(connection, vec![row], Some(replace)).await
}
