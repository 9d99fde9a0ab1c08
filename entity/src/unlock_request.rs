//! A request to unlock a door and its outcome. It is stored before Kisi is called, so that it is never sent twice. `taken_until`
//! is real time: the process that took the request has ended by then. The location of the member is in ten-millionths of a degree
//! and is deleted when the request ends.

use sea_orm::entity::prelude::*;

use crate::kind::UnlockState;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "unlock_request")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub account_id: Uuid,
    pub lock_id: Uuid,
    pub member_id: Uuid,
    #[sea_orm(column_type = "Text", nullable)]
    pub idempotency_key: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub actor: String,
    pub kisi_user_id: Option<Uuid>,
    pub state: UnlockState,
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

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
