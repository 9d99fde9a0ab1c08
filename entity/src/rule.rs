//! A rule in versions: the one that is not superseded stands. A deleted rule has none that stands.

use sea_orm::entity::prelude::*;

use crate::kind::TargetKind;

/// A row of `rule`.
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
    /// The name as it is sorted and looked for (`fold`).
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

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
