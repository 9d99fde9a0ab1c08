//! One request that transmitted a message to an endpoint, and its outcome.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub message_id: Uuid,
    pub at: i64,
    pub duration_ms: i64,
    /// The HTTP status of the response; none if no response came.
    pub status: Option<i32>,
    /// Why the attempt failed, for people.
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
    /// The beginning of the response's body.
    #[sea_orm(column_type = "Text", nullable)]
    pub response: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
