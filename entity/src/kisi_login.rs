//! A login for calls to Kisi as one of its users, sealed. `kisi_user_id` is the row of that user.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kisi_login")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kisi_user_id: Uuid,
    pub club_id: Uuid,
    pub account_id: Uuid,
    #[sea_orm(column_type = "Blob")]
    pub secret: Vec<u8>,
    pub made_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
