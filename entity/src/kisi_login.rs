//! A login by which calls act as a person in Kisi, sealed. `kisi_user_id` is our row of that person.

use sea_orm::entity::prelude::*;

/// A row of `kisi_login`.
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

/// Joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
