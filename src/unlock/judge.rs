//! What is known before a press: the decision, whether the club lets this member press at all, and whether Kisi holds the
//! right too, so that it can be asked in the member's name. Reads only.

use std::sync::Arc;

use access::{Decision, Instant, Target, holds_membership};
use uuid::Uuid;

use crate::{
    decide::{Deciding, Layout, Premises, id},
    store::{
        Connection, Scope, StoreError, clubs,
        facts::Known,
        grants,
        row::{self, GrantState, Intent, ScopeKind, UnlockVisibility},
    },
};

/// See the module.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What the decision hangs on.
    pub premises: Arc<Premises>,
    /// Whether the member may pass, and why.
    pub decision: Decision,
    /// False where the club lets only people with an active membership unlock from a front end, and this is none.
    pub is_visible: bool,
    /// Our row of the person in Kisi in whose name Kisi is asked; none: by the account's key.
    pub kisi_user: Option<Uuid>,
}

/// Judges a member at a lock, at an instant.
pub async fn judge(
    connection: &impl Connection,
    scope: Scope,
    lock: &row::Lock,
    member: &row::Member,
    (at, known): (Instant, Known),
) -> Result<Judged, StoreError> {
    let Deciding {
        premises,
        mut holdings,
    } = Deciding::load(connection, scope, &[member.id], known).await?;
    let facts = holdings.remove(&member.id).unwrap_or_default().facts;
    let decision = premises.decide(&facts, Target::Lock(id(lock.id)), at);
    let club = clubs::get(connection, scope).await?;
    let anybody = club.is_some_and(|club| club.unlock_visibility == UnlockVisibility::Public);
    let kisi_user = if decision.allowed {
        held_by_kisi(connection, scope, &premises, lock, member, at).await?
    } else {
        None
    };
    Ok(Judged {
        is_visible: anybody || holds_membership(&facts, at),
        premises: Arc::new(premises),
        decision,
        kisi_user,
    })
}

/// Who the member is in Kisi, where an assignment of ours opens this lock there at this instant, for all we know.
async fn held_by_kisi(
    connection: &impl Connection,
    scope: Scope,
    premises: &Premises,
    lock: &row::Lock,
    member: &row::Member,
    at: Instant,
) -> Result<Option<Uuid>, StoreError> {
    let held = grants::grants_in(connection, scope, lock.account_id, &[member.id]).await?;
    let open: Vec<Uuid> = opening(&premises.layout, lock, &held, at)
        .map(|grant| grant.kisi_user_id)
        .collect();
    if open.is_empty() {
        return Ok(None);
    }
    let mut users = grants::users_in(connection, scope, lock.account_id, &[member.id]).await?;
    users.retain(|user| user.kisi_id.is_some() && open.contains(&user.id));
    // Whoever has changed the address may be there twice for a while.
    users.sort_by_key(|user| Some(&user.email) != member.email.as_ref());
    Ok(users.first().map(|user| user.id))
}

/// Those of a member's assignments that open a lock in Kisi at an instant, for all we know.
pub fn opening<'a>(
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
