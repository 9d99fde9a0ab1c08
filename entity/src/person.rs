//! Somebody as one source names them, and the member that this is. A person of no source was
//! entered by hand.

use sea_orm::entity::prelude::*;

/// A row of `person`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "person")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub source_id: Option<Uuid>,
    #[sea_orm(column_type = "Text")]
    pub external_id: String,
    pub member_id: Uuid,
    pub guest_only: bool,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
