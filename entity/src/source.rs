//! A club platform that sends events to this service. Its secrets are sealed.

use sea_orm::entity::prelude::*;

use crate::kind::{Platform, ReadingDoubt, SignatureScheme, SourceProblemKind};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "source")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub club_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    pub platform: Platform,
    pub signature: SignatureScheme,
    #[sea_orm(column_type = "Text")]
    pub path_key: String,
    #[sea_orm(column_type = "Text")]
    pub time_zone: String,
    #[sea_orm(column_type = "Blob")]
    pub secret: Option<Vec<u8>>,
    #[sea_orm(column_type = "Blob")]
    pub old_secret: Option<Vec<u8>>,
    pub old_secret_until: Option<i64>,
    pub read_every_s: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub mapping: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
    #[sea_orm(column_type = "Blob")]
    pub credentials: Option<Vec<u8>>,
    pub last_read_at: Option<i64>,
    pub read_due_at: i64,
    pub read_not_before: i64,
    pub read_asked: i64,
    pub read_answered: i64,
    pub read_failures: i64,
    pub created_at: i64,
    pub removed_at: Option<i64>,
    pub reading_doubt: Option<ReadingDoubt>,
    #[sea_orm(column_type = "Text", nullable)]
    pub membership_statuses: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub unknown_statuses: Option<String>,
    pub primary_only: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub signature_rule: Option<String>,
    /// Set where `problem` is.
    pub problem_kind: Option<SourceProblemKind>,
    pub problem_since: Option<i64>,
    /// Whether the platform is told who opens a door for a registration.
    pub check_in: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
