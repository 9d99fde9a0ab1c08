//! A check-in for a platform: a member opened a door for a registration. At most one for each registration.

use sea_orm::entity::prelude::*;

use crate::kind::{CheckInState, SourceProblemKind};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "check_in")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub source_id: Uuid,
    pub entitlement_id: Uuid,
    /// The platform's id of the registration.
    #[sea_orm(column_type = "Text")]
    pub external_id: String,
    pub member_id: Uuid,
    pub lock_id: Uuid,
    pub opened_at: i64,
    pub state: CheckInState,
    pub due_at: i64,
    pub attempts: i64,
    pub tried_at: Option<i64>,
    /// Of the last attempt, if it failed.
    pub problem_kind: Option<SourceProblemKind>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
