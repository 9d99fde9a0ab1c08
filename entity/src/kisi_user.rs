//! A user of a Kisi organization and the member that it belongs to. `sent` is true while the response to its creation is pending
//! or was lost. For a stranger, who is no member of the club, `member_id` is the id of the row itself.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kisi_user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    pub account_id: Uuid,
    pub member_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub email: String,
    pub kisi_id: Option<i64>,
    pub sent: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
