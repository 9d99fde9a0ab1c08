//! A write that changes nothing of anybody's: it finds out whether the database can store something. Called where the last write
//! failed.

use entity::write_probe;
use sea_orm::{ConnectionTrait, sea_query::OnConflict};

use super::{StoreError, bulk};
use crate::clock::new_id;

/// Writes one row, always the same, with another value each time: nothing that SQLite could leave out.
pub async fn write(connection: &impl ConnectionTrait) -> Result<(), StoreError> {
    let row = write_probe::Model {
        id: 1,
        stamp: new_id(),
    };
    let replace = OnConflict::column(write_probe::Column::Id)
        .update_column(write_probe::Column::Stamp)
        .to_owned();
    bulk::insert_on(connection, vec![row], Some(replace)).await
}
