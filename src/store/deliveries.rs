//! Deliveries: webhook requests that were let in, with their raw bodies, and what became of them.

use std::collections::{HashMap, HashSet};

use entity::{
    delivery, delivery_member, due,
    kind::{DeliveryStatus, RevocationState},
    revocation,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, UpdateMany,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};
use uuid::Uuid;

use super::{Scope, StoreError, bulk, one_of};
use crate::clock::new_id;

/// A delivery that came before.
#[derive(Copy, Clone, Debug)]
pub struct Known {
    /// Its id.
    pub id: Uuid,
    /// What became of it.
    pub status: DeliveryStatus,
}

/// The stored deliveries among these, by source and the sender's id.
pub async fn known(
    connection: &impl ConnectionTrait,
    scope: Scope,
    keys: &[(Uuid, String)],
) -> Result<HashMap<(Uuid, String), Known>, StoreError> {
    let mut by_source: HashMap<Uuid, Vec<&str>> = HashMap::new();
    for (source, external) in keys {
        by_source.entry(*source).or_default().push(external);
    }
    let mut known = HashMap::new();
    for (source, externals) in by_source {
        for chunk in externals.chunks(bulk::MOST_VALUES) {
            let rows: Vec<(Uuid, Uuid, String, DeliveryStatus)> = scope
                .find::<delivery::Entity>()
                .select_only()
                .columns([
                    delivery::Column::Id,
                    delivery::Column::SourceId,
                    delivery::Column::ExternalId,
                    delivery::Column::Status,
                ])
                .filter(delivery::Column::SourceId.eq(source))
                .filter(delivery::Column::ExternalId.is_in(chunk.iter().copied()))
                .into_tuple()
                .all(connection)
                .await?;
            known.extend(
                rows.into_iter().map(|(id, source, external, status)| {
                    ((source, external), Known { id, status })
                }),
            );
        }
    }
    Ok(known)
}

