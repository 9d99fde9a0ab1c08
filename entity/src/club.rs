//! A club, the tenant: every other row belongs to one. `revision` grows with every change to facts, rules or overrides (shares
//! and suspensions).

use sea_orm::entity::prelude::*;

use crate::kind::UnlockVisibility;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "club")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub time_zone: String,
    pub revision: i64,
    pub brake_enabled: bool,
    pub brake_people: i32,
    pub brake_percent: i32,
    pub brake_window_s: i64,
    pub unlock_visibility: UnlockVisibility,
    pub created_at: i64,
    /// From when on superseded versions are complete: older ones were deleted. None if none were.
    pub known_since: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
