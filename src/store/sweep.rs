//! What the sweep compares and writes down: the grants of one scope, who is who in Kisi, what was missed, who is to be
//! looked at. Strangers are kept as users that are their own members, so that the brake, the plan and the executor treat
//! their assignments as everybody's. Called by the sweep, and by the API for the strangers.

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
    Scope, StoreError,
    bulk::{self, MOST_VALUES},
    facts::among,
    grants,
};

/// Every grant of one scope of an account, in Kisi or on its way.
pub async fn grants_at(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// The places of an account, and the account itself, where something is shared.
pub async fn shared_scopes(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Who these users of Kisi are here: members, or strangers met before.
pub async fn users_by_kisi_ids(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    kisi_ids: &[i64],
) -> Result<Vec<kisi_user::Model>, StoreError> {
    let mut users = Vec::new();
    for chunk in kisi_ids.chunks(MOST_VALUES) {
        let some = scope
            .find::<kisi_user::Entity>()
            .filter(kisi_user::Column::AccountId.eq(account))
            .filter(kisi_user::Column::KisiId.is_in(chunk.iter().copied()));
        users.extend(some.all(connection).await?);
    }
    Ok(users)
}

/// Strangers by id.
pub async fn strangers(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<kisi_user::Model>, StoreError> {
    let own = Expr::col(kisi_user::Column::MemberId).eq(Expr::col(kisi_user::Column::Id));
    let select = scope.find::<kisi_user::Entity>().filter(own);
    among(connection, select, kisi_user::Column::Id, ids).await
}

/// A list did not show these grants, or showed them otherwise, at an instant; none: it shows them as they are. What is
/// being changed meanwhile is left.
pub async fn missed(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Kisi holds another window for a grant; true unless it changed here since it was read.
pub async fn has_window(
    connection: &impl ConnectionTrait,
    scope: Scope,
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
        // It is no answer to what was asked for any more.
        .col_expr(kisi_grant::Column::AskedDiffers, Expr::value(false))
        .filter(kisi_grant::Column::Id.eq(grant.id))
        .filter(kisi_grant::Column::Intent.eq(Intent::None))
        .filter(kisi_grant::Column::ConfirmedAt.eq(grant.confirmed_at))
        .exec(connection)
        .await?;
    Ok(updated.rows_affected > 0)
}

/// Takes assignments up that Kisi holds and nobody knew of.
pub async fn adopt(
    connection: &impl ConnectionTrait,
    strangers: Vec<kisi_user::Model>,
    grants: Vec<kisi_grant::Model>,
) -> Result<(), StoreError> {
    bulk::insert(connection, strangers).await?;
    bulk::insert(connection, grants).await
}

/// Who has something in these groups that somebody else made.
pub async fn stray_holders(
    connection: &impl ConnectionTrait,
    scope: Scope,
    groups: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    Ok(scope
        .find::<kisi_grant::Entity>()
        .select_only()
        .column(kisi_grant::Column::MemberId)
        .distinct()
        .filter(kisi_grant::Column::Stray.eq(true))
        .filter(kisi_grant::Column::ScopeId.is_in(groups.iter().copied()))
        .into_tuple()
        .all(connection)
        .await?)
}

/// How often Kisi was found to differ in one scope since an instant, by member; of these members, or of all.
pub async fn drifts(
    connection: &impl ConnectionTrait,
    scope: Scope,
    target: Uuid,
    members: Option<&[Uuid]>,
    since: i64,
) -> Result<BTreeMap<Uuid, i64>, StoreError> {
    let found = scope
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
        None => vec![found],
        Some(chunks) => chunks
            .map(|chunk| {
                let among = history::Column::MemberId.is_in(chunk.iter().copied());
                found.clone().filter(among)
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

/// What is wrong with a group, in words.
pub async fn say(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Every member of the club, and whoever else has a grant in an account, by id.
pub async fn everybody(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Members of whom it is not known what Kisi holds, and whom nobody is about to look at.
pub async fn unresolved(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Forgets strangers of an account who have nothing there any more, and the work on them.
pub async fn forget_strangers(
    connection: &impl ConnectionTrait,
    scope: Scope,
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
