//! Unlock requests. A request is stored before the call to Kisi. It leaves the states ASKED and TAKEN only once, also under
//! concurrency: its result is written in the same transaction as the history.

use entity::{account_owner, kind::UnlockState, unlock_request};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Query},
};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

/// The result of an unlock request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnlockResult {
    /// A final state: never ASKED or TAKEN.
    pub state: UnlockState,
    /// Kisi's error code if Kisi refused.
    pub kisi_code: Option<String>,
    /// Text for people; `None` if the door opened.
    pub message: Option<String>,
}

pub async fn create(
    connection: &impl ConnectionTrait,
    row: unlock_request::Model,
) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

pub async fn get(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
) -> Result<Option<unlock_request::Model>, StoreError> {
    Ok(one(scope, id).one(connection).await?)
}

fn one(scope: ClubScope, id: Uuid) -> sea_orm::Select<unlock_request::Entity> {
    scope
        .find::<unlock_request::Entity>()
        .filter(unlock_request::Column::Id.eq(id))
}

fn keyed(member: Uuid, lock: Uuid, key: &str) -> Condition {
    Condition::all()
        .add(unlock_request::Column::MemberId.eq(member))
        .add(unlock_request::Column::LockId.eq(lock))
        .add(unlock_request::Column::IdempotencyKey.eq(key))
}

/// The member's unlock request at a lock with this idempotency key, if it was made after `after`. Removes the key from an
/// older request, so that it can be used again.
pub async fn with_key(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    (member, lock, key): (Uuid, Uuid, &str),
    after: i64,
) -> Result<Option<unlock_request::Model>, StoreError> {
    scope
        .update::<unlock_request::Entity>()
        .col_expr(
            unlock_request::Column::IdempotencyKey,
            Expr::value(Option::<String>::None),
        )
        .filter(keyed(member, lock, key))
        .filter(unlock_request::Column::AskedAt.lte(after))
        .exec(connection)
        .await?;
    Ok(scope
        .find::<unlock_request::Entity>()
        .filter(keyed(member, lock, key))
        .one(connection)
        .await?)
}

/// The instants of a member's latest unlock requests after `after`, newest first.
pub async fn recent(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
    after: i64,
    most: u64,
) -> Result<Vec<i64>, StoreError> {
    Ok(scope
        .find::<unlock_request::Entity>()
        .select_only()
        .column(unlock_request::Column::AskedAt)
        .filter(unlock_request::Column::MemberId.eq(member))
        .filter(unlock_request::Column::AskedAt.gt(after))
        .order_by_desc(unlock_request::Column::AskedAt)
        .limit(most)
        .into_tuple()
        .all(connection)
        .await?)
}

/// Claims an unlock request until `until`; false if it is already claimed or finished.
pub async fn claim(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    until: i64,
) -> Result<bool, StoreError> {
    let taken = scope
        .update::<unlock_request::Entity>()
        .col_expr(
            unlock_request::Column::State,
            Expr::value(UnlockState::Taken),
        )
        .col_expr(unlock_request::Column::TakenUntil, Expr::value(Some(until)))
        .filter(unlock_request::Column::Id.eq(id))
        .filter(unlock_request::Column::State.eq(UnlockState::Asked))
        .exec(connection)
        .await?;
    Ok(taken.rows_affected > 0)
}

/// Writes the result of an unlock request in the state `from` and deletes the member's position; false if the state has
/// changed.
pub async fn finish(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    from: UnlockState,
    ending: &UnlockResult,
) -> Result<bool, StoreError> {
    let ended = scope
        .update::<unlock_request::Entity>()
        .col_expr(unlock_request::Column::State, Expr::value(ending.state))
        .col_expr(
            unlock_request::Column::KisiCode,
            Expr::value(ending.kisi_code.clone()),
        )
        .col_expr(
            unlock_request::Column::Message,
            Expr::value(ending.message.clone()),
        )
        .col_expr(unlock_request::Column::LatitudeE7, Expr::value(None::<i64>))
        .col_expr(
            unlock_request::Column::LongitudeE7,
            Expr::value(None::<i64>),
        )
        .filter(unlock_request::Column::Id.eq(id))
        .filter(unlock_request::Column::State.eq(from))
        .exec(connection)
        .await?;
    Ok(ended.rows_affected > 0)
}

/// The unlock requests in a state for the accounts that a process owns, oldest first.
pub async fn of_owner(
    connection: &impl ConnectionTrait,
    holder: &str,
    state: UnlockState,
) -> Result<Vec<unlock_request::Model>, StoreError> {
    let owned = Query::select()
        .column(account_owner::Column::AccountId)
        .from(account_owner::Entity)
        .and_where(account_owner::Column::Owner.eq(holder))
        .to_owned();
    Ok(unlock_request::Entity::find()
        .filter(unlock_request::Column::State.eq(state))
        .filter(unlock_request::Column::AccountId.in_subquery(owned))
        .order_by_asc(unlock_request::Column::AskedAt)
        .all(connection)
        .await?)
}

/// Unlock requests at a lock without a Kisi event yet, sent as `kisi_user`, or with the account's API key if `None`.
pub async fn without_event(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    lock: Uuid,
    kisi_user: Option<Uuid>,
    asked: std::ops::RangeInclusive<i64>,
) -> Result<Vec<unlock_request::Model>, StoreError> {
    let as_whom = match kisi_user {
        Some(user) => unlock_request::Column::KisiUserId.eq(user),
        None => unlock_request::Column::KisiUserId.is_null(),
    };
    Ok(scope
        .find::<unlock_request::Entity>()
        .filter(unlock_request::Column::LockId.eq(lock))
        .filter(as_whom)
        .filter(unlock_request::Column::AskedAt.between(*asked.start(), *asked.end()))
        .filter(unlock_request::Column::EventKey.is_null())
        .filter(unlock_request::Column::State.is_not_in([
            UnlockState::Denied,
            UnlockState::NotVisible,
            UnlockState::NotSent,
            UnlockState::Unauthorized,
        ]))
        .order_by_asc(unlock_request::Column::AskedAt)
        .all(connection)
        .await?)
}

/// Stores the key of the Kisi event that reported an unlock request.
pub async fn set_event(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    event: &str,
) -> Result<(), StoreError> {
    scope
        .update::<unlock_request::Entity>()
        .col_expr(
            unlock_request::Column::EventKey,
            Expr::value(Some(event.to_owned())),
        )
        .filter(unlock_request::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}
