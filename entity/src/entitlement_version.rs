//! A version of the content of an entitlement. A deletion is a version too. An end is an instant, or a local date in the time
//! zone of the location, else of the source.

use sea_orm::entity::prelude::*;

use crate::kind::{BlockReason, EntitlementKind, OfferingKind};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "entitlement_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub source_id: Uuid,
    pub entitlement_id: Uuid,
    /// Copied from the entitlement, where it never changes, to show it with the version.
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
    /// The earlier versions that said the same, as a JSON list of pairs (time at the source, key), oldest first.
    #[sea_orm(column_type = "Text", nullable)]
    pub repeats: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
