//! Sources: the platforms that send events here. Their secrets are sealed before they come here.

use std::collections::HashMap;

use entity::{
    kind::{Platform, SignatureScheme},
    source,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use super::{Scope, StoreError, bulk, fold};

/// A source of canonical events of which nothing else is said yet: without a name, an address and a secret. What its API holds
/// is to be read from now on, where it gets credentials.
pub fn blank(scope: Scope, id: Uuid, now: i64) -> source::Model {
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
    }
}

/// Makes a source.
pub async fn create(
    connection: &impl ConnectionTrait,
    row: source::Model,
) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// The source with this part of an address: what a webhook is let in by, before its club is known.
pub async fn by_path(
    connection: &impl ConnectionTrait,
    path_key: &str,
) -> Result<Option<source::Model>, StoreError> {
    Ok(source::Entity::find()
        .filter(source::Column::PathKey.eq(path_key))
        .filter(source::Column::RemovedAt.is_null())
        .one(connection)
        .await?)
}

/// The club's sources, by name; removed ones are left out.
pub async fn all(
    connection: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<source::Model>, StoreError> {
    let mut all = scope
        .find::<source::Entity>()
        .filter(source::Column::RemovedAt.is_null())
        .all(connection)
        .await?;
    // A club has a handful, so no column is kept for it.
    all.sort_by_cached_key(|source| (fold(&source.name), source.id));
    Ok(all)
}

/// A source, removed or not.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<source::Model>, StoreError> {
    Ok(scope
        .find::<source::Entity>()
        .filter(source::Column::Id.eq(id))
        .one(connection)
        .await?)
}

/// Sources by id, removed or not.
pub async fn some(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<source::Model>, StoreError> {
    Ok(scope
        .find::<source::Entity>()
        .filter(source::Column::Id.is_in(ids.iter().copied()))
        .all(connection)
        .await?)
}

/// The ids of all of the club's sources; of those that were removed, when.
pub async fn removals(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Removes a source: all that people hold from it is over.
pub async fn remove(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Writes what can be changed of a source: name, time zone, mapping, how its API is read, and secrets, already sealed.
pub async fn set(connection: &impl ConnectionTrait, row: &source::Model) -> Result<(), StoreError> {
    Scope::new(row.club_id)
        .update::<source::Entity>()
        .col_expr(source::Column::Name, Expr::value(row.name.clone()))
        .col_expr(source::Column::TimeZone, Expr::value(row.time_zone.clone()))
        .col_expr(source::Column::Mapping, Expr::value(row.mapping.clone()))
        .col_expr(
            source::Column::Credentials,
            Expr::value(row.credentials.clone()),
        )
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
