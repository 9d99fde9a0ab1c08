//! The GraphQL type `Viewer`: the caller of the request. Front ends usually request it first.

use async_graphql::{Context, Enum, Object, Result, registry::MetaType};

use super::{context, loader, member::Member, roles, scalar::DateTime};

/// Permissions of a token or a member session.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::Role")]
pub enum Role {
    /// Reads and changes everything in the club.
    Admin,
    /// For the server of a front end: reads, opens member sessions, and unlocks doors for members.
    App,
    /// For the front desk: reads, unlocks doors for members, shares access for at most a day, and suspends members.
    Desk,
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

    /// When the token or the member session expires; null for a token that does not.
    async fn expires_at(&self, context: &Context<'_>) -> Result<Option<DateTime>> {
        Ok(context::caller(context)?.expires_at.map(DateTime))
    }

    /// The names of the queries that the caller may use.
    async fn queries(&self, context: &Context<'_>) -> Result<Vec<String>> {
        permitted(context, "Query")
    }

    /// The names of the mutations that the caller may use. What they permit can depend on the role, see their descriptions.
    async fn mutations(&self, context: &Context<'_>) -> Result<Vec<String>> {
        permitted(context, "Mutation")
    }

    /// The names of the subscriptions that the caller may use.
    async fn subscriptions(&self, context: &Context<'_>) -> Result<Vec<String>> {
        permitted(context, "Subscription")
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

/// The fields of a root that the caller may use, in the order of the schema.
fn permitted(context: &Context<'_>, root: &str) -> Result<Vec<String>> {
    let role = context::caller(context)?.role;
    let kind = context.schema_env.registry.types.get(root);
    let fields = kind.and_then(MetaType::fields).into_iter().flatten();
    let names = fields.map(|(name, _)| name);
    let permitted = names.filter(|name| !name.starts_with("__") && roles::may(role, root, name));
    Ok(permitted.cloned().collect())
}
