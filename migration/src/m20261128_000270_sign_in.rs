//! Sessions of staff who signed in with an identity provider: tokens with the provider's id of the person. The list of tokens leaves
//! them out, as it does member sessions.

use sea_orm_migration::prelude::*;

use crate::table::{add_column, create_index, drop_column, drop_index};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

/// The unique index on names, before and after.
const ANY_NAME: &str = "club_id name";
const NAME_OF_TOKEN: &str = "club_id name if !subject";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut subject = ColumnDef::new(Alias::new("subject"));
        add_column(manager, "token", subject.text().null()).await?;
        // A person may be signed in several times, by a name that a token may have too.
        drop_index(manager, "token", ANY_NAME).await?;
        create_index(manager, "token", NAME_OF_TOKEN, true).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Without the column, a session would be a token.
        let sessions = Query::delete()
            .from_table(Alias::new("token"))
            .and_where(Expr::col(Alias::new("subject")).is_not_null())
            .to_owned();
        manager.execute(sessions).await?;
        drop_index(manager, "token", NAME_OF_TOKEN).await?;
        create_index(manager, "token", ANY_NAME, true).await?;
        drop_column(manager, "token", "subject").await
    }
}
