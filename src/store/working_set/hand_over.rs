//! Moves what Kisi holds, and what was given by hand, from one member to another: to the member whom somebody turned out to be,
//! and with an address to the member whose it is now. Whatever works on either member meanwhile plans again: both are due.

use std::collections::{BTreeSet, HashMap};

use entity::{kisi_grant, kisi_user, member, share, suspension};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, sea_query::Expr};
use uuid::Uuid;

use super::{HandOver, load::among};
use crate::store::{
    Scope, StoreError,
    grants::{self, Holder},
};

/// Moves all that is one member's to the member that it turned out to be.
pub(super) async fn merge(
    connection: &impl ConnectionTrait,
    scope: Scope,
    from: Uuid,
    to: Uuid,
) -> Result<(), StoreError> {
    macro_rules! follow {
        ($table:ident) => {
            scope
                .update::<$table::Entity>()
                .col_expr($table::Column::MemberId, Expr::value(to))
                .filter($table::Column::MemberId.eq(from))
                .exec(connection)
                .await?;
        };
    }
    follow!(share);
    follow!(suspension);
    let mut users = users_of(connection, scope, [from, to]).await?;
    for index in 0..users.len() {
        give(connection, scope, &mut users, index, (&[from].into(), to)).await?;
    }
    follow!(kisi_grant);
    scope
        .delete::<member::Entity>()
        .filter(member::Column::Id.eq(from))
        .exec(connection)
        .await?;
    Ok(())
}

/// Gives the users in Kisi who bear an address, with their assignments, to the member whose it is now.
pub(super) async fn addresses(
    connection: &impl ConnectionTrait,
    scope: Scope,
    hand_overs: &[HandOver],
) -> Result<(), StoreError> {
    let members = hand_overs.iter();
    let members = members.flat_map(|one| one.from.iter().copied().chain([one.to]));
    let members: BTreeSet<Uuid> = members.collect();
    let mut users = users_of(connection, scope, members).await?;
    let to: HashMap<&str, &HandOver> = hand_overs
        .iter()
        .map(|one| (one.email.as_str(), one))
        .collect();
    for index in 0..users.len() {
        let email = users.get(index).map(|user| user.email.as_str());
        if let Some(one) = email.and_then(|email| to.get(email)) {
            give(connection, scope, &mut users, index, (&one.from, one.to)).await?;
        }
    }
    Ok(())
}

async fn users_of(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<kisi_user::Model>, StoreError> {
    let users = scope.among::<kisi_user::Entity>();
    among(connection, users, kisi_user::Column::MemberId, members).await
}

/// Gives a user in Kisi, if it is one of these members', to another one, who may have the same one already; the assignments go
/// with it.
async fn give(
    connection: &impl ConnectionTrait,
    scope: Scope,
    users: &mut [kisi_user::Model],
    index: usize,
    (from, to): (&BTreeSet<Uuid>, Uuid),
) -> Result<(), StoreError> {
    let Some(user) = users.get(index).cloned() else {
        return Ok(());
    };
    if !from.contains(&user.member_id) {
        return Ok(());
    }
    let same = users.iter().find(|other| {
        other.member_id == to && other.account_id == user.account_id && other.email == user.email
    });
    let same = same.map(|same| same.id);
    let holder = Holder {
        member: user.member_id,
        user: user.id,
    };
    let new = Holder {
        member: to,
        user: same.unwrap_or(user.id),
    };
    grants::give(connection, scope, holder, new).await?;
    if same.is_some() {
        scope
            .delete::<kisi_user::Entity>()
            .filter(kisi_user::Column::Id.eq(user.id))
            .exec(connection)
            .await?;
        return Ok(());
    }
    scope
        .update::<kisi_user::Entity>()
        .col_expr(kisi_user::Column::MemberId, Expr::value(to))
        .filter(kisi_user::Column::Id.eq(user.id))
        .exec(connection)
        .await?;
    if let Some(user) = users.get_mut(index) {
        user.member_id = to;
    }
    Ok(())
}
