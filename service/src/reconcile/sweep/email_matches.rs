//! Finds the users and members that hold unknown assignments, by Kisi's user id or by exact e-mail. Called by the sweep and by
//! the preview of managing a group.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::{
    clock::new_id,
    kisi::Assignment,
    store::{ClubScope, Connection, StoreError, grants, members, row, sweep},
};

/// The stored users that hold these assignments.
pub async fn known_users(
    connection: &impl Connection,
    scope: ClubScope,
    account: Uuid,
    unknown: &[Assignment],
) -> Result<Vec<row::KisiUser>, StoreError> {
    let ids: BTreeSet<i64> = unknown.iter().filter_map(|row| row.user_id).collect();
    let ids: Vec<i64> = ids.into_iter().collect();
    sweep::users_by_kisi_ids(connection, scope, account, &ids).await
}

/// Members found by e-mail whose Kisi user was not known, as user rows with its Kisi id, not stored yet. `users` are the known
/// users.
pub async fn match_by_email(
    connection: &impl Connection,
    scope: ClubScope,
    account: Uuid,
    unknown: &[Assignment],
    users: &[row::KisiUser],
) -> Result<Vec<row::KisiUser>, StoreError> {
    let known_ids: BTreeSet<i64> = users
        .iter()
        .filter(|user| user.member_id != user.id)
        .filter_map(|user| user.kisi_id)
        .collect();
    let mut by_email: BTreeMap<String, i64> = BTreeMap::new();
    for row in unknown {
        let email = row.email.trim().to_lowercase();
        if let Some(id) = row.user_id.filter(|id| !known_ids.contains(id))
            && !email.is_empty()
        {
            by_email.insert(email, id);
        }
    }
    let emails: Vec<String> = by_email.keys().cloned().collect();
    let members = members::by_emails(connection, scope, &emails).await?;
    let ids: Vec<Uuid> = members.iter().map(|member| member.id).collect();
    let mut stored = grants::users_in(connection, scope, account, &ids).await?;
    let mut matched = Vec::new();
    for member in members {
        let Some(email) = member.email else { continue };
        let Some(kisi_id) = by_email.get(&email).copied() else {
            continue;
        };
        let is_same = |user: &row::KisiUser| user.member_id == member.id && user.email == email;
        let place = stored.iter().position(is_same);
        let user = match place.map(|place| stored.swap_remove(place)) {
            // The loop is looking this user up, or Kisi has two users with one e-mail.
            Some(user) if user.sent || user.kisi_id.is_some() => continue,
            Some(user) => row::KisiUser {
                kisi_id: Some(kisi_id),
                problem: None,
                ..user
            },
            None => row::KisiUser {
                id: new_id(),
                club_id: scope.club,
                account_id: account,
                member_id: member.id,
                email,
                kisi_id: Some(kisi_id),
                sent: false,
                problem: None,
            },
        };
        matched.push(user);
    }
    Ok(matched)
}
