//! A version of one aspect of a company: its name, that its list of people is complete, or that it is gone.

use sea_orm::entity::prelude::*;

use crate::kind::CompanyAspect;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "company_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub company_id: Uuid,
    pub aspect: CompanyAspect,
    #[sea_orm(column_type = "Text", nullable)]
    pub value: Option<String>,
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
