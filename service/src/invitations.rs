//! Who has not accepted Kisi's invitation, as far as Kisi tells, and the invitation again. Reads Kisi when it is asked, because a
//! person accepts at Kisi and no event tells.

use std::collections::HashMap;

use access::Instant;
use uuid::Uuid;

use crate::{
    app::App,
    kisi::{Client, Lane, User},
    reconcile::take_over::ReadError,
    secret::SecretKind,
    store::{ClubScope, StoreError, lookup, row, sweep},
};

/// What Kisi tells about an invitation that was not accepted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// The e-mail address is not confirmed: the person cannot open doors by the app.
    NotConfirmed,
    /// The person has never signed in or opened a door.
    NeverUsed,
}

/// A member who has not accepted.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub member: row::Member,
    pub kisi_user: i64,
    pub pending: Pending,
    /// When the user was created in Kisi; none if Kisi does not say.
    pub invited_at: Option<Instant>,
}

/// Why nothing could be told or sent.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    #[error(transparent)]
    Kisi(#[from] ReadError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What Kisi tells about a user; none if they accepted, or if Kisi does not tell.
fn pending_of(user: &User) -> Option<Pending> {
    if user.confirmed == Some(false) {
        return Some(Pending::NotConfirmed);
    }
    let is_unused = user.last_accessed_at == Some(None);
    is_unused.then_some(Pending::NeverUsed)
}

/// The members of an account who have not accepted, by name. Reads all users of the organization, a hundred with each call.
pub async fn pending(
    app: &App,
    scope: ClubScope,
    account: &row::KisiAccount,
) -> Result<Vec<Invitation>, InvitationError> {
    let users = client(app, account)?.users().await;
    let users = users.map_err(ReadError::from)?;
    let pending = users.iter().filter(|user| pending_of(user).is_some());
    let ids: Vec<i64> = pending.map(|user| user.id).collect();
    let db = app.db.read();
    let rows = sweep::users_by_kisi_ids(db, scope, account.id, &ids).await?;
    let member_of = |row: &row::KisiUser| Some((row.kisi_id?, row.member_id));
    let members: HashMap<i64, Uuid> = rows.iter().filter_map(member_of).collect();
    let all = lookup::by_ids::<row::Member>(db, scope, members.values()).await?;
    let all: HashMap<Uuid, row::Member> = all.into_iter().map(|row| (row.id, row)).collect();
    let mut invitations: Vec<Invitation> = users
        .iter()
        .filter_map(|user| {
            Some(Invitation {
                member: all.get(members.get(&user.id)?)?.clone(),
                kisi_user: user.id,
                pending: pending_of(user)?,
                invited_at: user.created_at.map(Instant::from_timestamp),
            })
        })
        .collect();
    invitations.sort_by(|a, b| (&a.member.name, a.kisi_user).cmp(&(&b.member.name, b.kisi_user)));
    Ok(invitations)
}

/// Has Kisi send its e-mail about an assignment again, and nothing at later changes of it.
pub async fn send_again(
    app: &App,
    account: &row::KisiAccount,
    assignment: i64,
) -> Result<(), ReadError> {
    let client = client(app, account)?;
    client.set_notify(assignment, true).await?;
    client.set_notify(assignment, false).await?;
    Ok(())
}

fn client(app: &App, account: &row::KisiAccount) -> Result<Client, ReadError> {
    let kind = SecretKind::KisiCredentials;
    let key = app.sealer.open(kind, account.id, &account.credentials)?;
    let client = app.kisi.for_user(account.kisi_user_id, key);
    Ok(client.in_lane(Lane::Soon).patient())
}
