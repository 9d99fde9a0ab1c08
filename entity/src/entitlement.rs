//! Something that a platform says somebody holds: its identity. What it says is in its versions.

use sea_orm::entity::prelude::*;

use crate::kind::EntitlementKind;

/// A row of `entitlement`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "entitlement")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub source_id: Uuid,
    pub kind: EntitlementKind,
    #[sea_orm(column_type = "Text")]
    pub external_id: String,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
