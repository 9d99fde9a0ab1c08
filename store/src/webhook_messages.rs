//! The messages to endpoints. A message is stored in the transaction of the change that it tells about, and sent after the commit:
//! none is lost, and none tells of a change that was rolled back. Which messages are due is found by one query for all clubs.

use entity::{
    history,
    kind::{EndpointStatus, HistoryKind, MessageStatus, OutboundEvent, ScopeKind},
    webhook_attempt, webhook_endpoint, webhook_message,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{
    ClubScope, StoreError, bulk,
    convert::kinds::db_value,
    id::{self, Kind},
    page::{ByTime, Listing},
    webhook_endpoints,
};
use crate::clock::new_id;

mod waiting;

pub use waiting::{Waiting, expire, has_expired, reschedule};

/// The text in place of an erased one.
const ERASED: &str = super::erasure::ERASED;

/// An event for the club's endpoints.
#[derive(Clone, Debug)]
pub struct Event {
    pub kind: OutboundEvent,
    /// Microseconds since 1970.
    pub at: i64,
    pub member: Option<Uuid>,
    /// The field `data` of the message.
    pub data: Json,
}

/// Stores messages about new history entries for the endpoints that subscribe to them.
pub(super) async fn announce(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    entries: &[history::Model],
) -> Result<(), StoreError> {
    let events: Vec<Event> = entries.iter().filter_map(event_of).collect();
    send(connection, scope, &events).await
}

/// Stores messages about events for the endpoints that subscribe to them.
pub async fn send(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    events: &[Event],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let endpoints = webhook_endpoints::all(connection, scope).await?;
    let mut messages = Vec::new();
    for endpoint in endpoints {
        if endpoint.status == EndpointStatus::Gone {
            continue;
        }
        let wanted = webhook_endpoints::events(&endpoint);
        let wanted = events.iter().filter(|event| wanted.contains(&event.kind));
        messages.extend(wanted.map(|event| message(&endpoint, event)));
    }
    bulk::insert(connection, messages).await
}

/// Stores one message for an endpoint, whatever it subscribes to.
pub async fn send_to(
    connection: &impl ConnectionTrait,
    endpoint: &webhook_endpoint::Model,
    event: &Event,
) -> Result<webhook_message::Model, StoreError> {
    let message = message(endpoint, event);
    bulk::insert(connection, vec![message.clone()]).await?;
    Ok(message)
}

fn message(endpoint: &webhook_endpoint::Model, event: &Event) -> webhook_message::Model {
    let body = json!({
        "type": db_value(&event.kind),
        "timestamp": time(event.at),
        "data": event.data,
    });
    webhook_message::Model {
        id: new_id(),
        club_id: endpoint.club_id,
        endpoint_id: endpoint.id,
        event: event.kind,
        member_id: event.member,
        body: body.to_string(),
        created_at: event.at,
        status: MessageStatus::Waiting,
        attempts: 0,
        next_at: due_at(endpoint.status, event.at),
        since: event.at,
        claim: None,
        finished_at: None,
    }
}

/// When a message to an endpoint in this state is due: never while it is paused, so that the search for due messages does not walk
/// over those that wait there.
fn due_at(status: EndpointStatus, now: i64) -> i64 {
    match status {
        EndpointStatus::Active => now,
        _ => i64::MAX,
    }
}

fn time(micros: i64) -> Json {
    jiff::Timestamp::from_microsecond(micros).map_or(Json::Null, |at| json!(at.to_string()))
}

/// The event that a history entry is sent as; none for entries that are not sent.
fn event_of(entry: &history::Model) -> Option<Event> {
    let kind = match entry.kind {
        HistoryKind::Granted | HistoryKind::Changed | HistoryKind::Revoked => {
            OutboundEvent::AccessChanged
        }
        HistoryKind::Unlocked => OutboundEvent::DoorUnlocked,
        HistoryKind::UnlockDenied => OutboundEvent::DoorDenied,
        HistoryKind::Held => OutboundEvent::RevocationHeld,
        _ => return None,
    };
    let target = entry.target_kind.zip(entry.target_id);
    let target = target.map(|(kind, id)| {
        let of = match kind {
            ScopeKind::Group => Kind::Group,
            ScopeKind::Lock => Kind::Lock,
            ScopeKind::Place => Kind::Place,
            ScopeKind::Account => Kind::KisiAccount,
        };
        json!({ "type": db_value(&kind), "id": id::encode(of, id) })
    });
    let mut data = Map::new();
    data.insert(
        "accessEvent".to_owned(),
        json!(id::encode(Kind::AccessEvent, entry.id)),
    );
    data.insert("kind".to_owned(), json!(db_value(&entry.kind)));
    let member = entry.member_id.map(|id| id::encode(Kind::Member, id));
    data.insert("member".to_owned(), json!(member));
    data.insert("target".to_owned(), json!(target));
    data.insert("cause".to_owned(), json!(entry.cause));
    data.insert("message".to_owned(), json!(entry.message));
    Some(Event {
        kind,
        at: entry.at,
        member: entry.member_id,
        data: Json::Object(data),
    })
}

/// Messages that are due at `now`, of active endpoints but `busy` ones, the longest due first.
pub async fn due(
    connection: &impl ConnectionTrait,
    now: i64,
    busy: &[Uuid],
    most: u64,
) -> Result<Vec<(Uuid, webhook_endpoint::Model)>, StoreError> {
    use webhook_message::Column;
    let active = Query::select()
        .column(webhook_endpoint::Column::Id)
        .from(webhook_endpoint::Entity)
        .and_where(webhook_endpoint::Column::Status.eq(EndpointStatus::Active))
        .to_owned();
    // In a form that no index can answer, so that the index on the time is used: few messages are due, and there may be many
    // endpoints.
    let is_active: Expr = Expr::case(Column::EndpointId.in_subquery(active), Expr::value(true))
        .finally(Expr::value(false))
        .into();
    let rows: Vec<(Uuid, Uuid)> = webhook_message::Entity::find()
        .select_only()
        .columns([Column::Id, Column::EndpointId])
        .filter(is_waiting())
        .filter(Column::NextAt.lte(now))
        .filter(is_active)
        .filter(Column::EndpointId.is_not_in(busy.iter().copied()))
        .order_by_asc(Column::NextAt)
        .limit(most)
        .into_tuple()
        .all(connection)
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let endpoints: Vec<Uuid> = rows.iter().map(|(_, endpoint)| *endpoint).collect();
    let endpoints = webhook_endpoint::Entity::find()
        .filter(webhook_endpoint::Column::Id.is_in(endpoints))
        .all(connection)
        .await?;
    let with_endpoint = |(id, endpoint): (Uuid, Uuid)| {
        let endpoint = endpoints.iter().find(|row| row.id == endpoint)?;
        Some((id, endpoint.clone()))
    };
    Ok(rows.into_iter().filter_map(with_endpoint).collect())
}

/// The condition of the partial indexes on messages that wait, in the words of the migration: SQLite compares the texts.
fn is_waiting() -> Expr {
    Expr::col((webhook_message::Entity, webhook_message::Column::Status))
        .is_in([Expr::Constant("WAITING".into())])
}

/// When the next message is due after `now`.
pub async fn next_due(
    connection: &impl ConnectionTrait,
    now: i64,
) -> Result<Option<i64>, StoreError> {
    use webhook_message::Column;
    Ok(webhook_message::Entity::find()
        .select_only()
        .column(Column::NextAt)
        .filter(is_waiting())
        .filter(Column::NextAt.gt(now))
        .filter(Column::NextAt.lt(i64::MAX))
        .order_by_asc(Column::NextAt)
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?)
}

/// The number of messages of all clubs that wait.
pub async fn count_waiting(connection: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let count = webhook_message::Entity::find()
        .filter(is_waiting())
        .count(connection)
        .await?;
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Claims messages for the attempt `claim`, which counts as lost at `lost_at`; returns those that no other process claimed.
pub async fn claim(
    connection: &impl ConnectionTrait,
    ids: &[Uuid],
    claim: Uuid,
    (now, lost_at): (i64, i64),
) -> Result<Vec<webhook_message::Model>, StoreError> {
    use webhook_message::Column;
    webhook_message::Entity::update_many()
        .col_expr(Column::Claim, Expr::value(Some(claim)))
        .col_expr(Column::NextAt, Expr::value(lost_at))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::Status.eq(MessageStatus::Waiting))
        .filter(Column::NextAt.lte(now))
        .exec(connection)
        .await?;
    Ok(webhook_message::Entity::find()
        .filter(Column::Claim.eq(claim))
        .all(connection)
        .await?)
}

/// What an attempt changes about its message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Delivered, failed for good or cancelled, at an instant.
    Finished(MessageStatus, i64),
    /// The next attempt is due at an instant.
    Again(i64),
}

