//! Bearer tokens and member sessions. What is kept of one is its hash; a revoked one is gone.

use entity::token;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::{Scope, StoreError, bulk};

/// Keeps a token.
pub async fn create(
    connection: &impl ConnectionTrait,
    row: token::Model,
) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// The token with this hash: the one query that knows no club yet, for it is what says which.
pub async fn by_hash(
    connection: &impl ConnectionTrait,
    hash: Vec<u8>,
) -> Result<Option<token::Model>, StoreError> {
    Ok(token::Entity::find()
        .filter(token::Column::Hash.eq(hash))
        .one(connection)
        .await?)
}

/// Whether the club has a token of this name.
pub async fn exists(
    connection: &impl ConnectionTrait,
    scope: Scope,
    name: &str,
) -> Result<bool, StoreError> {
    Ok(scope
        .find::<token::Entity>()
        .filter(token::Column::Name.eq(name))
        .one(connection)
        .await?
        .is_some())
}

/// Revokes a token by its name; false where there is none.
pub async fn revoke(
    connection: &impl ConnectionTrait,
    scope: Scope,
    name: &str,
) -> Result<bool, StoreError> {
    let gone = scope
        .delete::<token::Entity>()
        .filter(token::Column::Name.eq(name))
        .filter(token::Column::MemberId.is_null())
        .exec(connection)
        .await?;
    Ok(gone.rows_affected > 0)
}

/// Takes away the member sessions that are good no more.
pub async fn clean_sessions(
    connection: &impl ConnectionTrait,
    scope: Scope,
    now: i64,
) -> Result<(), StoreError> {
    scope
        .delete::<token::Entity>()
        .filter(token::Column::MemberId.is_not_null())
        .filter(token::Column::ExpiresAt.lte(now))
        .exec(connection)
        .await?;
    Ok(())
}
