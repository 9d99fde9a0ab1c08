//! The GraphQL type `HeldRevocation`: a revocation held by the brake, with the member, the target and the cause.

use async_graphql::{Context, ID, Object, Result};

use super::{
    access_event::{AccessScope, scope_of},
    error::internal_error,
    loader,
    member::Member,
    node, page,
    scalar::DateTime,
};
use crate::{id::Kind, store::row};

#[derive(Clone, Debug)]
pub struct HeldRevocation(pub row::Revocation);

impl From<row::Revocation> for HeldRevocation {
    fn from(row: row::Revocation) -> Self {
        Self(row)
    }
}

/// A revocation that the brake holds until an admin approves or dismisses it.
#[Object(crate = "crate::graphql::resolve")]
impl HeldRevocation {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::HeldRevocation, self.0.id)
    }

    /// The member who would lose access.
    async fn member(&self, context: &Context<'_>) -> Result<Member> {
        if let Some(member) = loader::load(context, loader::MemberKey(self.0.member_id)).await? {
            return Ok(Member(member));
        }
        let stranger = loader::load(context, loader::StrangerKey(self.0.member_id)).await?;
        Ok(Member(self.in_place_of(stranger)))
    }

    /// What the member would lose access to.
    async fn target(&self, context: &Context<'_>) -> Result<AccessScope> {
        let target = scope_of(context, self.0.scope_kind, self.0.scope_id).await?;
        let gone = || {
            internal_error(crate::store::StoreError::Unreadable {
                what: "target of a revocation",
            })
        };
        target.ok_or_else(gone)
    }

    /// What caused it: a delivery, an edit or a sweep.
    async fn cause(&self) -> &str {
        &self.0.cause
    }

    /// When the brake started to hold it.
    async fn held_at(&self) -> DateTime {
        DateTime(self.0.decided_at.unwrap_or(self.0.asked_at))
    }
}

impl HeldRevocation {
    /// A placeholder member for a Kisi user whom no source reports: its name and e-mail are the address that Kisi shows, if the user
    /// still exists and has one.
    fn in_place_of(&self, stranger: Option<row::KisiUser>) -> row::Member {
        let email = stranger.map(|stranger| stranger.email);
        let email = email.filter(|email| !email.is_empty());
        let name = email.as_deref().unwrap_or("an unknown Kisi user");
        row::Member {
            id: self.0.member_id,
            club_id: self.0.club_id,
            name: name.to_owned(),
            folded_name: String::new(),
            search: String::new(),
            email,
            problems: None,
            created_at: self.0.asked_at,
            erasure: None,
            erasure_report: None,
        }
    }
}

page::connection!(
    /// A page of held revocations.
    HeldRevocationConnection,
    /// A held revocation and its cursor.
    HeldRevocationEdge,
    HeldRevocation
);
