//! The GraphQL type `KisiAccount`: a connection to one Kisi organization. The API never returns its credentials. Nothing here
//! calls Kisi.

use async_graphql::{Context, Enum, ID, Object, Result};

use super::{
    context::require_staff, group::Group, loader, lock::Lock, node, place::Place, scalar::DateTime,
};
use crate::{id::Kind, store::row};

/// The problem shown while the assignments are being removed and nothing else is wrong.
const DISCONNECTING: &str = "disconnecting: its assignments are being removed";

/// Status of a connection.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::KisiStatus")]
pub enum KisiStatus {
    /// Working.
    Connected,
    /// Kisi rejects the credentials: the key was deleted or has expired, or its owner lost the required permission.
    Unauthorized,
    /// Kisi does not respond or responds with errors. Pending work is kept and resumes later.
    Unreachable,
    /// Being disconnected by an admin: its assignments are being removed first.
    Disconnecting,
    /// Disconnected by an admin.
    Disconnected,
}

#[derive(Clone, Debug)]
pub struct KisiAccount(pub row::KisiAccount);

impl From<row::KisiAccount> for KisiAccount {
    fn from(row: row::KisiAccount) -> Self {
        Self(row)
    }
}

/// A connection to one Kisi organization. A club may have several.
#[Object(crate = "crate::graphql::resolve")]
impl KisiAccount {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::KisiAccount, self.0.id)
    }

    /// Display name of the connection, chosen by the club.
    pub async fn name(&self) -> &str {
        &self.0.name
    }

    /// Kisi's id of the organization; null if it was never read.
    pub async fn kisi_id(&self) -> Option<ID> {
        self.0.organization_id.map(ID::from)
    }

    /// The same as `kisiId`.
    async fn kisi_organization_id(&self) -> Option<ID> {
        self.0.organization_id.map(ID::from)
    }

    /// Status of the connection.
    async fn status(&self) -> KisiStatus {
        self.0.status.into()
    }

    /// What is wrong and who can resolve it; null if there is no problem.
    async fn problem(&self, context: &Context<'_>) -> Result<Option<&str>> {
        require_staff(context)?;
        let removing = (self.0.status == row::KisiStatus::Disconnecting).then_some(DISCONNECTING);
        Ok(self.0.problem.as_deref().or(removing))
    }

    /// Whether Kisi sends people its own invitation e-mail when they are created there.
    async fn invite_by_email(&self) -> bool {
        self.0.invite_by_email
    }

    /// When its places, locks and groups were last read from Kisi; null before the first time.
    async fn last_read_at(&self) -> Option<DateTime> {
        self.0.last_read_at.map(DateTime)
    }

    /// Number of members whose access in Kisi is not up to date yet.
    async fn backlog(&self, context: &Context<'_>) -> Result<i32> {
        require_staff(context)?;
        let open = loader::load(context, loader::BacklogKey(self.0.id)).await?;
        Ok(i32::try_from(open.unwrap_or(0)).unwrap_or(i32::MAX))
    }

    /// Whether Kisi sends its events to this service: unlocks, refused unlocks, and changes made by others.
    async fn listening(&self, context: &Context<'_>) -> Result<bool> {
        let listener = loader::load(context, loader::ListenerKey(self.0.id)).await?;
        Ok(listener.is_some_and(|listener| listener.registered))
    }

    /// The places of the organization.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn places(&self, context: &Context<'_>) -> Result<Vec<Place>> {
        require_staff(context)?;
        let layout = loader::layout(context).await?;
        let of_account = layout
            .places
            .iter()
            .filter(|place| place.account_id == self.0.id);
        Ok(of_account.cloned().map(Place).collect())
    }

    /// The locks of the organization.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn locks(&self, context: &Context<'_>) -> Result<Vec<Lock>> {
        require_staff(context)?;
        let layout = loader::layout(context).await?;
        let of_account = (layout.locks.iter()).filter(|lock| lock.account_id == self.0.id);
        Ok(of_account.cloned().map(Lock).collect())
    }

    /// The groups of the organization: those of its places, and those that belong to no place.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn groups(&self, context: &Context<'_>) -> Result<Vec<Group>> {
        require_staff(context)?;
        let layout = loader::layout(context).await?;
        let of_account = (layout.groups.iter()).filter(|group| group.account_id == self.0.id);
        Ok(of_account.cloned().map(Group).collect())
    }
}
