//! An address to which the club's events are sent.

use sea_orm::entity::prelude::*;

use crate::kind::EndpointStatus;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoint")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub url: String,
    /// The types of events that are sent, as values of `OutboundEvent` separated by spaces.
    #[sea_orm(column_type = "Text")]
    pub events: String,
    /// The signing secret, sealed.
    #[sea_orm(column_type = "Blob")]
    pub secret: Vec<u8>,
    /// The previous secret, sealed. Messages are signed with both until `old_secret_until`.
    #[sea_orm(column_type = "Blob", nullable)]
    pub old_secret: Option<Vec<u8>>,
    pub old_secret_until: Option<i64>,
    pub status: EndpointStatus,
    /// The first failed attempt since the last success.
    pub failing_since: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
