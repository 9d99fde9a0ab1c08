//! What resolvers read from their context, the caller and the services, and the role checks. Every resolver starts here and gets
//! the scope of the caller's club, so that no query can reach another club's rows.

use std::sync::Arc;

use async_graphql::{Context, Result};
use uuid::Uuid;

use super::error::{forbidden, internal};
use crate::{
    app::App,
    auth::Caller,
    decide::EvaluationBudget,
    store::{ClubScope, row::Role},
};

pub fn app<'a>(context: &Context<'a>) -> Result<&'a Arc<App>> {
    context
        .data::<Arc<App>>()
        .map_err(|_| internal("no app in the context"))
}

/// The evaluations that this document has used so far; they count towards its limit.
pub fn evaluations<'a>(context: &Context<'a>) -> Result<&'a Arc<EvaluationBudget>> {
    context
        .data::<Arc<EvaluationBudget>>()
        .map_err(|_| internal("no evaluations in the context"))
}

pub fn caller<'a>(context: &Context<'a>) -> Result<&'a Caller> {
    context
        .data::<Caller>()
        .map_err(|_| internal("no caller in the context"))
}

/// Requires the role ADMIN, APP, DESK or READER. Returns the scope of the caller's club.
///
/// # Errors
/// FORBIDDEN for a member session.
pub fn require_staff(context: &Context<'_>) -> Result<ClubScope> {
    let caller = caller(context)?;
    match caller.role {
        Role::Admin | Role::App | Role::Desk | Role::Reader => Ok(caller.scope),
        Role::Member => Err(forbidden(
            "a member session can read only its own member and that member's doors",
        )),
    }
}

/// Requires the role ADMIN.
///
/// # Errors
/// FORBIDDEN for every other role.
pub fn require_admin<'a>(context: &Context<'a>) -> Result<&'a Caller> {
    let caller = caller(context)?;
    match caller.role {
        Role::Admin => Ok(caller),
        _ => Err(forbidden("this needs a token with the role ADMIN")),
    }
}

/// Requires the role ADMIN or DESK.
///
/// # Errors
/// FORBIDDEN for every other role.
pub fn require_admin_or_desk<'a>(context: &Context<'a>) -> Result<&'a Caller> {
    let caller = caller(context)?;
    match caller.role {
        Role::Admin | Role::Desk => Ok(caller),
        _ => Err(forbidden("this needs a token with the role ADMIN or DESK")),
    }
}

/// Requires the role ADMIN or APP.
///
/// # Errors
/// FORBIDDEN for every other role.
pub fn require_admin_or_app<'a>(context: &Context<'a>) -> Result<&'a Caller> {
    let caller = caller(context)?;
    match caller.role {
        Role::Admin | Role::App => Ok(caller),
        _ => Err(forbidden("this needs a token with the role ADMIN or APP")),
    }
}

/// Requires a staff token (ADMIN, APP, DESK or READER) or the session of this member.
///
/// # Errors
/// FORBIDDEN for the session of another member.
pub fn require_self_or_staff(context: &Context<'_>, member: Uuid) -> Result<()> {
    match caller(context)?.member {
        Some(own) if own == member => Ok(()),
        Some(_) => Err(forbidden("a member session can read only its own member")),
        None => require_staff(context).map(|_| ()),
    }
}
