//! Where Kisi sends an account's events: the unguessable part of the address, the key that they are
//! signed with, sealed, and Kisi's id of the integration.

use sea_orm::entity::prelude::*;

/// A row of `kisi_listener`.
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
    pub stands: bool,
    pub created_at: i64,
}

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
