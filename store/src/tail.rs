//! Reads recently added or changed rows of a table, for the feed.
//!
//! Each change gives its row a new stamp before the commit. Stamps are therefore only roughly in commit order: a row with an
//! earlier stamp may become visible later, so the caller must read again from before the last stamp that it saw.

use crate::bulk::select_by_ids;
use entity::{delivery, history};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{ClubScope, Reader, StoreError, deliveries, scope::OfClub};

/// The stamp of one change of one row.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// The stamp; a later change has a greater one.
    pub at: Uuid,
    /// The row's id.
    pub id: Uuid,
}

/// A row whose changes can be followed.
pub trait Stamped: Send + Sync + Sized + 'static {
    /// The row's latest change.
    fn stamp(&self) -> Stamp;

    /// The changes with stamps greater than `floor`, unordered.
    fn changes(
        connection: &Reader,
        scope: ClubScope,
        floor: Uuid,
    ) -> impl Future<Output = Result<Vec<Stamp>, StoreError>> + Send;

    /// The current rows with these ids, unordered.
    fn rows(
        connection: &Reader,
        scope: ClubScope,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<Self>, StoreError>> + Send;
}

impl Stamped for history::Model {
    fn stamp(&self) -> Stamp {
        Stamp {
            at: self.id,
            id: self.id,
        }
    }

    async fn changes(
        connection: &Reader,
        scope: ClubScope,
        floor: Uuid,
    ) -> Result<Vec<Stamp>, StoreError> {
        use history::Column::Id;
        stamps::<history::Entity>(connection, scope, Id, Id, floor).await
    }

    async fn rows(
        connection: &Reader,
        scope: ClubScope,
        ids: &[Uuid],
    ) -> Result<Vec<Self>, StoreError> {
        let select = scope.find::<history::Entity>();
        select_by_ids(connection, select, history::Column::Id, ids).await
    }
}

impl Stamped for delivery::Model {
    fn stamp(&self) -> Stamp {
        Stamp {
            at: self.stamp,
            id: self.id,
        }
    }

    async fn changes(
        connection: &Reader,
        scope: ClubScope,
        floor: Uuid,
    ) -> Result<Vec<Stamp>, StoreError> {
        use delivery::Column::{Id, Stamp};
        stamps::<delivery::Entity>(connection, scope, Stamp, Id, floor).await
    }

    async fn rows(
        connection: &Reader,
        scope: ClubScope,
        ids: &[Uuid],
    ) -> Result<Vec<Self>, StoreError> {
        deliveries::find_by_ids(connection, scope, ids).await
    }
}

async fn stamps<E: OfClub>(
    connection: &Reader,
    scope: ClubScope,
    stamp: E::Column,
    id: E::Column,
    floor: Uuid,
) -> Result<Vec<Stamp>, StoreError> {
    let rows: Vec<(Uuid, Uuid)> = scope
        .find::<E>()
        .select_only()
        .column_as(stamp, "stamp_at")
        .column_as(id, "row_id")
        .filter(stamp.gt(floor))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(|(at, id)| Stamp { at, id }).collect())
}
