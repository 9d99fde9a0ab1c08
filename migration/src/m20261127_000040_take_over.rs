//! Adds the state of groups that are taken over, and the mark of adopted assignments.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Instants in microseconds. Groups that are already managed are read once more, which adopts the existing assignments of their
/// members.
const OF_GROUP: [&str; 2] = ["read_at", "evaluated_at"];

/// Revocations of strangers that no longer exist.
const ORPHANS: &str = "DELETE FROM revocation WHERE member_id NOT IN (SELECT id FROM member) \
                       AND member_id NOT IN (SELECT id FROM kisi_user)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in OF_GROUP {
            let mut column = ColumnDef::new(Alias::new(column));
            let mut altered = Table::alter();
            altered
                .table(Alias::new("access_group"))
                .add_column(column.big_integer().null());
            manager.alter_table(altered).await?;
        }
        let mut adopted = ColumnDef::new(Alias::new("adopted"));
        let mut altered = Table::alter();
        altered
            .table(Alias::new("kisi_grant"))
            .add_column(adopted.boolean().not_null().default(false));
        manager.alter_table(altered).await?;
        manager.get_connection().execute_unprepared(ORPHANS).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let all = OF_GROUP.map(|column| ("access_group", column));
        for (table, column) in all.into_iter().chain([("kisi_grant", "adopted")]) {
            let mut altered = Table::alter();
            altered
                .table(Alias::new(table))
                .drop_column(Alias::new(column));
            manager.alter_table(altered).await?;
        }
        Ok(())
    }
}
