//! Deliveries: accepted webhook requests, with their raw bodies, and the outcome of processing them.
//! Written by the ingest; the loop settles a delivery once all its members have no open work.

use crate::bulk::{select_by_ids, select_by_texts};
use std::collections::{BTreeSet, HashMap};

use entity::{
    delivery, delivery_member,
    kind::{BodyRemoval, DeliveryStatus},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, QueryTrait, UpdateMany,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

mod settling;

pub use settling::{SettledDelivery, settle};

/// A delivery that is already stored.
#[derive(Copy, Clone, Debug)]
pub struct StoredDelivery {
    pub id: Uuid,
    pub status: DeliveryStatus,
}

#[derive(FromQueryResult)]
struct StoredRow {
    id: Uuid,
    external_id: String,
    status: DeliveryStatus,
}

/// Those of the deliveries that are already stored. Keys are (source id, the sender's delivery id).
pub async fn find_stored(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    keys: &[(Uuid, String)],
) -> Result<HashMap<(Uuid, String), StoredDelivery>, StoreError> {
    let mut by_source: HashMap<Uuid, BTreeSet<&str>> = HashMap::new();
    for (source, external) in keys {
        by_source.entry(*source).or_default().insert(external);
    }
    let mut stored = HashMap::new();
    for (source, externals) in by_source {
        let of_source = delivery::Entity::find()
            .select_only()
            .columns([
                delivery::Column::Id,
                delivery::Column::ClubId,
                delivery::Column::ExternalId,
                delivery::Column::Status,
            ])
            .filter(delivery::Column::SourceId.eq(source));
        let external = delivery::Column::ExternalId;
        let rows: Vec<StoredRow> =
            select_by_texts(connection, scope, of_source, external, externals).await?;
        stored.extend(rows.into_iter().map(|row| {
            let StoredRow {
                id,
                external_id,
                status,
            } = row;
            ((source, external_id), StoredDelivery { id, status })
        }));
    }
    Ok(stored)
}

/// The raw bodies of deliveries, by id.
pub async fn bodies(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<u8>>, StoreError> {
    let mut bodies = HashMap::with_capacity(ids.len());
    for row in columns_by_ids(connection, scope, delivery::Column::Body, ids).await? {
        bodies.insert(row.try_get("", "id")?, row.try_get("", "body")?);
    }
    Ok(bodies)
}

/// Counts one more attempt for each delivery; an id that occurs twice counts twice.
pub async fn count_attempts(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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

/// Stores deliveries and the members that they affect, as pairs of (delivery, member).
pub async fn store(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    deliveries: Vec<delivery::Model>,
    members: Vec<(Uuid, Uuid)>,
) -> Result<(), StoreError> {
    bulk::insert(connection, deliveries).await?;
    add_members(connection, scope, members).await
}

/// Adds members to deliveries, as pairs of (delivery, member). Pairs that are already stored stay.
pub async fn add_members(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: Vec<(Uuid, Uuid)>,
) -> Result<(), StoreError> {
    let rows = members
        .into_iter()
        .map(|(delivery_id, member_id)| delivery_member::Model {
            delivery_id,
            member_id,
            club_id: scope.club,
        });
    let keep_existing = OnConflict::columns([
        delivery_member::Column::DeliveryId,
        delivery_member::Column::MemberId,
    ])
    .do_nothing()
    .to_owned();
    bulk::insert_on(connection, rows, Some(keep_existing)).await
}

/// The source ids of deliveries, by delivery id.
pub async fn sources_of(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Uuid>, StoreError> {
    let mut sources = HashMap::with_capacity(ids.len());
    for row in columns_by_ids(connection, scope, delivery::Column::SourceId, ids).await? {
        sources.insert(row.try_get("", "id")?, row.try_get("", "source_id")?);
    }
    Ok(sources)
}

/// The id and one more column of deliveries.
async fn columns_by_ids(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    column: delivery::Column,
    ids: &[Uuid],
) -> Result<Vec<QueryResult>, StoreError> {
    let columns = (scope.find_for_ids::<delivery::Entity>())
        .select_only()
        .columns([delivery::Column::Id, column])
        .into_query();
    let mut rows = Vec::with_capacity(ids.len());
    for chunk in bulk::distinct(ids.iter().copied()).chunks(bulk::MOST_VALUES) {
        let statement = bulk::by_ids(connection, columns.clone(), delivery::Column::Id, chunk);
        let statement = connection.get_database_backend().build(&statement);
        rows.extend(connection.query_all_raw(statement).await?);
    }
    Ok(rows)
}

/// Writes the outcome of processing a stored delivery again.
pub async fn update_outcome(
    connection: &impl ConnectionTrait,
    row: &delivery::Model,
) -> Result<(), StoreError> {
    outcome_update(row).exec(connection).await?;
    Ok(())
}

/// Writes the outcome of processing a stored delivery again, if it had failed.
pub async fn update_failed(
    connection: &impl ConnectionTrait,
    row: &delivery::Model,
) -> Result<(), StoreError> {
    let update = outcome_update(row);
    let failed = delivery::Column::Status.eq(DeliveryStatus::Failed);
    update.filter(failed).exec(connection).await?;
    Ok(())
}

/// Dismisses failed deliveries: nobody will look at them any more. Returns those that were dismissed now or before.
pub async fn dismiss(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
    actor: &str,
    reason: &str,
    now: i64,
) -> Result<Vec<Uuid>, StoreError> {
    scope
        .update::<delivery::Entity>()
        .col_expr(delivery::Column::DismissedAt, Expr::value(Some(now)))
        .col_expr(delivery::Column::DismissedBy, Expr::value(Some(actor)))
        .col_expr(delivery::Column::DismissedReason, Expr::value(Some(reason)))
        .filter(delivery::Column::Id.is_in(ids.iter().copied()))
        .filter(delivery::Column::Status.eq(DeliveryStatus::Failed))
        .filter(delivery::Column::DismissedAt.is_null())
        .exec(connection)
        .await?;
    Ok(scope
        .find::<delivery::Entity>()
        .select_only()
        .column(delivery::Column::Id)
        .filter(delivery::Column::Id.is_in(ids.iter().copied()))
        .filter(delivery::Column::DismissedAt.is_not_null())
        .into_tuple()
        .all(connection)
        .await?)
}

/// Writes the sender's new attempt at a failed delivery: its headers and body, and the outcome.
pub async fn update_attempt(
    connection: &impl ConnectionTrait,
    row: &delivery::Model,
) -> Result<(), StoreError> {
    let more = Expr::col(delivery::Column::Attempts).add(1);
    outcome_update(row)
        .col_expr(delivery::Column::Attempts, more)
        .col_expr(delivery::Column::Headers, Expr::value(row.headers.clone()))
        .col_expr(delivery::Column::Body, Expr::value(row.body.clone()))
        .col_expr(
            delivery::Column::BodyRemoved,
            Expr::value(None::<BodyRemoval>),
        )
        .exec(connection)
        .await?;
    Ok(())
}

fn outcome_update(row: &delivery::Model) -> UpdateMany<delivery::Entity> {
    ClubScope::new(row.club_id)
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
        // A new attempt is looked at anew.
        .col_expr(delivery::Column::DismissedAt, Expr::value(None::<i64>))
        .col_expr(delivery::Column::DismissedBy, Expr::value(None::<String>))
        .col_expr(
            delivery::Column::DismissedReason,
            Expr::value(None::<String>),
        )
        .filter(delivery::Column::Id.eq(row.id))
}

/// The ids of a source's deliveries received at `since` or later, oldest first, optionally of one status.
pub async fn since(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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

/// The members that deliveries affect, as pairs of (delivery, member).
pub async fn members_of(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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

/// The instant of the latest delivery and the number of failed deliveries that nobody dismissed, by source.
pub async fn stats(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    sources: &[Uuid],
) -> Result<HashMap<Uuid, (Option<i64>, i64)>, StoreError> {
    let failed: sea_orm::sea_query::Expr = Expr::case(
        delivery::Column::Status
            .eq(DeliveryStatus::Failed)
            .and(delivery::Column::DismissedAt.is_null()),
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
pub async fn find_by_ids(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<Vec<delivery::Model>, StoreError> {
    select_by_ids(
        connection,
        super::listings::without_bodies(scope),
        delivery::Column::Id,
        ids,
    )
    .await
}
