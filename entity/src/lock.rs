//! A Kisi lock: a door. `restrictions` is a set of bits: what keeps Kisi from opening it for anybody,
//! anywhere, at any time. `unlock/restriction.rs` names them.

use sea_orm::entity::prelude::*;

/// A row of `lock`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lock")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub account_id: Uuid,
    pub kisi_id: i64,
    pub place_id: Option<Uuid>,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name as it is sorted and looked for (`fold`).
    #[sea_orm(column_type = "Text")]
    pub folded_name: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub description: Option<String>,
    pub online: Option<bool>,
    pub restrictions: i32,
    pub missing_since: Option<i64>,
    pub gone_at: Option<i64>,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
