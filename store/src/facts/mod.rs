//! Holdings: the facts about members that the `access` crate decides on, from the versions that are current now or were current
//! at an instant. Only this module drops versions older than a deletion, so that all readers agree. Members are read in chunks
//! of `AT_ONCE`, with a fixed number of queries each.

use std::sync::Arc;

use access::Facts;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait};
use uuid::Uuid;

use crate::map::Map;

use super::{ClubScope, StoreError};

mod build;
mod decode;
mod read;
mod rows;
mod statement_cache;

use read::Reader;
pub use rows::Stated;

/// The point in time of a bitemporal read.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The versions that are current now.
    Now,
    /// The versions that were current at an instant.
    At(i64),
}

impl AsOf {
    /// Whether a version with this `superseded_at` is current at this point in time.
    pub fn is_current(self, superseded_at: Option<i64>) -> bool {
        match (self, superseded_at) {
            (_, None) => true,
            (Self::Now, Some(_)) => false,
            (Self::At(at), Some(superseded)) => superseded > at,
        }
    }

    fn current<C: ColumnTrait>(self, learned: C, superseded: C) -> Condition {
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

/// An entitlement of a member, with its version.
#[derive(Clone, Debug)]
pub struct HeldEntitlement {
    /// The version; several members may share one.
    pub version: Arc<Stated>,
    /// How the entitlement reaches the member.
    pub via: access::Via,
    /// Its period; dates are resolved in the time zone of the location, else of the source.
    pub span: access::Span,
}

/// Everything that one member holds.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// The input of the `access` crate.
    pub facts: Facts,
    /// The versions behind `facts.entitlements`, in the same order.
    pub held: Vec<Arc<HeldEntitlement>>,
    /// The ids of the member's companies.
    pub companies: Vec<Uuid>,
    /// The scopes of shares for which Kisi notifies the person.
    pub notified_scopes: Vec<access::AccessScope>,
}

/// Which parts of holdings to load.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum LoadedParts {
    /// Everything that a decision depends on.
    Everything,
    /// Entitlements for display: no tags, past blocks, shares or suspensions.
    Entitlements,
}

/// How many members one statement reads: a power of two, which is a length that `pad` produces.
const MEMBERS_PER_STATEMENT: usize = 2_048;

/// The holdings of these members; a member without any gets empty ones.
pub async fn load(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: &[Uuid],
    known: AsOf,
) -> Result<Map<Uuid, Holdings>, StoreError> {
    holdings(connection, scope, members, (known, LoadedParts::Everything)).await
}

/// The entitlements of these members for display: without tags, past blocks, shares and suspensions.
pub async fn entitlements(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: &[Uuid],
) -> Result<Map<Uuid, Holdings>, StoreError> {
    holdings(
        connection,
        scope,
        members,
        (AsOf::Now, LoadedParts::Entitlements),
    )
    .await
}

async fn holdings(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: &[Uuid],
    (known, asked): (AsOf, LoadedParts),
) -> Result<Map<Uuid, Holdings>, StoreError> {
    let reader = Reader {
        connection,
        scope,
        as_of: known,
        asked,
    };
    let mut all = Map::with_capacity_and_hasher(members.len(), Default::default());
    for chunk in members.chunks(MEMBERS_PER_STATEMENT) {
        let rows = Box::pin(reader.rows(chunk)).await?;
        all.extend(build::holdings(chunk, &rows, known)?);
    }
    Ok(all)
}
