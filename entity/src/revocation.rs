//! Access that would be lost early: whether the brake lets it go, holds it, or counts it.

use sea_orm::entity::prelude::*;

use crate::kind::{RevocationState, ScopeKind};

/// A row of `revocation`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revocation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub account_id: Uuid,
    pub member_id: Uuid,
    pub scope_kind: ScopeKind,
    pub scope_id: Uuid,
    pub state: RevocationState,
    #[sea_orm(column_type = "Text")]
    pub cause: String,
    pub delivery_id: Option<Uuid>,
    pub rule_id: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub actor: Option<String>,
    pub asked_at: i64,
    pub decided_at: Option<i64>,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
