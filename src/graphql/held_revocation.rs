//! What the brake holds back: whose access, where, and what would have taken it.

use async_graphql::{Context, ID, Object, Result};

use super::{
    access_event::{AccessScope, scope_of},
    error::inside,
    loader,
    member::Member,
    node, page,
    scalar::DateTime,
};
use crate::{id::Kind, store::row};

/// A revocation that waits for an admin, by its row.
#[derive(Clone, Debug)]
pub struct HeldRevocation(pub row::Revocation);

impl From<row::Revocation> for HeldRevocation {
    fn from(row: row::Revocation) -> Self {
        Self(row)
    }
}

/// A revocation that the brake holds until an admin approves or dismisses it.
#[Object(crate = "crate::graphql::prompt")]
impl HeldRevocation {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::HeldRevocation, self.0.id)
    }

    /// Whose access it would take.
    async fn member(&self, context: &Context<'_>) -> Result<Member> {
        if let Some(member) = loader::one(context, loader::MemberKey(self.0.member_id)).await? {
            return Ok(Member(member));
        }
        let stranger = loader::one(context, loader::StrangerKey(self.0.member_id)).await?;
        Ok(Member(self.in_place_of(stranger)))
    }

    /// Where it would take it.
    async fn target(&self, context: &Context<'_>) -> Result<AccessScope> {
        let target = scope_of(context, self.0.scope_kind, self.0.scope_id).await?;
        let gone = || {
            inside(crate::store::StoreError::Unreadable {
                what: "target of a revocation",
            })
        };
        target.ok_or_else(gone)
    }

    /// What would take it: a delivery, an edit, a sweep.
    async fn cause(&self) -> &str {
        &self.0.cause
    }

    /// Since when it waits.
    async fn held_at(&self) -> DateTime {
        DateTime(self.0.decided_at.unwrap_or(self.0.asked_at))
    }
}

impl HeldRevocation {
    /// A stranger is no member: nothing is known but what Kisi shows, and nothing at all of one who has gone meanwhile.
    fn in_place_of(&self, stranger: Option<row::KisiUser>) -> row::Member {
        let email = stranger.map(|stranger| stranger.email);
        row::Member {
            id: self.0.member_id,
            club_id: self.0.club_id,
            name: "a stranger in Kisi".to_owned(),
            folded_name: String::new(),
            search: String::new(),
            email: email.filter(|email| !email.is_empty()),
            problems: None,
            created_at: self.0.asked_at,
        }
    }
}

page::connection!(
    /// Held revocations, a page of them.
    HeldRevocationConnection,
    /// One of the list, with its cursor.
    HeldRevocationEdge,
    HeldRevocation
);
