//! A suspension of a member: while it lasts, the member may pass nowhere. A lifted one is superseded.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "suspension")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub member_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    pub until_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub actor: Option<String>,
    pub learned_at: i64,
    pub superseded_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
