//! A connection to one Kisi organization. Its credentials are nowhere in the API. Nothing in here calls Kisi.

use async_graphql::{Context, Enum, ID, Object, Result};

use super::{context::reads, loader, node, place::Place, scalar::DateTime};
use crate::{id::Kind, store::row};

/// How a connection is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::KisiStatus")]
pub enum KisiStatus {
    /// All is well.
    Connected,
    /// Kisi refuses the credentials: the key was deleted, has expired, or its owner lost the right.
    Unauthorized,
    /// Kisi does not answer, or answers with errors. Work waits and nothing is lost.
    Unreachable,
    /// Given up by an admin.
    Disconnected,
}

/// An account, by its row.
#[derive(Clone, Debug)]
pub struct KisiAccount(pub row::KisiAccount);

impl From<row::KisiAccount> for KisiAccount {
    fn from(row: row::KisiAccount) -> Self {
        Self(row)
    }
}

/// A connection to one Kisi organization. A club may have several.
#[Object(crate = "crate::graphql::prompt")]
impl KisiAccount {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::KisiAccount, self.0.id)
    }

    /// How the club calls the connection.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Kisi's own id of the organization; null where it is not known.
    async fn kisi_organization_id(&self) -> Option<ID> {
        self.0.organization_id.map(ID::from)
    }

    /// How the connection is.
    async fn status(&self) -> KisiStatus {
        self.0.status.into()
    }

    /// In words, what is wrong and who can mend it; null while all is well.
    async fn problem(&self, context: &Context<'_>) -> Result<Option<&str>> {
        reads(context)?;
        Ok(self.0.problem.as_deref())
    }

    /// Whether Kisi invites people by an e-mail of its own when they are created there.
    async fn invite_by_email(&self) -> bool {
        self.0.invite_by_email
    }

    /// When its places, locks and groups were last read; null before the first time.
    async fn last_read_at(&self) -> Option<DateTime> {
        self.0.last_read_at.map(DateTime)
    }

    /// Members whose access in Kisi is not yet what it should be.
    async fn backlog(&self, context: &Context<'_>) -> Result<i32> {
        reads(context)?;
        let open = loader::one(context, loader::BacklogKey(self.0.id)).await?;
        Ok(i32::try_from(open.unwrap_or(0)).unwrap_or(i32::MAX))
    }

    /// Whether Kisi sends its events here: unlocks, refusals, changes made by others.
    async fn listening(&self, context: &Context<'_>) -> Result<bool> {
        let listener = loader::one(context, loader::ListenerKey(self.0.id)).await?;
        Ok(listener.is_some_and(|listener| listener.stands))
    }

    /// The places that are read from it.
    #[graphql(complexity = "crate::graphql::page::times(10, child_complexity)")]
    async fn places(&self, context: &Context<'_>) -> Result<Vec<Place>> {
        reads(context)?;
        let layout = loader::layout(context).await?;
        let of_account = layout
            .places
            .iter()
            .filter(|place| place.account_id == self.0.id);
        Ok(of_account.cloned().map(Place).collect())
    }
}
