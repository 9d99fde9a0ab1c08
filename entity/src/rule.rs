//! A rule, one row for each version. The version that is not superseded is the current one; a deleted rule has none.

use sea_orm::entity::prelude::*;

use crate::kind::TargetKind;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rule")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub rule_id: Uuid,
    pub version: i32,
    pub target_kind: TargetKind,
    pub target_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name in the form that is sorted and searched (`fold`).
    #[sea_orm(column_type = "Text")]
    pub folded_name: String,
    pub enabled: bool,
    #[sea_orm(column_type = "Text")]
    pub conditions: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub actor: Option<String>,
    pub learned_at: i64,
    pub superseded_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
