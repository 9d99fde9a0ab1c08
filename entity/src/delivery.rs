//! An accepted webhook request, with its raw body, so that it can be processed again.

use sea_orm::entity::prelude::*;

use crate::kind::{BodyRemoval, DeliveryStatus};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub source_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub external_id: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub event_type: Option<String>,
    pub status: DeliveryStatus,
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
    pub occurred_at: Option<i64>,
    pub received_at: i64,
    pub settled_at: Option<i64>,
    pub attempts: i32,
    /// Replaced at every change of the status; later ones sort after earlier ones.
    pub stamp: Uuid,
    #[sea_orm(column_type = "Text")]
    pub headers: String,
    #[sea_orm(column_type = "Blob")]
    pub body: Vec<u8>,
    /// A JSON list of the parts that were ignored; none if all of it was processed.
    #[sea_orm(column_type = "Text", nullable)]
    pub warnings: Option<String>,
    /// When a failed delivery was dismissed, by whom and why.
    pub dismissed_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub dismissed_by: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub dismissed_reason: Option<String>,
    /// Why headers and body are no longer stored.
    pub body_removed: Option<BodyRemoval>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
