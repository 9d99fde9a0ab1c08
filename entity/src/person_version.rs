//! A version of one aspect of a person: the value, when it happened at the source, when this service learned it, and when it was
//! superseded.

use sea_orm::entity::prelude::*;

use crate::kind::PersonAspect;

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
    /// A copy of the value for the aspect `EMAIL`, because people are looked up by it; values of other aspects may be too long
    /// for an index.
    #[sea_orm(column_type = "Text", nullable)]
    pub email: Option<String>,
    pub happened_at: i64,
    #[sea_orm(column_type = "Text")]
    pub version_key: String,
    pub learned_at: i64,
    pub superseded_at: Option<i64>,
    pub delivery_id: Option<Uuid>,
    /// The earlier versions that said the same, as a JSON list of pairs (time at the source, key), oldest first.
    #[sea_orm(column_type = "Text", nullable)]
    pub repeats: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
