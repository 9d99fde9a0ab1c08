//! What a platform sells or lets people book.

use sea_orm::entity::prelude::*;

use crate::kind::OfferingKind;

/// A row of `offering`.
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
    /// The name as it is sorted and looked for (`fold`).
    #[sea_orm(column_type = "Text")]
    pub folded_name: String,
    pub happened_at: i64,
    #[sea_orm(column_type = "Text")]
    pub version_key: String,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
