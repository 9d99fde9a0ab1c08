//! The webhook by which Kisi sends the events of an account: the secret part of its URL, the sealed signing key, and the id of
//! the integration in Kisi.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kisi_listener")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    pub club_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub path_key: String,
    #[sea_orm(column_type = "Blob")]
    pub secret: Vec<u8>,
    pub kisi_id: Option<i64>,
    pub registered: bool,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
