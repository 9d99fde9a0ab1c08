//! The history of access: one event of a member or of the club per row.

use sea_orm::entity::prelude::*;

use crate::kind::{HistoryKind, ScopeKind};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "history")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub at: i64,
    pub kind: HistoryKind,
    pub member_id: Option<Uuid>,
    pub target_kind: Option<ScopeKind>,
    pub target_id: Option<Uuid>,
    #[sea_orm(column_type = "Text")]
    pub cause: String,
    pub delivery_id: Option<Uuid>,
    pub rule_id: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub actor: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub message: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
