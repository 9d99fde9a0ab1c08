//! Who asks, and what a resolver may use: every resolver begins here, and gets the scope of the asker's club, so that no
//! query can reach another's.

use std::sync::Arc;

use async_graphql::{Context, Result};
use uuid::Uuid;

use super::error::{forbidden, internal};
use crate::{
    app::App,
    decide::Evaluations,
    store::{Scope, row::Role},
};

/// Whoever holds the token that a request carries.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The club of the token.
    pub scope: Scope,
    /// What it may do.
    pub role: Role,
    /// The token's name; none for a member session.
    pub token_name: Option<String>,
    /// The member, for a member session.
    pub member: Option<Uuid>,
}

impl Caller {
    /// Whether another look-up of the token found the same club, role and member.
    pub fn is_same(&self, other: &Self) -> bool {
        self.scope.club == other.scope.club
            && self.role == other.role
            && self.member == other.member
    }

    /// How the caller is called in histories.
    pub fn actor(&self) -> String {
        self.token_name
            .clone()
            .unwrap_or_else(|| "a member".to_owned())
    }
}

/// The parts of the service.
pub fn app<'a>(context: &Context<'a>) -> Result<&'a Arc<App>> {
    context
        .data::<Arc<App>>()
        .map_err(|_| internal("no app in the context"))
}

/// What the document has evaluated so far.
pub fn evaluations<'a>(context: &Context<'a>) -> Result<&'a Arc<Evaluations>> {
    context
        .data::<Arc<Evaluations>>()
        .map_err(|_| internal("no evaluations in the context"))
}

/// Who asks.
pub fn caller<'a>(context: &Context<'a>) -> Result<&'a Caller> {
    context
        .data::<Caller>()
        .map_err(|_| internal("no caller in the context"))
}

/// For what ADMIN, APP and READER may read: the scope of the club.
pub fn reads(context: &Context<'_>) -> Result<Scope> {
    let caller = caller(context)?;
    match caller.role {
        Role::Admin | Role::App | Role::Reader => Ok(caller.scope),
        Role::Member => Err(forbidden(
            "a member session sees itself and its doors alone",
        )),
    }
}

/// For what ADMIN alone may do.
pub fn administers<'a>(context: &Context<'a>) -> Result<&'a Caller> {
    let caller = caller(context)?;
    match caller.role {
        Role::Admin => Ok(caller),
        _ => Err(forbidden("this needs a token with the role ADMIN")),
    }
}

/// For what ADMIN and APP may do.
pub fn acts_for_members<'a>(context: &Context<'a>) -> Result<&'a Caller> {
    let caller = caller(context)?;
    match caller.role {
        Role::Admin | Role::App => Ok(caller),
        _ => Err(forbidden("this needs a token with the role ADMIN or APP")),
    }
}

/// For what a member session may read of its own member alone, and the others of any.
pub fn sees(context: &Context<'_>, member: Uuid) -> Result<()> {
    match caller(context)?.member {
        Some(own) if own == member => Ok(()),
        Some(_) => Err(forbidden("a member session sees itself alone")),
        None => reads(context).map(|_| ()),
    }
}
