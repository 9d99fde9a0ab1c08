//! A site of a platform.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "location")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub source_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub external_id: String,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name in the form that is sorted and searched (`fold`).
    #[sea_orm(column_type = "Text")]
    pub folded_name: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub time_zone: Option<String>,
    pub happened_at: i64,
    #[sea_orm(column_type = "Text")]
    pub version_key: String,
    /// The time zone has its own version, below; the columns above are the version of the name.
    pub zone_happened_at: i64,
    #[sea_orm(column_type = "Text")]
    pub zone_version_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