/// The bodies of deliveries, by id.
pub async fn bodies(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<u8>>, StoreError> {
    let mut bodies = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(bulk::MOST_VALUES) {
        let found: Vec<(Uuid, Vec<u8>)> = scope
            .among::<delivery::Entity>()
            .select_only()
            .columns([delivery::Column::Id, delivery::Column::Body])
            .filter(one_of(connection, delivery::Column::Id, chunk))
            .into_tuple()
            .all(connection)
            .await?;
        bodies.extend(found);
    }
    Ok(bodies)
}

/// Counts repeats of deliveries.
pub async fn repeated(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: Vec<Uuid>,
) -> Result<(), StoreError> {
    let more = Expr::col(delivery::Column::Attempts).add(1);
    for id in ids {
        scope
            .update::<delivery::Entity>()
            .col_expr(delivery::Column::Attempts, more.clone())
            .filter(delivery::Column::Id.eq(id))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Stores deliveries and whom they are about.
pub async fn store(
    connection: &impl ConnectionTrait,
    scope: Scope,
    deliveries: Vec<delivery::Model>,
    members: Vec<(Uuid, Uuid)>,
) -> Result<(), StoreError> {
    bulk::insert(connection, deliveries).await?;
    about(connection, scope, members).await
}

/// Says whom deliveries are about, beside those whom they are known to be about.
pub async fn about(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: Vec<(Uuid, Uuid)>,
) -> Result<(), StoreError> {
    let rows = members
        .into_iter()
        .map(|(delivery_id, member_id)| delivery_member::Model {
            delivery_id,
            member_id,
            club_id: scope.club,
        })
        .collect();
    let there = OnConflict::columns([
        delivery_member::Column::DeliveryId,
        delivery_member::Column::MemberId,
    ])
    .do_nothing()
    .to_owned();
    bulk::insert_on(connection, rows, Some(there)).await
}

/// Settles the deliveries about these members that wait for nobody: what they led to is in Kisi, but for what the brake
/// holds.
pub async fn settle(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: &[Uuid],
    now: i64,
) -> Result<(), StoreError> {
    for chunk in members.chunks(bulk::MOST_VALUES) {
        let about = Query::select()
            .column(delivery_member::Column::DeliveryId)
            .from(delivery_member::Entity)
            .and_where(delivery_member::Column::MemberId.is_in(chunk.iter().copied()))
            .to_owned();
        let unsettled = scope
            .find::<delivery::Entity>()
            .select_only()
            .columns([delivery::Column::Id, delivery::Column::Status])
            .filter(
                delivery::Column::Status.is_in([DeliveryStatus::Accepted, DeliveryStatus::Held]),
            )
            .filter(delivery::Column::Id.in_subquery(about));
        // Two accounts may settle the last two members at once: whoever comes second sees what the first one did.
        lock(connection, unsettled.clone()).await?;
        let waiting: Vec<(Uuid, DeliveryStatus)> = unsettled
            .filter(Condition::all().not().add(Expr::exists(still_open())))
            .into_tuple()
            .all(connection)
            .await?;
        if waiting.is_empty() {
            continue;
        }
        let ids: Vec<Uuid> = waiting.iter().map(|(id, _)| *id).collect();
        let held = held_among(connection, scope, &ids).await?;
        let (held, free): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(id, _)| held.contains(id));
        let newly = held
            .into_iter()
            .filter(|(_, status)| *status == DeliveryStatus::Accepted);
        become_of(
            connection,
            scope,
            newly.map(|(id, _)| id).collect(),
            DeliveryStatus::Held,
            None,
        )
        .await?;
        let free = free.into_iter().map(|(id, _)| id).collect();
        become_of(connection, scope, free, DeliveryStatus::Settled, Some(now)).await?;
    }
    Ok(())
}

/// Locks deliveries until the transaction ends. SQLite has one writer at a time.
async fn lock(
    connection: &impl ConnectionTrait,
    select: Select<delivery::Entity>,
) -> Result<(), StoreError> {
    if connection.get_database_backend() != DatabaseBackend::Sqlite {
        let locked = select.order_by_asc(delivery::Column::Id).lock_exclusive();
        locked
            .into_tuple::<(Uuid, DeliveryStatus)>()
            .all(connection)
            .await?;
    }
    Ok(())
}

/// Those of the deliveries that are about somebody of whom the brake holds something.
async fn held_among(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

async fn become_of(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: Vec<Uuid>,
    status: DeliveryStatus,
    settled_at: Option<i64>,
) -> Result<(), StoreError> {
    for chunk in ids.chunks(bulk::MOST_VALUES) {
        scope
            .update::<delivery::Entity>()
            .col_expr(delivery::Column::Status, Expr::value(status))
            .col_expr(delivery::Column::SettledAt, Expr::value(settled_at))
            .col_expr(delivery::Column::Stamp, Expr::value(new_id()))
            .filter(delivery::Column::Id.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Open work for anybody whom the delivery of the outer query is about.
fn still_open() -> sea_orm::sea_query::SelectStatement {
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

/// One delivery.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<delivery::Model>, StoreError> {
    Ok(scope
        .find::<delivery::Entity>()
        .filter(delivery::Column::Id.eq(id))
        .one(connection)
        .await?)
}

/// The source of each of some deliveries.
pub async fn sources_of(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Uuid>, StoreError> {
    let mut sources = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(bulk::MOST_VALUES) {
        let found: Vec<(Uuid, Uuid)> = scope
            .among::<delivery::Entity>()
            .select_only()
            .columns([delivery::Column::Id, delivery::Column::SourceId])
            .filter(one_of(connection, delivery::Column::Id, chunk))
            .into_tuple()
            .all(connection)
            .await?;
        sources.extend(found);
    }
    Ok(sources)
}

/// Writes what became of a delivery when it was read again.
pub async fn reread(
    connection: &impl ConnectionTrait,
    row: &delivery::Model,
) -> Result<(), StoreError> {
    became(row).exec(connection).await?;
    Ok(())
}

/// Writes a new attempt at a delivery that failed: what came, and what became of it.
pub async fn retried(
    connection: &impl ConnectionTrait,
    row: &delivery::Model,
) -> Result<(), StoreError> {
    let more = Expr::col(delivery::Column::Attempts).add(1);
    became(row)
        .col_expr(delivery::Column::Attempts, more)
        .col_expr(delivery::Column::Headers, Expr::value(row.headers.clone()))
        .col_expr(delivery::Column::Body, Expr::value(row.body.clone()))
        .exec(connection)
        .await?;
    Ok(())
}

fn became(row: &delivery::Model) -> UpdateMany<delivery::Entity> {
    Scope::new(row.club_id)
        .update::<delivery::Entity>()
        .col_expr(delivery::Column::Status, Expr::value(row.status))
        .col_expr(
            delivery::Column::EventType,
            Expr::value(row.event_type.clone()),
        )
        .col_expr(delivery::Column::Problem, Expr::value(row.problem.clone()))
        .col_expr(
            delivery::Column::Warnings,
            Expr::value(row.warnings.clone()),
        )
        .col_expr(delivery::Column::OccurredAt, Expr::value(row.occurred_at))
        .col_expr(delivery::Column::SettledAt, Expr::value(row.settled_at))
        .col_expr(delivery::Column::Stamp, Expr::value(row.stamp))
        .filter(delivery::Column::Id.eq(row.id))
}

/// Deliveries of a source since an instant, oldest first; of one status where one is given.
pub async fn since(
    connection: &impl ConnectionTrait,
    scope: Scope,
    source: Uuid,
    since: i64,
    status: Option<DeliveryStatus>,
) -> Result<Vec<Uuid>, StoreError> {
    let mut select = scope
        .find::<delivery::Entity>()
        .select_only()
        .column(delivery::Column::Id)
        .filter(delivery::Column::SourceId.eq(source))
        .filter(delivery::Column::ReceivedAt.gte(since))
        .order_by_asc(delivery::Column::Id);
    if let Some(status) = status {
        select = select.filter(delivery::Column::Status.eq(status));
    }
    Ok(select.into_tuple().all(connection).await?)
}

/// Whom deliveries are about, by delivery.
pub async fn members_of(
    connection: &impl ConnectionTrait,
    scope: Scope,
    deliveries: &[Uuid],
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let mut rows: Vec<delivery_member::Model> = Vec::new();
    for chunk in deliveries.chunks(bulk::MOST_VALUES) {
        let of_chunk = scope
            .find::<delivery_member::Entity>()
            .filter(delivery_member::Column::DeliveryId.is_in(chunk.iter().copied()))
            .order_by_asc(delivery_member::Column::MemberId);
        rows.extend(of_chunk.all(connection).await?);
    }
    Ok(rows
        .into_iter()
        .map(|row| (row.delivery_id, row.member_id))
        .collect())
}

/// The latest delivery's instant and the number of failed ones, by source.
pub async fn figures(
    connection: &impl ConnectionTrait,
    scope: Scope,
    sources: &[Uuid],
) -> Result<HashMap<Uuid, (Option<i64>, i64)>, StoreError> {
    let failed: sea_orm::sea_query::Expr = Expr::case(
        delivery::Column::Status.eq(DeliveryStatus::Failed),
        Expr::value(1),
    )
    .finally(Expr::value(0))
    .into();
    let rows: Vec<(Uuid, Option<i64>, Option<i64>)> = delivery::Entity::find()
        .select_only()
        .column(delivery::Column::SourceId)
        .column_as(delivery::Column::ReceivedAt.max(), "latest")
        .column_as(failed.sum().cast_as("bigint"), "failed")
        .filter(delivery::Column::ClubId.eq(scope.club))
        .filter(delivery::Column::SourceId.is_in(sources.iter().copied()))
        .group_by(delivery::Column::SourceId)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, latest, failed)| (id, (latest, failed.unwrap_or(0))))
        .collect())
}

/// Deliveries by id, without their bodies.
pub async fn some(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<delivery::Model>, StoreError> {
    super::facts::among(
        connection,
        super::listings::without_bodies(scope),
        delivery::Column::Id,
        ids,
    )
    .await
}
