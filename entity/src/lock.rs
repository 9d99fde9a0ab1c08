//! A Kisi lock, which is a door. `restrictions` is a bit mask of the Kisi settings that keep the lock from opening for anyone,
//! anywhere, at any time; `unlock/restriction.rs` defines the bits.

use sea_orm::entity::prelude::*;

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
    /// The name in the form that is sorted and searched (`fold`).
    #[sea_orm(column_type = "Text")]
    pub folded_name: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub description: Option<String>,
    pub online: Option<bool>,
    pub restrictions: i32,
    pub missing_since: Option<i64>,
    pub gone_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
