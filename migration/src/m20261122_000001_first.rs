//! Creates the first tables: clubs, Kisi objects, platform data, rules and overrides, and the work queue. One set of statements
//! for SQLite and PostgreSQL. A table is a list of columns in the short notation that `table` parses.

use sea_orm_migration::prelude::*;

use crate::table::{create, drop};

/// The tables: name, columns (`!` primary key, `?` nullable), indexes, unique indexes.
const TABLES: &[(&str, &str, &[&str], &[&str])] = &[
    (
        "club",
        "id:uuid! name:str time_zone:str revision:i64 brake_enabled:bool brake_people:i32 \
         brake_percent:i32 brake_window_s:i64 unlock_visibility:str created_at:i64",
        &[],
        &[],
    ),
    (
        "token",
        "id:uuid! club_id:uuid name:str role:str hash:bytes member_id:uuid? created_at:i64 \
         expires_at:i64?",
        &["club_id expires_at"],
        &["hash", "club_id name"],
    ),
    (
        "kisi_account",
        "id:uuid! club_id:uuid name:str organization_id:i64? kisi_user_id:i64? credentials:bytes \
         place_kisi_id:i64? invite_by_email:bool status:str problem:str? last_read_at:i64? \
         read_due_at:i64 stopped_until:i64? change_window:str twins:str \
         place_role:str? organization_role:str? created_at:i64",
        &["club_id"],
        &[],
    ),
    (
        "place",
        "id:uuid! club_id:uuid account_id:uuid kisi_id:i64 name:str time_zone:str? missing_since:i64? gone_at:i64?",
        &["club_id name id"],
        &["account_id kisi_id"],
    ),
    (
        "lock",
        "id:uuid! club_id:uuid account_id:uuid kisi_id:i64 place_id:uuid? name:str \
         description:str? online:bool? restricted:bool missing_since:i64? gone_at:i64?",
        &["club_id name id"],
        &["account_id kisi_id"],
    ),
    (
        "access_group",
        "id:uuid! club_id:uuid account_id:uuid kisi_id:i64 place_id:uuid? name:str \
         description:str? managed:bool strangers:str problem:str? missing_since:i64? gone_at:i64?",
        &["club_id name id"],
        &["account_id kisi_id"],
    ),
    (
        "group_lock",
        "group_id:uuid! lock_id:uuid! club_id:uuid",
        &["lock_id"],
        &[],
    ),
    (
        "member",
        "id:uuid! club_id:uuid name:str email:str? search:str problems:str? created_at:i64",
        &["club_id name id", "club_id email"],
        &[],
    ),
    (
        "source",
        "id:uuid! club_id:uuid name:str platform:str signature:str path_key:str time_zone:str \
         secret:bytes? old_secret:bytes? old_secret_until:i64? read_every_s:i64? mapping:str? \
         problem:str? credentials:bytes? last_read_at:i64? read_due_at:i64 read_not_before:i64 \
         read_asked:i64 read_answered:i64 read_failures:i64 created_at:i64 removed_at:i64?",
        &["club_id"],
        &["path_key"],
    ),
    (
        "reading",
        "source_id:uuid! club_id:uuid read_at:i64 whole_at:i64 body:bytes",
        &["club_id"],
        &[],
    ),
    (
        "source_version",
        "id:uuid! club_id:uuid source_id:uuid aspect:str happened_at:i64 version_key:str \
         learned_at:i64 superseded_at:i64? delivery_id:uuid?",
        &["source_id aspect"],
        &[],
    ),
    (
        "person",
        "id:uuid! club_id:uuid source_id:uuid? external_id:str member_id:uuid guest_only:bool",
        &["member_id", "club_id external_id"],
        &["source_id external_id"],
    ),
    (
        "person_past",
        "id:uuid! club_id:uuid person_id:uuid member_id:uuid superseded_at:i64",
        &["member_id superseded_at", "person_id superseded_at"],
        &[],
    ),
    (
        "person_version",
        "id:uuid! club_id:uuid person_id:uuid aspect:str value:str? email:str? happened_at:i64 \
         version_key:str learned_at:i64 superseded_at:i64? delivery_id:uuid?",
        &[
            "person_id aspect",
            "person_id if aspect=DELETED|UNLISTED",
            "club_id email",
        ],
        &[],
    ),
    (
        "company",
        "id:uuid! club_id:uuid source_id:uuid external_id:str name:str",
        &["club_id name id"],
        &["source_id external_id"],
    ),
    (
        "company_version",
        "id:uuid! club_id:uuid company_id:uuid aspect:str value:str? happened_at:i64 \
         version_key:str learned_at:i64 superseded_at:i64? delivery_id:uuid?",
        &["company_id aspect"],
        &[],
    ),
    (
        "company_person",
        "id:uuid! club_id:uuid company_id:uuid person_id:uuid present:bool happened_at:i64 \
         version_key:str learned_at:i64 superseded_at:i64? delivery_id:uuid?",
        &[
            "company_id superseded_at",
            "person_id superseded_at",
            "club_id",
        ],
        &[],
    ),
    (
        "offering",
        "id:uuid! club_id:uuid source_id:uuid kind:str external_id:str name:str happened_at:i64 \
         version_key:str",
        &["club_id name id"],
        &["source_id external_id kind"],
    ),
    (
        "location",
        "id:uuid! club_id:uuid source_id:uuid external_id:str name:str time_zone:str? \
         happened_at:i64 version_key:str zone_happened_at:i64 zone_version_key:str",
        &["club_id name id"],
        &["source_id external_id"],
    ),
    (
        "entitlement",
        "id:uuid! club_id:uuid source_id:uuid kind:str external_id:str",
        &[],
        &["source_id external_id kind"],
    ),
    (
        "entitlement_version",
        "id:uuid! club_id:uuid source_id:uuid entitlement_id:uuid external_id:str kind:str status:str \
         offering_id:uuid? offering_kind:str? location_id:uuid? person_id:uuid? company_id:uuid? \
         starts_at:i64? starts_on:str? ends_at:i64? ends_on:str? block_reason:str? \
         block_since:i64? deleted:bool happened_at:i64 version_key:str learned_at:i64 \
         superseded_at:i64? delivery_id:uuid?",
        &[
            "entitlement_id superseded_at",
            "person_id superseded_at",
            "company_id superseded_at",
            "source_id happened_at",
            "entitlement_id if block_since",
        ],
        &[],
    ),
    (
        "entitlement_person",
        "version_id:uuid! person_id:uuid! club_id:uuid part:str",
        &["person_id", "club_id"],
        &[],
    ),
    (
        "rule",
        "id:uuid! club_id:uuid rule_id:uuid version:i32 target_kind:str target_id:uuid name:str \
         enabled:bool conditions:str actor:str? learned_at:i64 superseded_at:i64?",
        &["club_id superseded_at", "rule_id version"],
        &[],
    ),
    (
        "share",
        "id:uuid! club_id:uuid member_id:uuid scope_kind:str scope_id:uuid from_at:i64? \
         until_at:i64? notify:bool note:str? actor:str? learned_at:i64 superseded_at:i64?",
        &["member_id superseded_at"],
        &[],
    ),
    (
        "suspension",
        "id:uuid! club_id:uuid member_id:uuid reason:str until_at:i64? actor:str? learned_at:i64 \
         superseded_at:i64?",
        &["member_id superseded_at"],
        &[],
    ),
    (
        "kisi_user",
        "id:uuid! club_id:uuid account_id:uuid member_id:uuid email:str kisi_id:i64? sent:bool \
         problem:str?",
        &["member_id", "account_id kisi_id"],
        &["account_id member_id email"],
    ),
    (
        "kisi_grant",
        "id:uuid! club_id:uuid account_id:uuid member_id:uuid kisi_user_id:uuid scope_kind:str \
         scope_id:uuid kisi_id:i64? valid_from:i64? valid_until:i64? state:str intent:str \
         want_from:i64? want_until:i64? notify:bool problem:str? created_at:i64 confirmed_at:i64? \
         missed_at:i64? stray:bool",
        &["account_id member_id", "account_id scope_id", "member_id"],
        &[],
    ),
    (
        "due",
        "account_id:uuid! member_id:uuid! club_id:uuid due_at:i64 generation:i64 \
         settled_generation:i64 lane:i32? attempts:i32 cause:str cause_delivery:uuid? \
         cause_rule:uuid? cause_actor:str? weight:str",
        &["account_id lane due_at", "member_id"],
        &[],
    ),
    (
        "revocation",
        "id:uuid! club_id:uuid account_id:uuid member_id:uuid scope_kind:str scope_id:uuid \
         state:str cause:str delivery_id:uuid? rule_id:uuid? actor:str? asked_at:i64 \
         decided_at:i64?",
        &["club_id state id", "account_id member_id"],
        &[],
    ),
    (
        "kisi_login",
        "kisi_user_id:uuid! club_id:uuid account_id:uuid secret:bytes made_at:i64",
        &["account_id"],
        &[],
    ),
    (
        "kisi_listener",
        "account_id:uuid! club_id:uuid path_key:str secret:bytes kisi_id:i64? stands:bool \
         created_at:i64",
        &["club_id"],
        &["path_key"],
    ),
    (
        "kisi_event",
        "account_id:uuid! event_key:str! club_id:uuid receipt:uuid received_at:i64",
        &["account_id received_at"],
        &[],
    ),
    (
        "press",
        "id:uuid! club_id:uuid account_id:uuid lock_id:uuid member_id:uuid press_key:str? \
         actor:str kisi_user_id:uuid? state:str kisi_code:str? message:str? asked_at:i64 \
         taken_until:i64? event_key:str?",
        &[
            "member_id asked_at",
            "account_id asked_at",
            "account_id state",
        ],
        &["club_id member_id lock_id press_key"],
    ),
    ("lease", "name:str! holder:str expires_at:i64", &[], &[]),
    (
        "delivery",
        "id:uuid! club_id:uuid source_id:uuid external_id:str event_type:str? status:str \
         problem:str? occurred_at:i64? received_at:i64 settled_at:i64? attempts:i32 stamp:uuid \
         headers:str body:bytes",
        &[
            "club_id id",
            "club_id stamp",
            "club_id status id",
            "source_id status",
        ],
        &["source_id external_id"],
    ),
    (
        "delivery_member",
        "delivery_id:uuid! member_id:uuid! club_id:uuid",
        &["member_id"],
        &[],
    ),
    (
        "history",
        "id:uuid! club_id:uuid at:i64 kind:str member_id:uuid? target_kind:str? target_id:uuid? \
         cause:str delivery_id:uuid? rule_id:uuid? actor:str? message:str",
        &["club_id id", "member_id"],
        &[],
    ),
];

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, columns, indexes, unique) in TABLES {
            create(manager, name, columns, indexes, unique).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, ..) in TABLES.iter().rev() {
            drop(manager, name).await?;
        }
        Ok(())
    }
}
