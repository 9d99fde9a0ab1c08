//! Access given by hand.

use async_graphql::{Context, ID, Object, Result, Union};
use uuid::Uuid;

use super::{
    error::internal, group::Group, kisi_account::KisiAccount, loader, member::Member, node,
    place::Place, scalar::DateTime,
};
use crate::{
    id::Kind,
    store::row::{self, ScopeKind},
};

/// Where access in Kisi can be given.
#[derive(Clone, Debug, Union)]
pub enum ShareScope {
    /// One group.
    Group(Group),
    /// A whole place.
    Place(Place),
    /// A whole Kisi organization.
    KisiAccount(KisiAccount),
}

/// What a row means by its scope.
pub(super) async fn scope_of(
    context: &Context<'_>,
    kind: ScopeKind,
    id: Uuid,
) -> Result<ShareScope> {
    Ok(match kind {
        ScopeKind::Group => {
            ShareScope::Group(Group(loader::needed(context, loader::GroupKey(id)).await?))
        }
        ScopeKind::Place => {
            ShareScope::Place(Place(loader::needed(context, loader::PlaceKey(id)).await?))
        }
        ScopeKind::Account => {
            let row = loader::needed(context, loader::AccountKey(id)).await?;
            ShareScope::KisiAccount(KisiAccount(row))
        }
        ScopeKind::Lock => {
            return Err(internal(
                "a lock was given in Kisi, which has no such right",
            ));
        }
    })
}

/// A share, by its row.
#[derive(Clone, Debug)]
pub struct Share(pub row::Share);

impl From<row::Share> for Share {
    fn from(row: row::Share) -> Self {
        Self(row)
    }
}

/// Access given by hand.
#[Object(crate = "crate::graphql::prompt")]
impl Share {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Share, self.0.id)
    }

    /// Who may pass by it.
    async fn member(&self, context: &Context<'_>) -> Result<Member> {
        loader::needed(context, loader::MemberKey(self.0.member_id))
            .await
            .map(Member)
    }

    /// Where: a group, a place or a whole Kisi organization.
    async fn scope(&self, context: &Context<'_>) -> Result<ShareScope> {
        scope_of(context, self.0.scope_kind, self.0.scope_id).await
    }

    /// From when on; null is without end on that side.
    #[graphql(name = "from")]
    async fn begins(&self) -> Option<DateTime> {
        self.0.from_at.map(DateTime)
    }

    /// Until when; null: until it is ended.
    async fn until(&self) -> Option<DateTime> {
        self.0.until_at.map(DateTime)
    }

    /// Whether Kisi tells the person by e-mail.
    async fn notify(&self) -> bool {
        self.0.notify
    }

    /// Why, for people; null where nobody wrote anything.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// When it was given.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.learned_at)
    }
}
