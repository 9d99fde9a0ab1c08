//! A suspension: nobody who bears one passes anywhere.

use async_graphql::{Context, ID, Object, Result};

use super::{loader, member::Member, node, scalar::DateTime};
use crate::{id::Kind, store::row};

/// A suspension, by its row.
#[derive(Clone, Debug)]
pub struct Suspension(pub row::Suspension);

impl From<row::Suspension> for Suspension {
    fn from(row: row::Suspension) -> Self {
        Self(row)
    }
}

/// While it lasts, the member may pass nowhere, whatever the rules and shares say.
#[Object(crate = "crate::graphql::prompt")]
impl Suspension {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Suspension, self.0.id)
    }

    /// Who is suspended.
    async fn member(&self, context: &Context<'_>) -> Result<Member> {
        loader::needed(context, loader::MemberKey(self.0.member_id))
            .await
            .map(Member)
    }

    /// Why, for the desk.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Until when it lasts; null: until the member is resumed.
    async fn until(&self) -> Option<DateTime> {
        self.0.until_at.map(DateTime)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.learned_at)
    }
}
