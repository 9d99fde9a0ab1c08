//! A version of the fact that a person is or is not in a company. The latest version for a pair is current, whether it came from
//! an event about the person or about the company.

use sea_orm::entity::prelude::*;

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

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
