//! A member of the club: one person, from one or several sources. `name`, `email`, `search` and `problems` are derived from the
//! facts.

use sea_orm::entity::prelude::*;

use crate::kind::ErasureState;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "member")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name in the form that is sorted and searched (`fold`).
    #[sea_orm(column_type = "Text")]
    pub folded_name: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub email: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub search: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub problems: Option<String>,
    pub created_at: i64,
    /// None for a member whom nobody erases.
    pub erasure: Option<ErasureState>,
    /// What was erased, as JSON; none until then.
    #[sea_orm(column_type = "Text", nullable)]
    pub erasure_report: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
