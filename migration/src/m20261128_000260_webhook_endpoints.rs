//! Tables for the webhooks that clubs receive: endpoints, messages, attempts, and the problems that were announced.

use sea_orm_migration::prelude::*;

use crate::table::{create, drop};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

/// Name, columns and indexes.
const TABLES: [(&str, &str, &[&str]); 4] = [
    (
        "webhook_endpoint",
        "id:uuid! club_id:uuid name:str url:str events:str secret:bytes old_secret:bytes? old_secret_until:i64? \
         status:str failing_since:i64? created_at:i64",
        &["club_id"],
    ),
    (
        "webhook_message",
        "id:uuid! club_id:uuid endpoint_id:uuid event:str member_id:uuid? body:str created_at:i64 status:str attempts:i32 \
         next_at:i64 since:i64 claim:uuid? finished_at:i64?",
        &[
            "next_at if status=WAITING",
            "claim if claim",
            "club_id id",
            "club_id status id",
            "endpoint_id id",
            "endpoint_id next_at if status=WAITING",
            "club_id created_at",
            "member_id if member_id",
        ],
    ),
    (
        "webhook_attempt",
        "id:uuid! club_id:uuid message_id:uuid at:i64 duration_ms:i64 status:i32? problem:str? response:str?",
        &["message_id id"],
    ),
    (
        "announced_problem",
        "subject_id:uuid! problem:str! club_id:uuid since:i64",
        &["club_id"],
    ),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, columns, indexes) in TABLES {
            create(manager, name, columns, indexes, &[]).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, ..) in TABLES {
            drop(manager, name).await?;
        }
        Ok(())
    }
}
