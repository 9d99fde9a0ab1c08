//! The checks before an unlock: the access decision, whether the club lets this member unlock at all, and whether Kisi also
//! grants the door, so that it can be called as the member. Read-only.

use std::sync::Arc;

use access::{Decision, Instant, Target, has_active_membership};
use uuid::Uuid;

use crate::{
    decide::{AccessContext, Layout, MemberDecisions},
    store::{
        ClubScope, Connection, StoreError, clubs,
        convert::id,
        facts::AsOf,
        grants,
        row::{self, GrantState, Intent, ScopeKind, UnlockVisibility},
    },
};

/// The result of the checks.
#[derive(Clone, Debug)]
pub struct UnlockCheck {
    /// The data that the decision is based on.
    pub access_context: Arc<AccessContext>,
    pub decision: Decision,
    /// False if the club restricts unlocking to people with an active membership, and the member has none.
    pub is_visible: bool,
    /// The Kisi user as which Kisi is called; `None` to use the key of the account.
    pub kisi_user: Option<Uuid>,
}

/// Runs the checks for a member and a lock at an instant.
pub async fn check(
    connection: &impl Connection,
    scope: ClubScope,
    lock: &row::Lock,
    member: &row::Member,
    (at, known): (Instant, AsOf),
) -> Result<UnlockCheck, StoreError> {
    let MemberDecisions {
        access_context,
        mut holdings,
    } = MemberDecisions::load(connection, scope, &[member.id], known).await?;
    let facts = holdings.remove(&member.id).unwrap_or_default().facts;
    let decision = access_context.decide(&facts, Target::Lock(id(lock.id)), at);
    let club = clubs::get(connection, scope).await?;
    let anybody = club.is_some_and(|club| club.unlock_visibility == UnlockVisibility::Public);
    let kisi_user = if decision.allowed {
        kisi_user_with_access(connection, scope, &access_context, lock, member, at).await?
    } else {
        None
    };
    Ok(UnlockCheck {
        is_visible: anybody || has_active_membership(&facts, at),
        access_context: Arc::new(access_context),
        decision,
        kisi_user,
    })
}

/// The Kisi user of the member, if an assignment of this service opens the lock at this instant according to the database.
async fn kisi_user_with_access(
    connection: &impl Connection,
    scope: ClubScope,
    access_context: &AccessContext,
    lock: &row::Lock,
    member: &row::Member,
    at: Instant,
) -> Result<Option<Uuid>, StoreError> {
    let assignments = grants::grants_in(connection, scope, lock.account_id, &[member.id]).await?;
    let open: Vec<Uuid> = assignments_opening(&access_context.layout, lock, &assignments, at)
        .map(|grant| grant.kisi_user_id)
        .collect();
    if open.is_empty() {
        return Ok(None);
    }
    let mut users = grants::users_in(connection, scope, lock.account_id, &[member.id]).await?;
    users.retain(|user| user.kisi_id.is_some() && open.contains(&user.id));
    // A member whose e-mail address changed may have two users for a while; the current address first.
    users.sort_by_key(|user| Some(&user.email) != member.email.as_ref());
    Ok(users.first().map(|user| user.id))
}

/// The assignments among `held` that open the lock in Kisi at an instant, according to the database.
pub fn assignments_opening<'a>(
    layout: &'a Layout,
    lock: &'a row::Lock,
    held: &'a [row::Grant],
    at: Instant,
) -> impl Iterator<Item = &'a row::Grant> {
    let covers = |grant: &row::Grant| match grant.scope_kind {
        ScopeKind::Group => layout
            .groups_of(lock.id)
            .any(|group| group.id == grant.scope_id),
        ScopeKind::Lock => grant.scope_id == lock.id,
        ScopeKind::Place => Some(grant.scope_id) == lock.place_id,
        ScopeKind::Account => grant.scope_id == lock.account_id,
    };
    let is_sure = |grant: &row::Grant| {
        grant.kisi_id.is_some()
            && grant.intent == Intent::None
            && grant.missed_at.is_none()
            && matches!(grant.state, GrantState::Confirmed | GrantState::Held)
    };
    let is_in_time = move |grant: &row::Grant| {
        grant.valid_from.is_none_or(|from| from <= at.micros())
            && grant.valid_until.is_none_or(|until| at.micros() < until)
    };
    held.iter()
        .filter(move |grant| covers(grant) && is_sure(grant) && is_in_time(grant))
}
