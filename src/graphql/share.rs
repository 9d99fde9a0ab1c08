//! The GraphQL type `Share`: access granted manually to one member.

use async_graphql::{Context, ID, Object, Result, Union};
use uuid::Uuid;

use super::{
    error::internal, group::Group, kisi_account::KisiAccount, loader, member::Member, node, page,
    place::Place, resolve::one_of, scalar::DateTime,
};
use crate::{
    id::Kind,
    store::row::{self, ScopeKind},
};

/// What a share grants access to in Kisi.
#[derive(Clone, Debug, Union)]
#[graphql(crate = "crate::graphql::resolve::interface")]
pub enum ShareScope {
    /// A group.
    Group(Group),
    /// All doors of a place.
    Place(Place),
    /// All doors of a Kisi organization.
    KisiAccount(KisiAccount),
}

one_of!(ShareScope: Group, Place, KisiAccount);

/// Loads the target of a share or grant. Its row must exist; otherwise the result is an internal error.
pub(super) async fn scope_of(
    context: &Context<'_>,
    kind: ScopeKind,
    id: Uuid,
) -> Result<ShareScope> {
    Ok(match kind {
        ScopeKind::Group => ShareScope::Group(Group(
            loader::load_required(context, loader::GroupKey(id)).await?,
        )),
        ScopeKind::Place => ShareScope::Place(Place(
            loader::load_required(context, loader::PlaceKey(id)).await?,
        )),
        ScopeKind::Account => {
            let row = loader::load_required(context, loader::AccountKey(id)).await?;
            ShareScope::KisiAccount(KisiAccount(row))
        }
        ScopeKind::Lock => {
            return Err(internal(
                "a share or grant targets a lock, which Kisi does not support",
            ));
        }
    })
}

#[derive(Clone, Debug)]
pub struct Share(pub row::Share);

impl From<row::Share> for Share {
    fn from(row: row::Share) -> Self {
        Self(row)
    }
}

/// A share: access granted manually to one member.
#[Object(crate = "crate::graphql::resolve")]
impl Share {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Share, self.0.id)
    }

    /// The member who gets access.
    async fn member(&self, context: &Context<'_>) -> Result<Member> {
        loader::load_required(context, loader::MemberKey(self.0.member_id))
            .await
            .map(Member)
    }

    /// What it grants access to: a group, a place or a whole Kisi organization.
    async fn scope(&self, context: &Context<'_>) -> Result<ShareScope> {
        scope_of(context, self.0.scope_kind, self.0.scope_id).await
    }

    /// Start, inclusive; null if unbounded.
    #[graphql(name = "from")]
    async fn begins(&self) -> Option<DateTime> {
        self.0.from_at.map(DateTime)
    }

    /// End, exclusive; null if it lasts until somebody ends it.
    async fn until(&self) -> Option<DateTime> {
        self.0.until_at.map(DateTime)
    }

    /// Whether Kisi notifies the person by e-mail.
    async fn notify(&self) -> bool {
        self.0.notify
    }

    /// A note on the reason; null if there is none.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.learned_at)
    }
}

page::connection!(
    /// A page of shares.
    ShareConnection,
    /// A share and its cursor.
    ShareEdge,
    Share
);
