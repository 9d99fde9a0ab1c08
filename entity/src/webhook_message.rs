//! An event for one endpoint, with the state of its transmission.

use sea_orm::entity::prelude::*;

use crate::kind::{MessageStatus, OutboundEvent};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_message")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub endpoint_id: Uuid,
    pub event: OutboundEvent,
    /// The member that the event is about.
    pub member_id: Option<Uuid>,
    /// The JSON that is sent, the same in every attempt.
    #[sea_orm(column_type = "Text")]
    pub body: String,
    pub created_at: i64,
    pub status: MessageStatus,
    /// The attempts since it was created or last replayed.
    pub attempts: i32,
    /// When the next attempt is due; while an attempt runs, when it counts as lost; the greatest number while its endpoint is
    /// paused.
    pub next_at: i64,
    /// When it was created or last replayed; its attempts end a fixed time after that.
    pub since: i64,
    /// Identifies the attempt that runs.
    pub claim: Option<Uuid>,
    /// When it was delivered, failed for good or was cancelled.
    pub finished_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
