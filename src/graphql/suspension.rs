//! The GraphQL type `Suspension`: blocks all access of a member.

use async_graphql::{Context, ID, Object, Result};

use super::{loader, member::Member, node, page, scalar::DateTime};
use crate::{id::Kind, store::row};

#[derive(Clone, Debug)]
pub struct Suspension(pub row::Suspension);

impl From<row::Suspension> for Suspension {
    fn from(row: row::Suspension) -> Self {
        Self(row)
    }
}

/// While it is in effect, the member has no access anywhere, whatever the rules and shares say.
#[Object(crate = "crate::graphql::resolve")]
impl Suspension {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Suspension, self.0.id)
    }

    /// The suspended member.
    async fn member(&self, context: &Context<'_>) -> Result<Member> {
        loader::load_required(context, loader::MemberKey(self.0.member_id))
            .await
            .map(Member)
    }

    /// The reason, for the front desk.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// When it ends; null if it lasts until somebody lifts it (resumeMember).
    async fn until(&self) -> Option<DateTime> {
        self.0.until_at.map(DateTime)
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.learned_at)
    }
}

page::connection!(
    /// A page of suspensions.
    SuspensionConnection,
    /// A suspension and its cursor.
    SuspensionEdge,
    Suspension
);
