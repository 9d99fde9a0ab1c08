//! Presses: unlocks that were asked for. A press is stored before Kisi is asked and leaves ASKED and TAKEN once, whoever
//! else tries: what it came to is written in the transaction that writes the history.

use entity::{kind::PressState, press};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use super::{Scope, StoreError, bulk};

/// What a press came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Never ASKED or TAKEN.
    pub state: PressState,
    /// Kisi's own code, where it refused.
    pub kisi_code: Option<String>,
    /// For people; none where the door opened.
    pub message: Option<String>,
}

/// Stores a press.
pub async fn create(
    connection: &impl ConnectionTrait,
    row: press::Model,
) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// One press.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<press::Model>, StoreError> {
    Ok(one(scope, id).one(connection).await?)
}

fn one(scope: Scope, id: Uuid) -> sea_orm::Select<press::Entity> {
    scope
        .find::<press::Entity>()
        .filter(press::Column::Id.eq(id))
}

fn keyed(member: Uuid, lock: Uuid, key: &str) -> Condition {
    Condition::all()
        .add(press::Column::MemberId.eq(member))
        .add(press::Column::LockId.eq(lock))
        .add(press::Column::PressKey.eq(key))
}

/// The press of a member at a lock that bears this key and was asked for after an instant. The key of an older one is
/// free again.
pub async fn with_key(
    connection: &impl ConnectionTrait,
    scope: Scope,
    (member, lock, key): (Uuid, Uuid, &str),
    after: i64,
) -> Result<Option<press::Model>, StoreError> {
    scope
        .update::<press::Entity>()
        .col_expr(press::Column::PressKey, Expr::value(Option::<String>::None))
        .filter(keyed(member, lock, key))
        .filter(press::Column::AskedAt.lte(after))
        .exec(connection)
        .await?;
    Ok(scope
        .find::<press::Entity>()
        .filter(keyed(member, lock, key))
        .one(connection)
        .await?)
}

/// When a member's latest presses after an instant were asked for, the latest first.
pub async fn recent(
    connection: &impl ConnectionTrait,
    scope: Scope,
    member: Uuid,
    after: i64,
    most: u64,
) -> Result<Vec<i64>, StoreError> {
    Ok(scope
        .find::<press::Entity>()
        .select_only()
        .column(press::Column::AskedAt)
        .filter(press::Column::MemberId.eq(member))
        .filter(press::Column::AskedAt.gt(after))
        .order_by_desc(press::Column::AskedAt)
        .limit(most)
        .into_tuple()
        .all(connection)
        .await?)
}

/// Takes a press that nobody has taken; false where somebody has.
pub async fn take(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
    until: i64,
) -> Result<bool, StoreError> {
    let taken = scope
        .update::<press::Entity>()
        .col_expr(press::Column::State, Expr::value(PressState::Taken))
        .col_expr(press::Column::TakenUntil, Expr::value(Some(until)))
        .filter(press::Column::Id.eq(id))
        .filter(press::Column::State.eq(PressState::Asked))
        .exec(connection)
        .await?;
    Ok(taken.rows_affected > 0)
}

/// Writes what a press that is in this state came to, and forgets where the member was; false where it is no longer in it.
pub async fn end(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
    from: PressState,
    ending: &Ending,
) -> Result<bool, StoreError> {
    let ended = scope
        .update::<press::Entity>()
        .col_expr(press::Column::State, Expr::value(ending.state))
        .col_expr(
            press::Column::KisiCode,
            Expr::value(ending.kisi_code.clone()),
        )
        .col_expr(press::Column::Message, Expr::value(ending.message.clone()))
        .col_expr(press::Column::LatitudeE7, Expr::value(None::<i64>))
        .col_expr(press::Column::LongitudeE7, Expr::value(None::<i64>))
        .filter(press::Column::Id.eq(id))
        .filter(press::Column::State.eq(from))
        .exec(connection)
        .await?;
    Ok(ended.rows_affected > 0)
}

/// The presses of an account in a state, oldest first.
pub async fn in_state(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    state: PressState,
) -> Result<Vec<press::Model>, StoreError> {
    Ok(scope
        .find::<press::Entity>()
        .filter(press::Column::AccountId.eq(account))
        .filter(press::Column::State.eq(state))
        .order_by_asc(press::Column::AskedAt)
        .all(connection)
        .await?)
}

/// Forgets an account's presses from before an instant.
pub async fn forget(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    before: i64,
) -> Result<(), StoreError> {
    scope
        .delete::<press::Entity>()
        .filter(press::Column::AccountId.eq(account))
        .filter(press::Column::AskedAt.lt(before))
        .exec(connection)
        .await?;
    Ok(())
}

/// Presses at a lock, sent as one person or (without) by the account's key, of which no event of Kisi's has told yet.
pub async fn untold(
    connection: &impl ConnectionTrait,
    scope: Scope,
    lock: Uuid,
    kisi_user: Option<Uuid>,
    asked: std::ops::RangeInclusive<i64>,
) -> Result<Vec<press::Model>, StoreError> {
    let as_whom = match kisi_user {
        Some(user) => press::Column::KisiUserId.eq(user),
        None => press::Column::KisiUserId.is_null(),
    };
    Ok(scope
        .find::<press::Entity>()
        .filter(press::Column::LockId.eq(lock))
        .filter(as_whom)
        .filter(press::Column::AskedAt.between(*asked.start(), *asked.end()))
        .filter(press::Column::EventKey.is_null())
        .filter(press::Column::State.is_not_in([
            PressState::Denied,
            PressState::NotVisible,
            PressState::NotSent,
            PressState::Unauthorized,
        ]))
        .order_by_asc(press::Column::AskedAt)
        .all(connection)
        .await?)
}

/// Notes which event of Kisi's told of a press.
pub async fn told(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
    event: &str,
) -> Result<(), StoreError> {
    scope
        .update::<press::Entity>()
        .col_expr(press::Column::EventKey, Expr::value(Some(event.to_owned())))
        .filter(press::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}
