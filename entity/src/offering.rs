//! Something that a platform sells or lets people book.

use sea_orm::entity::prelude::*;

use crate::kind::OfferingKind;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "offering")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub source_id: Uuid,
    pub kind: OfferingKind,
    #[sea_orm(column_type = "Text")]
    pub external_id: String,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name in the form that is sorted and searched (`fold`).
    #[sea_orm(column_type = "Text")]
    pub folded_name: String,
    pub happened_at: i64,
    #[sea_orm(column_type = "Text")]
    pub version_key: String,
    /// Kisi's id of the group that the platform gives with the offering.
    pub kisi_group: Option<i64>,
    /// Kisi's ids of the groups that single sales of it give instead, as a JSON list; null if there are none.
    #[sea_orm(column_type = "Text", nullable)]
    pub item_groups: Option<String>,
    /// The version that stated the groups; null if none did.
    pub groups_happened_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub groups_version_key: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
