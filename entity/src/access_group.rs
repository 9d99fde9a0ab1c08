//! A Kisi access group. Only managed ones are ever written to. `restrictions` is a set of bits: what keeps
//! Kisi from opening a door for somebody of the group. `unlock/restriction.rs` names them.

use sea_orm::entity::prelude::*;

use crate::kind::StrangerPolicy;

/// A row of `access_group`.
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
    /// The name as it is sorted and looked for (`fold`).
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
    /// When its assignments were first read since it is managed; until then nothing is written to it.
    pub read_at: Option<i64>,
    /// When everybody was evaluated since it is managed and has an enabled rule; until then no stranger is removed.
    pub evaluated_at: Option<i64>,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
