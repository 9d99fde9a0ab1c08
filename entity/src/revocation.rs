//! Access that would be lost early, and whether the brake lets it go, holds it, or only counts it.

use sea_orm::entity::prelude::*;

use crate::kind::{RevocationState, ScopeKind};

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
    /// The same for all revocations of one cause, which the brake judges together; nil for the clock.
    pub cause_id: Uuid,
    /// Whether `cause` says that the source is the likelier fault.
    pub outage_suspected: bool,
    pub delivery_id: Option<Uuid>,
    pub rule_id: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub actor: Option<String>,
    pub asked_at: i64,
    pub decided_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
