//! Access that staff gave by hand. An ended share is superseded.

use sea_orm::entity::prelude::*;

use crate::kind::ScopeKind;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "share")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub member_id: Uuid,
    pub scope_kind: ScopeKind,
    pub scope_id: Uuid,
    pub from_at: Option<i64>,
    pub until_at: Option<i64>,
    pub notify: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub note: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub actor: Option<String>,
    pub learned_at: i64,
    pub superseded_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
