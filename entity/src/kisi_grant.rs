//! One role assignment that is ours. `intent` is stored before Kisi is called; while it is not
//! NONE, what Kisi holds is not known. `missed_at` is when a list of Kisi's did not show it, or
//! showed another window, until the person's own list has said what is so. `stray`: somebody else
//! made it, in a managed group, and it is theirs. `adopted`: somebody else made it, the rules want it,
//! and it is this service's from then on. `asked_differs`: what Kisi holds is its answer to `asked_from` and `asked_until`,
//! which it does not keep as they were asked for.

use sea_orm::entity::prelude::*;

use crate::kind::{GrantState, Intent, ScopeKind};

/// A row of `kisi_grant`.
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
    pub stray: bool,
    pub adopted: bool,
    pub asked_differs: bool,
    pub asked_from: Option<i64>,
    pub asked_until: Option<i64>,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
