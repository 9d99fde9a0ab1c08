//! A bearer token, a member session, or a session of staff who signed in, stored as the SHA-256 of its secret only.

use sea_orm::entity::prelude::*;

use crate::kind::Role;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    pub role: Role,
    #[sea_orm(column_type = "Blob")]
    pub hash: Vec<u8>,
    pub member_id: Option<Uuid>,
    /// The identity provider and its id of the person who signed in; for sessions of staff only.
    #[sea_orm(column_type = "Text", nullable)]
    pub subject: Option<String>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
