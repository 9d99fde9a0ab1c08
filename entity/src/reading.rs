//! What a source's platform held when its API was last read, whole: what the next reading is compared with.

use sea_orm::entity::prelude::*;

/// A row of `reading`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reading")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_id: Uuid,
    pub club_id: Uuid,
    pub read_at: i64,
    pub whole_at: i64,
    #[sea_orm(column_type = "Blob")]
    pub body: Vec<u8>,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
