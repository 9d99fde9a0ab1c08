//! An unlock that was asked for, and what became of it. It is stored before Kisi is asked, so that
//! one press is never sent twice. `taken_until` is real time: whoever took it has ended by then. The
//! location is where the member was, in ten-millionths of a degree, until the press has ended.

use sea_orm::entity::prelude::*;

use crate::kind::PressState;

/// A row of `press`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "press")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub account_id: Uuid,
    pub lock_id: Uuid,
    pub member_id: Uuid,
    #[sea_orm(column_type = "Text", nullable)]
    pub press_key: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub actor: String,
    pub kisi_user_id: Option<Uuid>,
    pub state: PressState,
    #[sea_orm(column_type = "Text", nullable)]
    pub kisi_code: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub message: Option<String>,
    pub asked_at: i64,
    pub taken_until: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub event_key: Option<String>,
    pub latitude_e7: Option<i64>,
    pub longitude_e7: Option<i64>,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
