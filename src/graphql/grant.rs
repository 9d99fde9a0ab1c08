//! The GraphQL types `Grant` and `KisiUser`: the role assignments that this service manages in Kisi.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use super::{
    kisi_account::KisiAccount,
    loader, node,
    scalar::DateTime,
    share::{ShareScope, scope_of},
};
use crate::{id::Kind, store::row};

/// State of a grant.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::GrantState")]
pub enum GrantState {
    /// Not created in Kisi yet.
    Pending,
    /// Present in Kisi, confirmed by reading it back.
    Confirmed,
    /// Sent to Kisi without a response: whether Kisi has it is unknown and is being checked.
    Unknown,
    /// Being removed from Kisi.
    Revoking,
    /// Due for revocation, but held by the brake.
    Held,
    /// Kisi rejected it; see problem.
    Failed,
}

#[derive(Clone, Debug)]
pub struct Grant(pub row::Grant);

impl From<row::Grant> for Grant {
    fn from(row: row::Grant) -> Self {
        Self(row)
    }
}

/// A role assignment in Kisi that this service created or adopted.
#[Object(crate = "crate::graphql::resolve")]
impl Grant {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Grant, self.0.id)
    }

    /// The group, place or Kisi account that it grants access to.
    async fn target(&self, context: &Context<'_>) -> Result<ShareScope> {
        scope_of(context, self.0.scope_kind, self.0.scope_id).await
    }

    /// Kisi's id of the assignment; null until it is known.
    async fn kisi_id(&self) -> Option<ID> {
        self.0.kisi_id.map(ID::from)
    }

    /// Start of its validity in Kisi; null if unbounded.
    async fn valid_from(&self) -> Option<DateTime> {
        self.0.valid_from.map(DateTime)
    }

    /// End of its validity in Kisi; null if unbounded.
    async fn valid_until(&self) -> Option<DateTime> {
        self.0.valid_until.map(DateTime)
    }

    /// Current state.
    async fn state(&self) -> GrantState {
        self.0.state.into()
    }

    /// Whether somebody else created the assignment in Kisi and this service adopted it because the rules require it.
    async fn adopted(&self) -> bool {
        self.0.adopted
    }

    /// Kisi's latest rejection, as text; null if there is none.
    async fn problem(&self) -> Option<&str> {
        self.0.problem.as_deref()
    }

    /// When Kisi last confirmed it; null if it never did.
    async fn confirmed_at(&self) -> Option<DateTime> {
        self.0.confirmed_at.map(DateTime)
    }
}

/// The user of a member in one Kisi organization.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve", complex)]
pub struct KisiUser {
    /// Kisi's id of the user.
    pub(super) kisi_id: ID,
    /// The member's grants in this organization, as last read back from Kisi.
    pub(super) grants: Vec<Grant>,
    #[graphql(skip)]
    pub(super) account_id: uuid::Uuid,
}

#[async_graphql::ComplexObject]
impl KisiUser {
    /// The Kisi account that the user belongs to.
    async fn account(&self, context: &Context<'_>) -> Result<KisiAccount> {
        loader::load_required(context, loader::AccountKey(self.account_id))
            .await
            .map(KisiAccount)
    }
}
