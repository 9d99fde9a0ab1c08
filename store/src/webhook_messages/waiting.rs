//! Changes of many messages that wait: when they are due, and giving them up.

use entity::{kind::MessageStatus, webhook_message};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use super::is_waiting;
use crate::{ClubScope, StoreError};

/// Makes the messages that wait for an endpoint due at an instant: `i64::MAX` while it is paused. Those that are being sent stay.
pub async fn reschedule(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    endpoint: Uuid,
    which: Waiting,
    at: i64,
) -> Result<(), StoreError> {
    use webhook_message::Column;
    let which = match which {
        Waiting::All => Condition::all(),
        Waiting::DueBy(now) => Condition::all().add(Column::NextAt.lte(now)),
    };
    webhook_message::Entity::update_many()
        .col_expr(Column::NextAt, Expr::value(at))
        .filter(scope.without_index::<webhook_message::Entity>())
        .filter(Column::EndpointId.eq(endpoint))
        .filter(is_waiting())
        .filter(Column::Claim.is_null())
        .filter(which)
        .exec(connection)
        .await?;
    Ok(())
}

/// Which messages of an endpoint are rescheduled.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    All,
    /// Those that are due at an instant.
    DueBy(i64),
}

/// Gives up the messages of all clubs whose attempts should have ended: those that have waited since before an instant, but for
/// those of paused endpoints. Returns their number.
pub async fn expire(
    connection: &impl ConnectionTrait,
    since: i64,
    now: i64,
) -> Result<u64, StoreError> {
    use webhook_message::Column;
    let expired = webhook_message::Entity::update_many()
        .col_expr(Column::Status, Expr::value(MessageStatus::Failed))
        .col_expr(Column::FinishedAt, Expr::value(Some(now)))
        .filter(is_waiting())
        .filter(Column::Since.lt(since))
        .filter(Column::NextAt.lt(i64::MAX))
        .filter(Column::Claim.is_null())
        .exec(connection)
        .await?;
    Ok(expired.rows_affected)
}

/// Whether `expire` would give up any message.
pub async fn has_expired(
    connection: &impl ConnectionTrait,
    since: i64,
) -> Result<bool, StoreError> {
    use webhook_message::Column;
    let found: Option<Uuid> = webhook_message::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(is_waiting())
        .filter(Column::Since.lt(since))
        .filter(Column::NextAt.lt(i64::MAX))
        .filter(Column::Claim.is_null())
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?;
    Ok(found.is_some())
}
