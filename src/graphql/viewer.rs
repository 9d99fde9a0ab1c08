//! The GraphQL type `Viewer`: the caller of the request. Front ends usually request it first.

use async_graphql::{Context, Enum, Object, Result};

use super::{context, loader, member::Member};

/// Permissions of a token or a member session.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::Role")]
pub enum Role {
    /// Reads and changes everything in the club.
    Admin,
    /// For the server of a front end: reads, opens member sessions, and unlocks doors for members.
    App,
    /// Reads only.
    Reader,
    /// A member session: reads its own member, that member's doors and the reasons for denied access, and unlocks those
    /// doors.
    Member,
}

pub struct Viewer;

/// The caller: the holder of the token or member session of the request.
#[Object(crate = "crate::graphql::resolve")]
impl Viewer {
    /// The caller's role.
    async fn role(&self, context: &Context<'_>) -> Result<Role> {
        Ok(context::caller(context)?.role.into())
    }

    /// Name of the token, given by its creator; null for a member session.
    async fn token_name(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(context::caller(context)?.token_name.clone())
    }

    /// The member of the member session; null for a token.
    pub async fn member(&self, context: &Context<'_>) -> Result<Option<Member>> {
        match context::caller(context)?.member {
            Some(id) => Ok(loader::load(context, loader::MemberKey(id))
                .await?
                .map(Member)),
            None => Ok(None),
        }
    }
}