/// Stores an attempt and its effect on the message. The effect is left out if the message was replayed or cancelled meanwhile.
pub async fn record(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    message: &webhook_message::Model,
    attempt: webhook_attempt::Model,
    transition: Transition,
) -> Result<(), StoreError> {
    use webhook_message::Column;
    bulk::insert(connection, vec![attempt]).await?;
    let (status, next_at, finished_at) = match transition {
        Transition::Finished(status, at) => (status, message.next_at, Some(at)),
        Transition::Again(at) => (MessageStatus::Waiting, at, None),
    };
    scope
        .update_for_ids::<webhook_message::Entity>()
        .col_expr(Column::Status, Expr::value(status))
        .col_expr(
            Column::Attempts,
            Expr::value(message.attempts.saturating_add(1)),
        )
        .col_expr(Column::NextAt, Expr::value(next_at))
        .col_expr(Column::Claim, Expr::value(None::<Uuid>))
        .col_expr(Column::FinishedAt, Expr::value(finished_at))
        .filter(Column::Id.eq(message.id))
        .filter(Column::Claim.eq(message.claim))
        .exec(connection)
        .await?;
    Ok(())
}

/// Cancels the messages that wait for an endpoint.
pub async fn cancel(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    endpoint: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    use webhook_message::Column;
    scope
        .update_for_ids::<webhook_message::Entity>()
        .col_expr(Column::Status, Expr::value(MessageStatus::Cancelled))
        .col_expr(Column::FinishedAt, Expr::value(Some(now)))
        .col_expr(Column::Claim, Expr::value(None::<Uuid>))
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::Status.eq(MessageStatus::Waiting))
        .exec(connection)
        .await?;
    Ok(())
}

