//! When a member is to be looked at next in a Kisi account. Work is open while `generation` is
//! ahead of `settled_generation`.

use sea_orm::entity::prelude::*;

use crate::kind::Weight;

/// A row of `due`.
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
    pub cause_delivery: Option<Uuid>,
    pub cause_rule: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub cause_actor: Option<String>,
    pub weight: Weight,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
