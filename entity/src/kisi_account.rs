//! A connection to one Kisi organization, and what has been learned of its ways.

use sea_orm::entity::prelude::*;

use crate::kind::{Ability, KisiStatus};

/// A row of `kisi_account`.
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
    /// Until when Kisi asked for no more requests.
    pub stopped_until: Option<i64>,
    pub change_window: Ability,
    pub twins: Ability,
    /// The seconds that Kisi rounds windows to.
    pub granularity_s: i64,
    /// The role for a place that can do nothing but open its doors; none where Kisi has none.
    #[sea_orm(column_type = "Text", nullable)]
    pub place_role: Option<String>,
    /// The same for the whole organization.
    #[sea_orm(column_type = "Text", nullable)]
    pub organization_role: Option<String>,
    /// When the two were last read. None: by a version that judged roles by less, so that neither is given.
    pub roles_judged_at: Option<i64>,
    pub created_at: i64,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
