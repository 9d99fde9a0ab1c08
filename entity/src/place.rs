//! A Kisi place, which is a building. `gone_at` is set when Kisi no longer lists it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "place")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub account_id: Uuid,
    pub kisi_id: i64,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name in the form that is sorted and searched (`fold`).
    #[sea_orm(column_type = "Text")]
    pub folded_name: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub time_zone: Option<String>,
    pub missing_since: Option<i64>,
    pub gone_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
