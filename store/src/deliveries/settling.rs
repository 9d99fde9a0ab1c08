//! Settles deliveries whose effects are in Kisi. Called by the loop, in the transaction that settles their last members.

use std::collections::HashSet;

use entity::{
    delivery, delivery_member, due,
    kind::{DeliveryStatus, Platform, RevocationState},
    revocation, source,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Query},
};
use uuid::Uuid;

use super::members_of;
use crate::{ClubScope, StoreError, bulk, clock::new_id};

/// A delivery that a transaction settled. Its times count only once that transaction is committed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SettledDelivery {
    pub id: Uuid,
    /// The platform of its source.
    pub platform: Platform,
    pub received_at: i64,
    pub settled_at: i64,
}

#[derive(Debug, FromQueryResult)]
struct Waiting {
    id: Uuid,
    status: DeliveryStatus,
    received_at: i64,
    platform: Platform,
}

/// Settles the deliveries that affect these members and have no member with open work left: their effects are in Kisi. If
/// the brake holds a revocation of one of the members, the status becomes `Held` instead. Returns the settled ones.
pub async fn settle(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: &[Uuid],
    now: i64,
) -> Result<Vec<SettledDelivery>, StoreError> {
    let mut settled = Vec::new();
    for chunk in members.chunks(bulk::MOST_VALUES) {
        let about = Query::select()
            .column(delivery_member::Column::DeliveryId)
            .from(delivery_member::Entity)
            .and_where(delivery_member::Column::MemberId.is_in(chunk.iter().copied()))
            .to_owned();
        let open = [DeliveryStatus::Accepted, DeliveryStatus::Held];
        // Not by an index of the status, which would read the whole backlog for each member.
        let is_open: Expr = Expr::case(delivery::Column::Status.is_in(open), true)
            .finally(false)
            .into();
        let unsettled = scope
            .find_for_ids::<delivery::Entity>()
            .select_only()
            .columns([
                delivery::Column::Id,
                delivery::Column::Status,
                delivery::Column::ReceivedAt,
            ])
            .expr_as(platform(), "platform")
            .filter(is_open)
            .filter(delivery::Column::Id.in_subquery(about));
        // Two accounts may settle the last two members at once: with the lock, the second one sees the first one's change.
        lock(connection, unsettled.clone()).await?;
        let waiting: Vec<Waiting> = unsettled
            .filter(Condition::all().not().add(Expr::exists(open_work())))
            .into_model()
            .all(connection)
            .await?;
        if waiting.is_empty() {
            continue;
        }
        let ids: Vec<Uuid> = waiting.iter().map(|row| row.id).collect();
        let held = with_held_revocations(connection, scope, &ids).await?;
        let (held, free): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|row| held.contains(&row.id));
        let newly = held
            .iter()
            .filter(|row| row.status == DeliveryStatus::Accepted)
            .map(|row| row.id)
            .collect();
        set_status(connection, scope, newly, DeliveryStatus::Held, None).await?;
        let ids = free.iter().map(|row| row.id).collect();
        set_status(connection, scope, ids, DeliveryStatus::Settled, Some(now)).await?;
        settled.extend(free.into_iter().map(|row| SettledDelivery {
            id: row.id,
            platform: row.platform,
            received_at: row.received_at,
            settled_at: now,
        }));
    }
    Ok(settled)
}

/// The platform of the source of the outer query's delivery.
fn platform() -> Expr {
    let select = Query::select()
        .column(source::Column::Platform)
        .from(source::Entity)
        .and_where(
            Expr::col((source::Entity, source::Column::Id))
                .equals((delivery::Entity, delivery::Column::SourceId)),
        )
        .to_owned();
    Expr::SubQuery(None, Box::new(select.into()))
}

/// Locks deliveries until the transaction ends. SQLite needs no row locks: it has one writer at a time.
async fn lock(
    connection: &impl ConnectionTrait,
    select: Select<delivery::Entity>,
) -> Result<(), StoreError> {
    if connection.get_database_backend() != DatabaseBackend::Sqlite {
        let locked = select.order_by_asc(delivery::Column::Id).lock_exclusive();
        locked.into_model::<Waiting>().all(connection).await?;
    }
    Ok(())
}

/// Those of the deliveries that affect a member with a held revocation.
async fn with_held_revocations(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    deliveries: &[Uuid],
) -> Result<HashSet<Uuid>, StoreError> {
    let held: HashSet<Uuid> = scope
        .find::<revocation::Entity>()
        .select_only()
        .column(revocation::Column::MemberId)
        .distinct()
        .filter(revocation::Column::State.eq(RevocationState::Held))
        .into_tuple::<Uuid>()
        .all(connection)
        .await?
        .into_iter()
        .collect();
    if held.is_empty() {
        return Ok(HashSet::new());
    }
    let pairs = members_of(connection, scope, deliveries).await?;
    Ok(pairs
        .into_iter()
        .filter(|(_, member)| held.contains(member))
        .map(|(id, _)| id)
        .collect())
}

async fn set_status(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: Vec<Uuid>,
    status: DeliveryStatus,
    settled_at: Option<i64>,
) -> Result<(), StoreError> {
    for chunk in ids.chunks(bulk::MOST_VALUES) {
        scope
            .update_for_ids::<delivery::Entity>()
            .col_expr(delivery::Column::Status, Expr::value(status))
            .col_expr(delivery::Column::SettledAt, Expr::value(settled_at))
            .col_expr(delivery::Column::Stamp, Expr::value(new_id()))
            .filter(delivery::Column::Id.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Subquery: open work of any member that the delivery of the outer query affects.
fn open_work() -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(delivery_member::Entity)
        .inner_join(
            due::Entity,
            Expr::col((due::Entity, due::Column::MemberId))
                .equals((delivery_member::Entity, delivery_member::Column::MemberId)),
        )
        .and_where(
            Expr::col((delivery_member::Entity, delivery_member::Column::DeliveryId))
                .equals((delivery::Entity, delivery::Column::Id)),
        )
        .and_where(
            Expr::col((due::Entity, due::Column::Generation))
                .gt(Expr::col((due::Entity, due::Column::SettledGeneration))),
        )
        .to_owned()
}
