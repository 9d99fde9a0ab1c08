//! Moves Kisi users and grants, shares, suspensions and what was told about them from one member to another: when two members are merged, and when an
//! e-mail address now belongs to another member. The caller marks both members due, so that work in progress on either of
//! them is planned again.

use crate::bulk::select_by_ids;
use std::collections::{BTreeSet, HashMap};

use entity::{history, kisi_grant, kisi_user, member, share, suspension, webhook_message};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, sea_query::Expr};
use uuid::Uuid;

use super::HandOver;
use crate::{
    ClubScope, StoreError,
    grants::{self, Holder},
};

/// Moves everything of one member to another and deletes the first member.
pub(super) async fn merge(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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
    // What is erased or exported later is found by the member.
    follow!(history);
    follow!(webhook_message);
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

/// Moves the Kisi users with a handed-over address, with their grants, to the address's new member.
pub(super) async fn addresses(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    hand_overs: &[HandOver],
) -> Result<(), StoreError> {
    let members = hand_overs.iter();
    let members =
        members.flat_map(|hand_over| hand_over.from.iter().copied().chain([hand_over.to]));
    let members: BTreeSet<Uuid> = members.collect();
    let mut users = users_of(connection, scope, members).await?;
    let to: HashMap<&str, &HandOver> = hand_overs
        .iter()
        .map(|hand_over| (hand_over.email.as_str(), hand_over))
        .collect();
    for index in 0..users.len() {
        let email = users.get(index).map(|user| user.email.as_str());
        if let Some(hand_over) = email.and_then(|email| to.get(email)) {
            give(
                connection,
                scope,
                &mut users,
                index,
                (&hand_over.from, hand_over.to),
            )
            .await?;
        }
    }
    Ok(())
}

async fn users_of(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<kisi_user::Model>, StoreError> {
    let users = scope.find_for_ids::<kisi_user::Entity>();
    select_by_ids(connection, users, kisi_user::Column::MemberId, members).await
}

/// Moves one Kisi user, if it belongs to one of the `from` members, to another member, with its grants. If that member already
/// has a user with the same account and e-mail, the grants move to that one and the moved user is deleted.
async fn give(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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
    grants::transfer(connection, scope, holder, new).await?;
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
