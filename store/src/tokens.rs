//! Bearer tokens and member sessions. Only the hash of a token is stored; revoking deletes the row.

use entity::token;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

pub async fn create(
    connection: &impl ConnectionTrait,
    row: token::Model,
) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// The token with this hash. It has no club scope, because the token is what identifies the club.
pub async fn by_hash(
    connection: &impl ConnectionTrait,
    hash: Vec<u8>,
) -> Result<Option<token::Model>, StoreError> {
    Ok(token::Entity::find()
        .filter(token::Column::Hash.eq(hash))
        .one(connection)
        .await?)
}

/// Whether the club has a token with this name.
pub async fn exists(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    name: &str,
) -> Result<bool, StoreError> {
    Ok(scope
        .find::<token::Entity>()
        .filter(token::Column::Name.eq(name))
        .filter(token::Column::Subject.is_null())
        .one(connection)
        .await?
        .is_some())
}

/// Revokes a token by its name, but never a session; false if there is no such token.
pub async fn revoke(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    name: &str,
) -> Result<bool, StoreError> {
    let gone = scope
        .delete::<token::Entity>()
        .filter(token::Column::Name.eq(name))
        .filter(token::Column::MemberId.is_null())
        .filter(token::Column::Subject.is_null())
        .exec(connection)
        .await?;
    Ok(gone.rows_affected > 0)
}

/// Ends a session of staff who signed in; never deletes a token.
pub async fn end_session(
    connection: &impl ConnectionTrait,
    hash: Vec<u8>,
) -> Result<(), StoreError> {
    token::Entity::delete_many()
        .filter(token::Column::Hash.eq(hash))
        .filter(token::Column::Subject.is_not_null())
        .exec(connection)
        .await?;
    Ok(())
}

/// The sessions of staff that have not expired, the latest first.
pub async fn staff_sessions(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    now: i64,
) -> Result<Vec<token::Model>, StoreError> {
    Ok(scope
        .find::<token::Entity>()
        .filter(token::Column::Subject.is_not_null())
        .filter(token::Column::ExpiresAt.gt(now))
        .order_by_desc(token::Column::Id)
        .all(connection)
        .await?)
}

/// Ends the sessions of the staff with this name, or of all staff. Returns their number.
pub async fn end_staff_sessions(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    name: Option<&str>,
) -> Result<u64, StoreError> {
    let ended = scope
        .delete::<token::Entity>()
        .filter(token::Column::Subject.is_not_null())
        .filter(Condition::all().add_option(name.map(|name| token::Column::Name.eq(name))))
        .exec(connection)
        .await?;
    Ok(ended.rows_affected)
}

/// The clubs with expired sessions of members or staff.
pub async fn clubs_with_expired_sessions(
    connection: &impl ConnectionTrait,
    now: i64,
) -> Result<Vec<ClubScope>, StoreError> {
    let clubs: Vec<Uuid> = token::Entity::find()
        .select_only()
        .column(token::Column::ClubId)
        .distinct()
        .filter(is_session())
        .filter(token::Column::ExpiresAt.lte(now))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(clubs.into_iter().map(ClubScope::new).collect())
}

fn is_session() -> Condition {
    Condition::any()
        .add(token::Column::MemberId.is_not_null())
        .add(token::Column::Subject.is_not_null())
}

/// Deletes expired sessions of members and of staff.
pub async fn clean_sessions(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    now: i64,
) -> Result<(), StoreError> {
    scope
        .delete::<token::Entity>()
        .filter(is_session())
        .filter(token::Column::ExpiresAt.lte(now))
        .exec(connection)
        .await?;
    Ok(())
}