/// Which messages to send again.
#[derive(Clone, Debug)]
pub enum Replay {
    /// These, whatever their state.
    These(Vec<Uuid>),
    /// Those of an endpoint since an instant that failed or were cancelled.
    Since(Uuid, i64),
}

/// Makes messages due now, with all attempts before them. Messages of endpoints that are not active stay. Returns their number.
pub async fn replay(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    which: &Replay,
    now: i64,
) -> Result<u64, StoreError> {
    use webhook_message::Column;
    let which = match which {
        Replay::These(ids) => Condition::all().add(Column::Id.is_in(ids.iter().copied())),
        Replay::Since(endpoint, at) => Condition::all()
            .add(Column::EndpointId.eq(*endpoint))
            .add(Column::CreatedAt.gte(*at))
            .add(Column::Status.is_in([MessageStatus::Failed, MessageStatus::Cancelled])),
    };
    let mut endpoints = webhook_endpoints::lock_all(connection, scope).await?;
    endpoints.retain(|row| row.status == EndpointStatus::Active);
    let replayed = scope
        .update_for_ids::<webhook_message::Entity>()
        .col_expr(Column::Status, Expr::value(MessageStatus::Waiting))
        .col_expr(Column::Attempts, Expr::value(0))
        .col_expr(Column::NextAt, Expr::value(now))
        .col_expr(Column::Since, Expr::value(now))
        .col_expr(Column::Claim, Expr::value(None::<Uuid>))
        .col_expr(Column::FinishedAt, Expr::value(None::<i64>))
        .filter(which)
        .filter(Column::EndpointId.is_in(endpoints.into_iter().map(|row| row.id)))
        .exec(connection)
        .await?;
    Ok(replayed.rows_affected)
}

/// The filters on messages to endpoints.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    /// Messages to this endpoint.
    pub endpoint: Option<Uuid>,
    /// Messages with one of these states.
    pub statuses: Option<Vec<MessageStatus>>,
    /// Messages about one of these types of events.
    pub events: Option<Vec<OutboundEvent>>,
}

pub fn list(
    scope: ClubScope,
    filter: MessageFilter,
    order: ByTime,
) -> Listing<webhook_message::Entity> {
    use webhook_message::Column;
    let select = scope.find::<webhook_message::Entity>().filter(
        Condition::all()
            .add_option(filter.endpoint.map(|id| Column::EndpointId.eq(id)))
            .add_option(filter.statuses.map(|all| Column::Status.is_in(all)))
            .add_option(filter.events.map(|all| Column::Event.is_in(all))),
    );
    Listing {
        select,
        order: order.by(Column::Id),
    }
}

/// The attempts of messages, oldest first.
pub async fn attempts(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    messages: &[Uuid],
) -> Result<Vec<webhook_attempt::Model>, StoreError> {
    let select = scope
        .find_for_ids::<webhook_attempt::Entity>()
        .order_by_asc(webhook_attempt::Column::Id);
    let of = webhook_attempt::Column::MessageId;
    bulk::select_by_ids(connection, select, of, messages).await
}

/// Removes texts about a member from messages, whether they were sent or not, and what endpoints answered to them.
pub(super) async fn erase(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
) -> Result<(), StoreError> {
    use webhook_message::Column;
    let rows = scope
        .find_for_ids::<webhook_message::Entity>()
        .filter(Column::MemberId.eq(member))
        .all(connection)
        .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    for row in rows {
        let mut body: Json = serde_json::from_str(&row.body).unwrap_or(Json::Null);
        for field in ["message", "cause"] {
            if let Some(text) = body.pointer_mut(&format!("/data/{field}")) {
                *text = json!(ERASED);
            }
        }
        scope
            .update_for_ids::<webhook_message::Entity>()
            .col_expr(Column::Body, Expr::value(body.to_string()))
            .filter(Column::Id.eq(row.id))
            .exec(connection)
            .await?;
    }
    for some in ids.chunks(bulk::MOST_VALUES) {
        scope
            .update_for_ids::<webhook_attempt::Entity>()
            .col_expr(
                webhook_attempt::Column::Response,
                Expr::value(None::<String>),
            )
            .filter(webhook_attempt::Column::MessageId.is_in(some.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}
