//! A role assignment that this service tracks. `intent` is stored before Kisi is called; while it is not NONE, the state in Kisi
//! is unknown. `missed_at`: when a list from Kisi lacked the assignment or showed another window; it stays until the assignments
//! of the user are read and settle the question. `external`: someone else made it in a managed group, and it stays theirs.
//! `adopted`: someone else made it, the rules want it, and this service manages it from then on. `asked_differs`: the window in
//! Kisi is its response to `asked_from` and `asked_until`, which it does not keep as requested.

use sea_orm::entity::prelude::*;

use crate::kind::{GrantState, Intent, ScopeKind};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kisi_grant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub account_id: Uuid,
    pub member_id: Uuid,
    pub kisi_user_id: Uuid,
    pub scope_kind: ScopeKind,
    pub scope_id: Uuid,
    pub kisi_id: Option<i64>,
    pub valid_from: Option<i64>,
    pub valid_until: Option<i64>,
    pub state: GrantState,
    pub intent: Intent,
    pub want_from: Option<i64>,
    pub want_until: Option<i64>,
    pub notify: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
    pub created_at: i64,
    pub confirmed_at: Option<i64>,
    pub missed_at: Option<i64>,
    pub external: bool,
    pub adopted: bool,
    pub asked_differs: bool,
    pub asked_from: Option<i64>,
    pub asked_until: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
