//! One word about a person: an aspect, what it says, when that happened at the source, when it was
//! learned, when superseded.

use sea_orm::entity::prelude::*;

use crate::kind::PersonAspect;

/// A row of `person_version`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "person_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub person_id: Uuid,
    pub aspect: PersonAspect,
    #[sea_orm(column_type = "Text", nullable)]
    pub value: Option<String>,
    /// The value once more where the aspect is `EMAIL`, since people are looked up by it; other values may be longer than
    /// an index can hold.
    #[sea_orm(column_type = "Text", nullable)]
    pub email: Option<String>,
    pub happened_at: i64,
    #[sea_orm(column_type = "Text")]
    pub version_key: String,
    pub learned_at: i64,
    pub superseded_at: Option<i64>,
    pub delivery_id: Option<Uuid>,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
