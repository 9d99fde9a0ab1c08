//! What members hold, as the heart wants it: from the versions that stand now, or that stood as it was known at an instant.
//! The one place where a word that is older than a deletion is left out, so that every reader agrees. A fixed number of
//! queries, however many members.

use std::sync::Arc;

use access::Facts;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, Select};
use uuid::Uuid;

use crate::map::Map;

use super::{Scope, StoreError, bulk::MOST_VALUES, one_of, scope::OfClub};

mod build;
mod cells;
pub mod kinds;
mod read;
mod rows;
mod texts;

use read::Reader;
pub use rows::Stated;

/// As of when something is asked that is kept in versions.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// From what is known now.
    Now,
    /// From what was known at an instant.
    At(i64),
}

impl Known {
    /// Whether a version that was superseded then stands.
    pub fn stands(self, superseded_at: Option<i64>) -> bool {
        match (self, superseded_at) {
            (_, None) => true,
            (Self::Now, Some(_)) => false,
            (Self::At(at), Some(superseded)) => superseded > at,
        }
    }

    fn standing<C: ColumnTrait>(self, learned: C, superseded: C) -> Condition {
        match self {
            Self::Now => Condition::all().add(superseded.is_null()),
            Self::At(at) => Condition::all().add(learned.lte(at)).add(
                Condition::any()
                    .add(superseded.is_null())
                    .add(superseded.gt(at)),
            ),
        }
    }
}

/// Something held, with the row that says it.
#[derive(Clone, Debug)]
pub struct Held {
    /// What was said; several members may hold by the same words.
    pub version: Arc<Stated>,
    /// How it reaches the member.
    pub via: access::Via,
    /// Its ends, with dates read in the zone of the location, else of the source.
    pub span: access::Span,
}

/// What one member holds.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// For the heart.
    pub facts: Facts,
    /// The rows behind the entitlements, in the same order.
    pub held: Vec<Arc<Held>>,
    /// The companies that the member is in.
    pub companies: Vec<Uuid>,
    /// Where something was shared so that Kisi tells the person.
    pub told_by_kisi: Vec<access::Scope>,
}

/// What is asked of holdings.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// All that a decision hangs on.
    Everything,
    /// What is held, to be shown: no tags, no blocks of the past, and nothing that was given or shut by hand.
    Entitlements,
}

/// How many members are read by one statement: a power of two, as `bulk::of_few_lengths` makes it.
const AT_ONCE: usize = 2_048;

/// What these members hold. Whoever holds nothing is there with nothing.
pub async fn load(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: &[Uuid],
    known: Known,
) -> Result<Map<Uuid, Holdings>, StoreError> {
    holdings(connection, scope, members, (known, Asked::Everything)).await
}

/// What these members hold, for people to see.
pub async fn entitlements(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: &[Uuid],
) -> Result<Map<Uuid, Holdings>, StoreError> {
    holdings(
        connection,
        scope,
        members,
        (Known::Now, Asked::Entitlements),
    )
    .await
}

async fn holdings(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: &[Uuid],
    (known, asked): (Known, Asked),
) -> Result<Map<Uuid, Holdings>, StoreError> {
    let reader = Reader {
        connection,
        scope,
        known,
        asked,
    };
    let mut all = Map::with_capacity_and_hasher(members.len(), Default::default());
    for chunk in members.chunks(AT_ONCE) {
        let rows = Box::pin(reader.rows(chunk)).await?;
        all.extend(build::holdings(chunk, &rows, known)?);
    }
    Ok(all)
}

/// The rows of a query whose column is among ids; no statement at all where there are none.
pub async fn among<E: OfClub>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    column: E::Column,
    ids: &[Uuid],
) -> Result<Vec<<E as EntityTrait>::Model>, StoreError> {
    let mut rows = Vec::new();
    for chunk in ids.chunks(MOST_VALUES) {
        rows.extend(
            select
                .clone()
                .filter(one_of(connection, column, chunk))
                .all(connection)
                .await?,
        );
    }
    Ok(rows)
}
