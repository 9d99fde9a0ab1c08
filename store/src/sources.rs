//! Sources: the platforms that send events to this service. The caller seals their secrets before it stores them.

use std::collections::HashMap;

use entity::{
    kind::{Platform, SignatureScheme},
    source,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk, fold};

/// A new source of canonical events, without a name, a path and a secret. Once it gets credentials, its API is read from
/// `now` on.
pub fn blank(scope: ClubScope, id: Uuid, now: i64) -> source::Model {
    source::Model {
        id,
        club_id: scope.club,
        name: String::new(),
        platform: Platform::Canonical,
        signature: SignatureScheme::StandardWebhooks,
        path_key: String::new(),
        time_zone: String::new(),
        secret: None,
        old_secret: None,
        old_secret_until: None,
        read_every_s: None,
        mapping: None,
        problem: None,
        credentials: None,
        last_read_at: None,
        read_due_at: now,
        read_not_before: now,
        read_asked: 0,
        read_answered: 0,
        read_failures: 0,
        created_at: now,
        removed_at: None,
        reading_doubt: None,
        membership_statuses: None,
        unknown_statuses: None,
        primary_only: false,
        signature_rule: None,
        problem_kind: None,
        problem_since: None,
        check_in: false,
    }
}

pub async fn create(
    connection: &impl ConnectionTrait,
    row: source::Model,
) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// The sources with these webhook path keys. It has no club scope, because the path is what identifies the club.
pub async fn by_paths(
    connection: &impl ConnectionTrait,
    path_keys: impl IntoIterator<Item = &str>,
) -> Result<Vec<source::Model>, StoreError> {
    let path_keys: Vec<&str> = path_keys.into_iter().collect();
    Ok(source::Entity::find()
        .filter(source::Column::PathKey.is_in(bulk::pad(&path_keys)))
        .filter(source::Column::RemovedAt.is_null())
        .all(connection)
        .await?)
}

/// The club's sources without the removed ones, by name.
pub async fn all(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<source::Model>, StoreError> {
    let mut all = scope
        .find::<source::Entity>()
        .filter(source::Column::RemovedAt.is_null())
        .all(connection)
        .await?;
    // Sorted here without a stored column, because a club has only a handful of sources.
    all.sort_by_cached_key(|source| (fold(&source.name), source.id));
    Ok(all)
}

/// The removal instant of all of the club's sources, by id; `None` if not removed.
pub async fn removals(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<HashMap<Uuid, Option<i64>>, StoreError> {
    let rows: Vec<(Uuid, Option<i64>)> = scope
        .find::<source::Entity>()
        .select_only()
        .column(source::Column::Id)
        .column(source::Column::RemovedAt)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Marks a source as removed and deletes its credentials.
pub async fn remove(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::RemovedAt, Expr::value(Some(now)))
        .col_expr(source::Column::Credentials, Expr::value(None::<Vec<u8>>))
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}

/// Writes the fields of a source that can change: name, time zone, mapping, credentials, read interval, and the sealed secrets.
pub async fn set(connection: &impl ConnectionTrait, row: &source::Model) -> Result<(), StoreError> {
    ClubScope::new(row.club_id)
        .update::<source::Entity>()
        .col_expr(source::Column::Name, Expr::value(row.name.clone()))
        .col_expr(source::Column::TimeZone, Expr::value(row.time_zone.clone()))
        .col_expr(source::Column::Mapping, Expr::value(row.mapping.clone()))
        .col_expr(
            source::Column::Credentials,
            Expr::value(row.credentials.clone()),
        )
        .col_expr(
            source::Column::MembershipStatuses,
            Expr::value(row.membership_statuses.clone()),
        )
        .col_expr(source::Column::PrimaryOnly, Expr::value(row.primary_only))
        .col_expr(
            source::Column::SignatureRule,
            Expr::value(row.signature_rule.clone()),
        )
        .col_expr(source::Column::CheckIn, Expr::value(row.check_in))
        .col_expr(source::Column::ReadEveryS, Expr::value(row.read_every_s))
        .col_expr(source::Column::Secret, Expr::value(row.secret.clone()))
        .col_expr(
            source::Column::OldSecret,
            Expr::value(row.old_secret.clone()),
        )
        .col_expr(
            source::Column::OldSecretUntil,
            Expr::value(row.old_secret_until),
        )
        .filter(source::Column::Id.eq(row.id))
        .exec(connection)
        .await?;
    Ok(())
}
