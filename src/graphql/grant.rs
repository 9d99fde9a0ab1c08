//! What Kisi has been told for somebody.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use super::{
    kisi_account::KisiAccount,
    loader, node,
    scalar::DateTime,
    share::{ShareScope, scope_of},
};
use crate::{id::Kind, store::row};

/// How a grant stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::GrantState")]
pub enum GrantState {
    /// Not in Kisi yet.
    Pending,
    /// In Kisi, and read back.
    Confirmed,
    /// Sent, with no answer: whether Kisi has it is not known, and is being found out.
    Unknown,
    /// On its way out of Kisi.
    Revoking,
    /// Would be revoked, but the brake holds it.
    Held,
    /// Kisi refuses it; see problem.
    Failed,
}

/// A grant, by its row.
#[derive(Clone, Debug)]
pub struct Grant(pub row::Grant);

impl From<row::Grant> for Grant {
    fn from(row: row::Grant) -> Self {
        Self(row)
    }
}

/// One role assignment that this service made or adopted in Kisi.
#[Object(crate = "crate::graphql::prompt")]
impl Grant {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Grant, self.0.id)
    }

    /// Where in Kisi it gives access.
    async fn target(&self, context: &Context<'_>) -> Result<ShareScope> {
        scope_of(context, self.0.scope_kind, self.0.scope_id).await
    }

    /// Kisi's own id of the assignment; null as long as it is not known.
    async fn kisi_id(&self) -> Option<ID> {
        self.0.kisi_id.map(ID::from)
    }

    /// From when on it is valid in Kisi; null is without end on that side.
    async fn valid_from(&self) -> Option<DateTime> {
        self.0.valid_from.map(DateTime)
    }

    /// Until when it is valid in Kisi; null is without end on that side.
    async fn valid_until(&self) -> Option<DateTime> {
        self.0.valid_until.map(DateTime)
    }

    /// How it stands.
    async fn state(&self) -> GrantState {
        self.0.state.into()
    }

    /// Whether somebody else made the assignment in Kisi, and this service looks after it since the rules want it.
    async fn adopted(&self) -> bool {
        self.0.adopted
    }

    /// Kisi's last refusal, in words; null where there was none.
    async fn problem(&self) -> Option<&str> {
        self.0.problem.as_deref()
    }

    /// When Kisi last confirmed it; null where it never did.
    async fn confirmed_at(&self) -> Option<DateTime> {
        self.0.confirmed_at.map(DateTime)
    }
}

/// Who a member is in one Kisi organization.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct KisiUser {
    /// Kisi's own id of the person.
    pub(super) kisi_id: ID,
    /// What Kisi has been told for this person, as last read back from it.
    pub(super) grants: Vec<Grant>,
    #[graphql(skip)]
    pub(super) account_id: uuid::Uuid,
}

#[async_graphql::ComplexObject]
impl KisiUser {
    /// The Kisi account in which the person is known.
    async fn account(&self, context: &Context<'_>) -> Result<KisiAccount> {
        loader::needed(context, loader::AccountKey(self.account_id))
            .await
            .map(KisiAccount)
    }
}
