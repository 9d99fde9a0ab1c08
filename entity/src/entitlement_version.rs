//! What was said of an entitlement. A deletion is a version. An end is an instant or a local date,
//! read in the zone of the location, else of the source.

use sea_orm::entity::prelude::*;

use crate::kind::{BlockReason, EntitlementKind, OfferingKind};

/// A row of `entitlement_version`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "entitlement_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub source_id: Uuid,
    pub entitlement_id: Uuid,
    /// The entitlement's, which never changes: it is shown with what was said.
    #[sea_orm(column_type = "Text")]
    pub external_id: String,
    pub kind: EntitlementKind,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    pub offering_id: Option<Uuid>,
    pub offering_kind: Option<OfferingKind>,
    pub location_id: Option<Uuid>,
    pub person_id: Option<Uuid>,
    pub company_id: Option<Uuid>,
    pub starts_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub starts_on: Option<String>,
    pub ends_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub ends_on: Option<String>,
    pub block_reason: Option<BlockReason>,
    pub block_since: Option<i64>,
    pub deleted: bool,
    pub happened_at: i64,
    #[sea_orm(column_type = "Text")]
    pub version_key: String,
    pub learned_at: i64,
    pub superseded_at: Option<i64>,
    pub delivery_id: Option<Uuid>,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
