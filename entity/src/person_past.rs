//! Whose a person was before: while it was not yet known who the person is, or as long as sources said so.

use sea_orm::entity::prelude::*;

/// A row of `person_past`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "person_past")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub person_id: Uuid,
    pub member_id: Uuid,
    pub superseded_at: i64,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
