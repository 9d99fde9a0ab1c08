//! A connection to one Kisi organization, and what was learned about how it behaves.

use sea_orm::entity::prelude::*;

use crate::kind::{Ability, KisiStatus};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kisi_account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    pub organization_id: Option<i64>,
    pub kisi_user_id: Option<i64>,
    #[sea_orm(column_type = "Blob")]
    pub credentials: Vec<u8>,
    pub place_kisi_id: Option<i64>,
    pub invite_by_email: bool,
    pub status: KisiStatus,
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
    pub last_read_at: Option<i64>,
    pub read_due_at: i64,
    /// No requests are sent before this time, as Kisi asked.
    pub stopped_until: Option<i64>,
    pub change_window: Ability,
    pub duplicate_assignments: Ability,
    /// The unit, in seconds, to which Kisi rounds windows.
    pub granularity_s: i64,
    /// The role for a place that can only open doors; none if Kisi has none.
    #[sea_orm(column_type = "Text", nullable)]
    pub place_role: Option<String>,
    /// The role for the whole organization that can only open doors.
    #[sea_orm(column_type = "Text", nullable)]
    pub organization_role: Option<String>,
    /// When the two roles were last chosen. None: an earlier version chose them by weaker criteria, so neither is assigned.
    pub roles_judged_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
