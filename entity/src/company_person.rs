//! One word about whether a person is in a company; the later one on each pair stands, whoever
//! said it.

use sea_orm::entity::prelude::*;

/// A row of `company_person`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "company_person")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub company_id: Uuid,
    pub person_id: Uuid,
    pub present: bool,
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
