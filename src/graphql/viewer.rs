//! Whoever holds the token that a request carries. The first thing that a front end asks for.

use async_graphql::{Context, Enum, Object, Result};

use super::{context, loader, member::Member};

/// What a token or a member session may do.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::Role")]
pub enum Role {
    /// Reads and changes everything in the club.
    Admin,
    /// A front end's own server: reads, opens member sessions, unlocks for members.
    App,
    /// Reads only.
    Reader,
    /// One member, by a member session alone: sees itself, its doors and why they are shut, and
    /// unlocks them.
    Member,
}

/// Answers from the caller of the request.
pub struct Viewer;

/// Whoever holds the token that the request carries.
#[Object(crate = "crate::graphql::prompt")]
impl Viewer {
    /// What the caller may do.
    async fn role(&self, context: &Context<'_>) -> Result<Role> {
        Ok(context::caller(context)?.role.into())
    }

    /// The token's name, as its creator gave it; null for a member session.
    async fn token_name(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(context::caller(context)?.token_name.clone())
    }

    /// The member, where the request carries a member session; else null.
    pub async fn member(&self, context: &Context<'_>) -> Result<Option<Member>> {
        match context::caller(context)?.member {
            Some(id) => Ok(loader::one(context, loader::MemberKey(id))
                .await?
                .map(Member)),
            None => Ok(None),
        }
    }
}
