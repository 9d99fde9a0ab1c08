//! When a member must next be reconciled in a Kisi account. Work is open while `generation` is greater than `settled_generation`.

use sea_orm::entity::prelude::*;

use crate::kind::BrakePolicy;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "due")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub member_id: Uuid,
    pub club_id: Uuid,
    pub due_at: i64,
    pub generation: i64,
    pub settled_generation: i64,
    pub lane: Option<i32>,
    pub attempts: i32,
    #[sea_orm(column_type = "Text")]
    pub cause: String,
    /// The same for all marks of one cause; nil for the clock.
    pub cause_id: Uuid,
    pub cause_delivery: Option<Uuid>,
    pub cause_rule: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub cause_actor: Option<String>,
    pub brake_policy: BrakePolicy,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
