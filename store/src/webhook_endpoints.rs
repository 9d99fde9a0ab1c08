//! The addresses to which a club's events are sent.

use entity::{
    kind::{EndpointStatus, OutboundEvent},
    webhook_endpoint,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, LockType},
};
use uuid::Uuid;

use super::{
    ClubScope, StoreError, bulk,
    convert::kinds::{db_value, stored},
};

/// The types of events that an endpoint subscribes to. Unknown types of a later version are left out.
pub fn events(row: &webhook_endpoint::Model) -> Vec<OutboundEvent> {
    row.events.split_whitespace().filter_map(stored).collect()
}

/// The stored form of the types of events.
pub fn events_text(events: &[OutboundEvent]) -> String {
    let names: Vec<String> = events.iter().map(db_value).collect();
    names.join(" ")
}

pub async fn create(
    connection: &impl ConnectionTrait,
    row: webhook_endpoint::Model,
) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// The club's endpoints that are not removed, oldest first.
pub async fn all(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<webhook_endpoint::Model>, StoreError> {
    Ok(scope
        .find::<webhook_endpoint::Entity>()
        .filter(webhook_endpoint::Column::Status.ne(EndpointStatus::Removed))
        .order_by_asc(webhook_endpoint::Column::Id)
        .all(connection)
        .await?)
}

/// The same, locked against other changes until the transaction ends. Its messages are locked after it.
pub async fn lock_all(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<webhook_endpoint::Model>, StoreError> {
    Ok(scope
        .find::<webhook_endpoint::Entity>()
        .filter(webhook_endpoint::Column::Status.ne(EndpointStatus::Removed))
        .order_by_asc(webhook_endpoint::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(connection)
        .await?)
}

/// Locks one endpoint until the transaction ends.
pub async fn lock(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
) -> Result<(), StoreError> {
    scope
        .find_for_ids::<webhook_endpoint::Entity>()
        .select_only()
        .column(webhook_endpoint::Column::Id)
        .filter(webhook_endpoint::Column::Id.eq(id))
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<Uuid>()
        .one(connection)
        .await?;
    Ok(())
}

/// One endpoint, unless it is removed.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
) -> Result<Option<webhook_endpoint::Model>, StoreError> {
    Ok(scope
        .find_for_ids::<webhook_endpoint::Entity>()
        .filter(webhook_endpoint::Column::Id.eq(id))
        .filter(webhook_endpoint::Column::Status.ne(EndpointStatus::Removed))
        .one(connection)
        .await?)
}

/// Overwrites all columns.
pub async fn set(
    connection: &impl ConnectionTrait,
    row: webhook_endpoint::Model,
) -> Result<(), StoreError> {
    row.into_active_model()
        .reset_all()
        .update(connection)
        .await?;
    Ok(())
}

/// Records a failed attempt, unless an earlier one is recorded; `None` records a success.
pub async fn set_failing(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    since: Option<i64>,
) -> Result<(), StoreError> {
    use webhook_endpoint::Column::{FailingSince, Id};
    let is_other = match since {
        Some(_) => FailingSince.is_null(),
        None => FailingSince.is_not_null(),
    };
    scope
        .update_for_ids::<webhook_endpoint::Entity>()
        .col_expr(FailingSince, Expr::value(since))
        .filter(Id.eq(id))
        .filter(is_other)
        .exec(connection)
        .await?;
    Ok(())
}

/// Stops the messages to an active endpoint that told this service to stop.
pub async fn set_gone(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
) -> Result<(), StoreError> {
    scope
        .update_for_ids::<webhook_endpoint::Entity>()
        .col_expr(
            webhook_endpoint::Column::Status,
            Expr::value(EndpointStatus::Gone),
        )
        .filter(webhook_endpoint::Column::Id.eq(id))
        .filter(webhook_endpoint::Column::Status.eq(EndpointStatus::Active))
        .exec(connection)
        .await?;
    Ok(())
}

/// The clubs with an endpoint that subscribes to one of some types of events.
pub async fn subscribed_clubs(
    connection: &impl ConnectionTrait,
    events: &[OutboundEvent],
) -> Result<Vec<ClubScope>, StoreError> {
    use sea_orm::EntityTrait;
    let rows = webhook_endpoint::Entity::find()
        .filter(
            webhook_endpoint::Column::Status
                .is_in([EndpointStatus::Active, EndpointStatus::Paused]),
        )
        .order_by_asc(webhook_endpoint::Column::ClubId)
        .all(connection)
        .await?;
    let subscribed = rows
        .iter()
        .filter(|row| self::events(row).iter().any(|event| events.contains(event)));
    let mut clubs: Vec<Uuid> = subscribed.map(|row| row.club_id).collect();
    clubs.dedup();
    Ok(clubs.into_iter().map(ClubScope::new).collect())
}
