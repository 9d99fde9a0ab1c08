//! Queries of the sweep: the grants of one scope, Kisi users, missed grants, and the members to evaluate. Strangers (Kisi users
//! without a member) are stored as users whose member id is their own id, so that the brake, the plan and the executor treat
//! their assignments like those of members. Called by the sweep, and by the API for strangers.

use crate::bulk::select_by_ids;
use std::collections::{BTreeMap, BTreeSet};

use entity::{
    access_group, due, history,
    kind::{HistoryKind, Intent, ScopeKind},
    kisi_grant, kisi_user, member,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};
use uuid::Uuid;

use super::{
    ClubScope, StoreError,
    bulk::{self, MOST_VALUES},
    grants,
};

/// All grants of one scope of an account, including those that are still being created in Kisi.
pub async fn grants_at(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    at: (ScopeKind, Uuid),
) -> Result<Vec<kisi_grant::Model>, StoreError> {
    Ok(scope
        .find::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::AccountId.eq(account))
        .filter(kisi_grant::Column::ScopeKind.eq(at.0))
        .filter(kisi_grant::Column::ScopeId.eq(at.1))
        .all(connection)
        .await?)
}

/// The scopes of an account wider than a group (its places and the account itself) that have a grant.
pub async fn shared_scopes(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<Vec<(ScopeKind, Uuid)>, StoreError> {
    Ok(scope
        .find::<kisi_grant::Entity>()
        .select_only()
        .columns([kisi_grant::Column::ScopeKind, kisi_grant::Column::ScopeId])
        .distinct()
        .filter(kisi_grant::Column::AccountId.eq(account))
        .filter(kisi_grant::Column::ScopeKind.is_in([ScopeKind::Place, ScopeKind::Account]))
        .into_tuple()
        .all(connection)
        .await?)
}

/// The stored users with these Kisi ids, of members and of strangers.
pub async fn users_by_kisi_ids(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    kisi_ids: &[i64],
) -> Result<Vec<kisi_user::Model>, StoreError> {
    let mut users = Vec::new();
    for chunk in kisi_ids.chunks(MOST_VALUES) {
        let rows = scope
            .find::<kisi_user::Entity>()
            .filter(kisi_user::Column::AccountId.eq(account))
            .filter(kisi_user::Column::KisiId.is_in(chunk.iter().copied()));
        users.extend(rows.all(connection).await?);
    }
    Ok(users)
}

pub async fn strangers(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<Vec<kisi_user::Model>, StoreError> {
    let own = Expr::col(kisi_user::Column::MemberId).eq(Expr::col(kisi_user::Column::Id));
    let select = scope.find::<kisi_user::Entity>().filter(own);
    select_by_ids(connection, select, kisi_user::Column::Id, ids).await
}

/// The Kisi users with these ids, of members and of strangers.
pub async fn users(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<Vec<kisi_user::Model>, StoreError> {
    let select = scope.find_for_ids::<kisi_user::Entity>();
    select_by_ids(connection, select, kisi_user::Column::Id, ids).await
}

/// Records since when Kisi's list misses these grants or shows them differently; `None`: the list shows them correctly.
/// Grants with an intent are left out, because a call is changing them.
pub async fn set_missed(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    grants: &[Uuid],
    at: Option<i64>,
) -> Result<(), StoreError> {
    for chunk in grants.chunks(MOST_VALUES) {
        scope
            .update::<kisi_grant::Entity>()
            .col_expr(kisi_grant::Column::MissedAt, Expr::value(at))
            .filter(kisi_grant::Column::Id.is_in(chunk.iter().copied()))
            .filter(kisi_grant::Column::Intent.eq(Intent::None))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Stores a grant's validity window as read from Kisi. False if the grant was changed here since it was read.
pub async fn store_window(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    grant: &kisi_grant::Model,
    (from, until): (Option<i64>, Option<i64>),
) -> Result<bool, StoreError> {
    let updated = scope
        .update::<kisi_grant::Entity>()
        .col_expr(kisi_grant::Column::ValidFrom, Expr::value(from))
        .col_expr(kisi_grant::Column::ValidUntil, Expr::value(until))
        .col_expr(
            kisi_grant::Column::MissedAt,
            Expr::value(Option::<i64>::None),
        )
        // `AskedDiffers` described the result of our request; this window is not that result any more.
        .col_expr(kisi_grant::Column::AskedDiffers, Expr::value(false))
        .filter(kisi_grant::Column::Id.eq(grant.id))
        .filter(kisi_grant::Column::Intent.eq(Intent::None))
        .filter(kisi_grant::Column::ConfirmedAt.eq(grant.confirmed_at))
        .exec(connection)
        .await?;
    Ok(updated.rows_affected > 0)
}

/// Stores assignments that were found in Kisi, with the strangers who hold them.
pub async fn insert_discovered(
    connection: &impl ConnectionTrait,
    strangers: Vec<kisi_user::Model>,
    grants: Vec<kisi_grant::Model>,
) -> Result<(), StoreError> {
    bulk::insert(connection, strangers).await?;
    bulk::insert(connection, grants).await
}

/// The members and strangers with a grant in these groups that others created.
pub async fn external_holders(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    groups: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    Ok(scope
        .find::<kisi_grant::Entity>()
        .select_only()
        .column(kisi_grant::Column::MemberId)
        .distinct()
        .filter(kisi_grant::Column::External.eq(true))
        .filter(kisi_grant::Column::ScopeId.is_in(groups.iter().copied()))
        .into_tuple()
        .all(connection)
        .await?)
}

/// The number of times that drift was found in one scope after `since`, by member; of `members`, or of all if `None`.
pub async fn drifts(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    target: Uuid,
    members: Option<&[Uuid]>,
    since: i64,
) -> Result<BTreeMap<Uuid, i64>, StoreError> {
    let drifts = scope
        .find::<history::Entity>()
        .select_only()
        .column(history::Column::MemberId)
        .column_as(history::Column::Id.count(), "times")
        .filter(history::Column::Kind.eq(HistoryKind::DriftFound))
        .filter(history::Column::TargetId.eq(target))
        .filter(history::Column::At.gt(since))
        .group_by(history::Column::MemberId);
    let chunks = members.map(|members| members.chunks(MOST_VALUES));
    let mut times = BTreeMap::new();
    let parts = match chunks {
        None => vec![drifts],
        Some(chunks) => chunks
            .map(|chunk| {
                let among = history::Column::MemberId.is_in(chunk.iter().copied());
                drifts.clone().filter(among)
            })
            .collect(),
    };
    for part in parts {
        let rows: Vec<(Option<Uuid>, i64)> = part.into_tuple().all(connection).await?;
        times.extend(
            rows.into_iter()
                .filter_map(|(member, count)| Some((member?, count))),
        );
    }
    Ok(times)
}

/// Sets or clears the problem text of a group.
pub async fn set_problem(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    group: Uuid,
    problem: Option<String>,
) -> Result<(), StoreError> {
    scope
        .update::<access_group::Entity>()
        .col_expr(access_group::Column::Problem, Expr::value(problem))
        .filter(access_group::Column::Id.eq(group))
        .exec(connection)
        .await?;
    Ok(())
}

/// The ids of all members of the club and of the strangers with a grant in the account, ascending.
pub async fn all_holders(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<Vec<Uuid>, StoreError> {
    let members = scope
        .find::<member::Entity>()
        .select_only()
        .column(member::Column::Id);
    let holders = scope
        .find::<kisi_grant::Entity>()
        .select_only()
        .column(kisi_grant::Column::MemberId)
        .distinct()
        .filter(kisi_grant::Column::AccountId.eq(account));
    let mut all: BTreeSet<Uuid> = BTreeSet::new();
    all.extend(members.into_tuple::<Uuid>().all(connection).await?);
    all.extend(holders.into_tuple::<Uuid>().all(connection).await?);
    Ok(all.into_iter().collect())
}

/// Members with a grant that has an intent, so that its state in Kisi is unknown, but without open work to resolve it.
pub async fn unresolved(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<Vec<Uuid>, StoreError> {
    let open = Query::select()
        .column(due::Column::MemberId)
        .from(due::Entity)
        .and_where(due::Column::AccountId.eq(account))
        .and_where(Expr::col(due::Column::Generation).gt(Expr::col(due::Column::SettledGeneration)))
        .to_owned();
    Ok(scope
        .find::<kisi_grant::Entity>()
        .select_only()
        .column(kisi_grant::Column::MemberId)
        .distinct()
        .filter(kisi_grant::Column::AccountId.eq(account))
        .filter(kisi_grant::Column::Intent.ne(Intent::None))
        .filter(kisi_grant::Column::MemberId.not_in_subquery(open))
        .into_tuple()
        .all(connection)
        .await?)
}

/// Deletes an account's strangers that have no grant left, and their due rows.
pub async fn forget_strangers(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<(), StoreError> {
    let holding = Query::select()
        .column(kisi_grant::Column::KisiUserId)
        .from(kisi_grant::Entity)
        .and_where(kisi_grant::Column::AccountId.eq(account))
        .to_owned();
    let own = Expr::col(kisi_user::Column::MemberId).eq(Expr::col(kisi_user::Column::Id));
    let done: Vec<Uuid> = scope
        .find::<kisi_user::Entity>()
        .select_only()
        .column(kisi_user::Column::Id)
        .filter(kisi_user::Column::AccountId.eq(account))
        .filter(own)
        .filter(kisi_user::Column::Id.not_in_subquery(holding))
        .into_tuple()
        .all(connection)
        .await?;
    grants::forget_strangers(connection, scope, &done).await
}
