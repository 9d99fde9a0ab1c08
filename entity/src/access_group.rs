//! A Kisi access group. This service writes only to managed groups. `restrictions` is a bit mask of the Kisi settings that keep
//! members of the group from opening a door; `unlock/restriction.rs` defines the bits.

use sea_orm::entity::prelude::*;

use crate::kind::StrangerPolicy;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "access_group")]
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
    pub restrictions: i32,
    pub managed: bool,
    pub strangers: StrangerPolicy,
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
    pub missing_since: Option<i64>,
    pub gone_at: Option<i64>,
    /// When its assignments were first read after it became managed; until then nothing is written to it.
    pub read_at: Option<i64>,
    /// When all members were evaluated after the group became managed with an enabled rule; until then no stranger is removed.
    pub evaluated_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
