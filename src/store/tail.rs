//! The newest rows of a table: what was added or changed lately, for those who tell others of it.
//!
//! A row bears a stamp, made anew with each change and before the commit. So a stamp says about when, and never that all
//! earlier ones can be seen already: whoever reads on has to look back. The feed calls it.

use entity::{delivery, history};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{Reader, Scope, StoreError, deliveries, facts::among, scope::OfClub};

/// One change of one row.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Made with the change: a later change has a greater one.
    pub at: Uuid,
    /// The row.
    pub id: Uuid,
}

/// A row whose changes can be followed.
pub trait Tailed: Send + Sync + Sized + 'static {
    /// Its latest change.
    fn stamp(&self) -> Stamp;

    /// The changes whose stamps are greater than `floor`, in no order.
    fn changes(
        connection: &Reader,
        scope: Scope,
        floor: Uuid,
    ) -> impl Future<Output = Result<Vec<Stamp>, StoreError>> + Send;

    /// The rows with these ids, as they are now, in no order.
    fn rows(
        connection: &Reader,
        scope: Scope,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<Self>, StoreError>> + Send;
}

impl Tailed for history::Model {
    fn stamp(&self) -> Stamp {
        Stamp {
            at: self.id,
            id: self.id,
        }
    }

    async fn changes(
        connection: &Reader,
        scope: Scope,
        floor: Uuid,
    ) -> Result<Vec<Stamp>, StoreError> {
        use history::Column::Id;
        stamps::<history::Entity>(connection, scope, Id, Id, floor).await
    }

    async fn rows(
        connection: &Reader,
        scope: Scope,
        ids: &[Uuid],
    ) -> Result<Vec<Self>, StoreError> {
        let select = scope.find::<history::Entity>();
        among(connection, select, history::Column::Id, ids).await
    }
}

impl Tailed for delivery::Model {
    fn stamp(&self) -> Stamp {
        Stamp {
            at: self.stamp,
            id: self.id,
        }
    }

    async fn changes(
        connection: &Reader,
        scope: Scope,
        floor: Uuid,
    ) -> Result<Vec<Stamp>, StoreError> {
        use delivery::Column::{Id, Stamp};
        stamps::<delivery::Entity>(connection, scope, Stamp, Id, floor).await
    }

    async fn rows(
        connection: &Reader,
        scope: Scope,
        ids: &[Uuid],
    ) -> Result<Vec<Self>, StoreError> {
        deliveries::some(connection, scope, ids).await
    }
}

async fn stamps<E: OfClub>(
    connection: &Reader,
    scope: Scope,
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
