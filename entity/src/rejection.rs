//! How many webhook requests of a source were rejected within one hour, and the last of them.

use sea_orm::entity::prelude::*;

use crate::kind::RejectionReason;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rejection")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_id: Uuid,
    /// Hours since the Unix epoch.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hour: i64,
    pub club_id: Uuid,
    pub requests: i64,
    pub last_at: i64,
    pub last_reason: RejectionReason,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
