//! Settles deliveries whose effects are in Kisi. Called by the loop, in the transaction that settles their last members.

use entity::{
    delivery, delivery_member, due,
    kind::{DeliveryStatus, Platform, RevocationState},
    revocation, source,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, FromQueryResult, QueryFilter, QuerySelect,
    QueryTrait,
    sea_query::{Expr, ExprTrait, LockType, Query, SelectStatement},
};
use uuid::Uuid;

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
struct Effective {
    id: Uuid,
    status: DeliveryStatus,
    received_at: i64,
    platform: Platform,
    /// Whether it affects a member with a held revocation.
    is_held: bool,
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
        let effective = effective(connection, scope, chunk).await?;
        let (held, free): (Vec<_>, Vec<_>) = effective.into_iter().partition(|row| row.is_held);
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

/// The open deliveries that affect these members and have no member with open work left.
async fn effective(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: &[Uuid],
) -> Result<Vec<Effective>, StoreError> {
    let open = [DeliveryStatus::Accepted, DeliveryStatus::Held];
    // Not by an index of the status, which would read the whole backlog for each member.
    let is_open: Expr = Expr::case(delivery::Column::Status.is_in(open), true)
        .finally(false)
        .into();
    let open = (scope.find_for_ids::<delivery::Entity>().select_only()).filter(is_open);
    let about = Query::select()
        .column(delivery_member::Column::DeliveryId)
        .from(delivery_member::Entity)
        .to_owned();
    let about = bulk::by_ids(
        connection,
        about,
        delivery_member::Column::MemberId,
        members,
    );
    let effective = (open.clone())
        .columns([
            delivery::Column::Id,
            delivery::Column::Status,
            delivery::Column::ReceivedAt,
        ])
        .expr_as(platform(), "platform")
        .expr_as(Expr::exists(held_revocation(scope)), "is_held")
        .filter(Expr::exists(open_work(connection)).not());
    let backend = connection.get_database_backend();
    let effective = if backend == DatabaseBackend::Postgres {
        // Two accounts may settle the last two members at once: with the lock, the second one sees the first one's change.
        let mut open = open.column(delivery::Column::Id).into_query();
        open.lock(LockType::Update);
        let about = (about, delivery_member::Column::DeliveryId);
        let locked = bulk::postgres::select_by_selected(open, delivery::Column::Id, about);
        let rows = connection.query_all_raw(backend.build(&locked)).await?;
        let ids: Result<Vec<Uuid>, _> = rows.iter().map(|row| row.try_get("", "id")).collect();
        let ids = ids?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        bulk::by_ids(
            connection,
            effective.into_query(),
            delivery::Column::Id,
            &ids,
        )
    } else {
        // SQLite needs no row locks: it has one writer at a time.
        (effective.filter(delivery::Column::Id.in_subquery(about))).into_query()
    };
    let effective = Effective::find_by_statement(backend.build(&effective));
    Ok(effective.all(connection).await?)
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

/// Subquery: the held revocations of any member that the delivery of the outer query affects.
fn held_revocation(scope: ClubScope) -> SelectStatement {
    let held = scope
        .find::<revocation::Entity>()
        .select_only()
        .column(revocation::Column::MemberId)
        .filter(revocation::Column::State.eq(RevocationState::Held))
        .into_query();
    of_delivery()
        .expr(Expr::value(1))
        .and_where(delivery_member::Column::MemberId.in_subquery(held))
        .to_owned()
}

/// Subquery: open work of any member that the delivery of the outer query affects.
fn open_work(connection: &impl ConnectionTrait) -> SelectStatement {
    let is_member = Expr::col((due::Entity, due::Column::MemberId))
        .equals((delivery_member::Entity, delivery_member::Column::MemberId));
    let is_open = Expr::col((due::Entity, due::Column::Generation))
        .gt(Expr::col((due::Entity, due::Column::SettledGeneration)));
    let mut work = of_delivery();
    work.expr(Expr::value(1));
    if connection.get_database_backend() == DatabaseBackend::Postgres {
        let due = Query::select()
            .expr(Expr::value(1))
            .from(due::Entity)
            .and_where(is_member)
            .and_where(is_open)
            .to_owned();
        return bulk::postgres::beside_each(work, due);
    }
    work.inner_join(due::Entity, is_member).and_where(is_open);
    work
}

/// Selects from the pairs of the delivery of the outer query with its members.
fn of_delivery() -> SelectStatement {
    let is_delivery = Expr::col((delivery_member::Entity, delivery_member::Column::DeliveryId))
        .equals((delivery::Entity, delivery::Column::Id));
    Query::select()
        .from(delivery_member::Entity)
        .and_where(is_delivery)
        .to_owned()
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
            .filter(delivery::Column::Id.is_in(bulk::pad(chunk)))
            .exec(connection)
            .await?;
    }
    Ok(())
}
