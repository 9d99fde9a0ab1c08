//! Retention: which deliveries still have their body, since when a club's superseded versions are complete, the earlier times at
//! which a version was repeated, and indexes by which old rows are found without a scan.

use sea_orm_migration::prelude::*;

use crate::table::{add_column, create_index, drop_column, drop_index};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

/// Table and index, as `create_index` takes them.
const INDEXES: [(&str, &str); 13] = [
    ("delivery", "club_id received_at if !body_removed"),
    ("delivery", "club_id received_at if body_removed"),
    ("history", "club_id at"),
    ("unlock_request", "club_id asked_at"),
    (
        "person_version",
        "club_id aspect superseded_at if superseded_at",
    ),
    ("company_version", "club_id superseded_at if superseded_at"),
    ("company_person", "club_id superseded_at if superseded_at"),
    (
        "entitlement_version",
        "club_id superseded_at if superseded_at",
    ),
    ("source_version", "club_id superseded_at if superseded_at"),
    ("share", "club_id superseded_at if superseded_at"),
    ("suspension", "club_id superseded_at if superseded_at"),
    ("person_past", "club_id superseded_at"),
    ("revocation", "club_id state decided_at"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |column| ColumnDef::new(Alias::new(column)).text().null().to_owned();
        add_column(manager, "delivery", &mut text("body_removed")).await?;
        add_column(manager, "person_version", &mut text("repeats")).await?;
        add_column(manager, "entitlement_version", &mut text("repeats")).await?;
        let mut known = ColumnDef::new(Alias::new("known_since"));
        add_column(manager, "club", known.big_integer().null()).await?;
        for (table, index) in INDEXES {
            create_index(manager, table, index, false).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, index) in INDEXES.iter().rev() {
            drop_index(manager, table, index).await?;
        }
        drop_column(manager, "club", "known_since").await?;
        drop_column(manager, "entitlement_version", "repeats").await?;
        drop_column(manager, "person_version", "repeats").await?;
        drop_column(manager, "delivery", "body_removed").await
    }
}
