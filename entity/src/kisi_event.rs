//! An event of Kisi's that was taken in, so that it is taken in once. `receipt` tells the first
//! delivery of it from later ones.

use sea_orm::entity::prelude::*;

/// A row of `kisi_event`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kisi_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub event_key: String,
    pub club_id: Uuid,
    pub receipt: Uuid,
    pub received_at: i64,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
