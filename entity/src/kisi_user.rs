//! Who a member is in a Kisi organization. `sent` is true while an answer to its creation is
//! awaited or was lost. A stranger, who is no member of ours, is a row that is its own member.

use sea_orm::entity::prelude::*;

/// A row of `kisi_user`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kisi_user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub account_id: Uuid,
    pub member_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub email: String,
    pub kisi_id: Option<i64>,
    pub sent: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
