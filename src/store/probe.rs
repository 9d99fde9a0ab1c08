//! A write that changes nothing of anybody's: it finds out whether the database can store something as large as an event. Called
//! where the last write failed.

use entity::write_probe;
use sea_orm::{ConnectionTrait, sea_query::OnConflict};

use super::{StoreError, bulk};
use crate::clock::new_id;

/// More than an event takes: where there is room for this, there is room for the next one.
const BYTES: usize = 256 * 1024;

/// Writes one row, always the same, with another value each time: nothing that SQLite could leave out.
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
