//! A problem of a source or a Kisi account whose begin was announced to the club's endpoints, and whose end was not.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "announced_problem")]
pub struct Model {
    /// The source or the account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_id: Uuid,
    /// The code of the problem: a value of `SourceProblemKind` or `KisiStatus`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub problem: String,
    pub club_id: Uuid,
    pub since: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
