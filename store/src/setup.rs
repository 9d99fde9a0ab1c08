//! The setup of a Kisi account as last read: places, locks, groups, and which group opens which lock. What Kisi no longer lists
//! is marked as gone and never deleted, because rules and the history refer to it.

use std::collections::{BTreeSet, HashMap};

use entity::{access_group, group_lock, kisi_account, lock, place};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, UpdateMany,
    sea_query::{Expr, OnConflict, Query},
};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

/// One complete read of an account's setup.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// A place whose Kisi id is already stored keeps its id.
    pub places: Vec<place::Model>,
    /// Each `place_id` is the id of one of `places`.
    pub locks: Vec<lock::Model>,
    pub groups: Vec<access_group::Model>,
}

/// Our ids of an account's places, locks and groups, by Kisi's ids.
pub async fn ids_by_kisi_id(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<[HashMap<i64, Uuid>; 3], StoreError> {
    let places = places(connection, scope, account).await?;
    let locks = locks(connection, scope, account).await?;
    let groups = groups(connection, scope, account).await?;
    Ok([
        places
            .into_iter()
            .map(|row| (row.kisi_id, row.id))
            .collect(),
        locks.into_iter().map(|row| (row.kisi_id, row.id)).collect(),
        groups
            .into_iter()
            .map(|row| (row.kisi_id, row.id))
            .collect(),
    ])
}

/// An account's places, including those that are gone.
pub async fn places(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<Vec<place::Model>, StoreError> {
    Ok(scope
        .find::<place::Entity>()
        .filter(place::Column::AccountId.eq(account))
        .order_by_asc(place::Column::FoldedName)
        .all(connection)
        .await?)
}

/// An account's locks, including those that are gone.
pub async fn locks(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<Vec<lock::Model>, StoreError> {
    Ok(scope
        .find::<lock::Entity>()
        .filter(lock::Column::AccountId.eq(account))
        .order_by_asc(lock::Column::FoldedName)
        .all(connection)
        .await?)
}

/// An account's groups, including those that are gone.
pub async fn groups(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<Vec<access_group::Model>, StoreError> {
    Ok(scope
        .find::<access_group::Entity>()
        .filter(access_group::Column::AccountId.eq(account))
        .order_by_asc(access_group::Column::FoldedName)
        .all(connection)
        .await?)
}

/// The lock of an account with this id of Kisi's.
pub async fn lock_by_kisi_id(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    kisi_id: i64,
) -> Result<Option<lock::Model>, StoreError> {
    Ok(scope
        .find::<lock::Entity>()
        .filter(lock::Column::AccountId.eq(account))
        .filter(lock::Column::KisiId.eq(kisi_id))
        .one(connection)
        .await?)
}

/// All pairs of a group and a lock that it opens, in the club.
pub async fn group_locks(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<group_lock::Model>, StoreError> {
    Ok(scope.find::<group_lock::Entity>().all(connection).await?)
}

/// The club's locks without those that are gone.
pub async fn all_locks(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<lock::Model>, StoreError> {
    Ok(scope
        .find::<lock::Entity>()
        .filter(lock::Column::GoneAt.is_null())
        .order_by_asc(lock::Column::FoldedName)
        .order_by_asc(lock::Column::Id)
        .all(connection)
        .await?)
}

/// The club's groups without those that are gone.
pub async fn all_groups(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<access_group::Model>, StoreError> {
    Ok(scope
        .find::<access_group::Entity>()
        .filter(access_group::Column::GoneAt.is_null())
        .order_by_asc(access_group::Column::FoldedName)
        .order_by_asc(access_group::Column::Id)
        .all(connection)
        .await?)
}

/// The club's places without those that are gone.
pub async fn all_places(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<place::Model>, StoreError> {
    Ok(scope
        .find::<place::Entity>()
        .filter(place::Column::GoneAt.is_null())
        .order_by_asc(place::Column::FoldedName)
        .order_by_asc(place::Column::Id)
        .all(connection)
        .await?)
}

/// The changes that `keep` detected.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct SetupChanges {
    /// Something was missing for the first time. One read is no proof, so the caller should read again soon.
    pub is_missing: bool,
    /// A group is gone or back: all members must be evaluated again.
    pub groups_changed: bool,
}

/// Stores the setup that was read. What is missing for the second time is marked as gone.
pub async fn store_setup(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    setup: Setup,
    now: i64,
) -> Result<SetupChanges, StoreError> {
    let mut kept = SetupChanges::default();
    let mut gone_groups = BTreeSet::new();
    macro_rules! keep {
        ($rows:expr, $table:ident, [$($column:ident),*]) => {
            let listed: BTreeSet<Uuid> = $rows.iter().map(|row| row.id).collect();
            let of_account = scope
                .find::<$table::Entity>()
                .filter($table::Column::AccountId.eq(account))
                .all(connection)
                .await?;
            let is_back = of_account.iter().any(|row| row.gone_at.is_some() && listed.contains(&row.id));
            let renewed = OnConflict::column($table::Column::Id)
                .update_columns([
                    $table::Column::Name,
                    $table::Column::FoldedName,
                    $($table::Column::$column),*,
                    $table::Column::MissingSince,
                    $table::Column::GoneAt,
                ])
                .to_owned();
            bulk::insert_named(connection, $rows, Some(renewed)).await?;
            let absent = of_account.iter().filter(|row| row.gone_at.is_none() && !listed.contains(&row.id));
            let (second_time, first_time): (Vec<_>, Vec<_>) = absent.partition(|row| row.missing_since.is_some());
            for (rows, column) in [
                (&first_time, $table::Column::MissingSince),
                (&second_time, $table::Column::GoneAt),
            ] {
                scope
                    .update::<$table::Entity>()
                    .col_expr(column, Expr::value(Some(now)))
                    .filter($table::Column::Id.is_in(rows.iter().map(|row| row.id)))
                    .exec(connection)
                    .await?;
            }
            kept.is_missing |= !first_time.is_empty();
            kept.groups_changed |= is_back || !second_time.is_empty();
            gone_groups.extend(second_time.iter().map(|row| row.id));
        };
    }
    keep!(setup.places, place, [TimeZone]);
    keep!(
        setup.locks,
        lock,
        [Description, PlaceId, Online, Restrictions]
    );
    keep!(
        setup.groups,
        access_group,
        [Description, PlaceId, Restrictions]
    );
    // Kisi removed the groups' assignments together with the groups.
    for id in gone_groups {
        super::grants::delete_in_scope(
            connection,
            scope,
            account,
            Some((entity::kind::ScopeKind::Group, id)),
        )
        .await?;
    }
    Ok(kept)
}

/// Stores which locks a group opens; true if that changed.
pub async fn store_group_locks(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    group: Uuid,
    locks: BTreeSet<Uuid>,
) -> Result<bool, StoreError> {
    let of_group = group_lock::Column::GroupId.eq(group);
    let before = scope
        .find::<group_lock::Entity>()
        .filter(of_group.clone())
        .all(connection)
        .await?;
    let before: BTreeSet<Uuid> = before.into_iter().map(|row| row.lock_id).collect();
    if before == locks {
        return Ok(false);
    }
    scope
        .delete::<group_lock::Entity>()
        .filter(of_group)
        .exec(connection)
        .await?;
    let rows = locks.into_iter().map(|lock_id| group_lock::Model {
        group_id: group,
        lock_id,
        club_id: scope.club,
    });
    bulk::insert(connection, rows).await?;
    Ok(true)
}

/// Sets whether a group is managed, and the policy for strangers in it.
pub async fn manage(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    group: Uuid,
    managed: bool,
    strangers: entity::kind::StrangerPolicy,
) -> Result<(), StoreError> {
    let mut update = scope
        .update::<access_group::Entity>()
        .col_expr(access_group::Column::Managed, Expr::value(managed))
        .col_expr(access_group::Column::Strangers, Expr::value(strangers));
    if !managed {
        update = reset_reads(update);
    }
    update
        .filter(access_group::Column::Id.eq(group))
        .exec(connection)
        .await?;
    Ok(())
}

/// Records that the assignments of a managed group were read for the first time. False if they were read before or the group
/// is no longer managed.
pub async fn mark_read(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    group: Uuid,
    now: i64,
) -> Result<bool, StoreError> {
    let updated = scope
        .update::<access_group::Entity>()
        .col_expr(access_group::Column::ReadAt, Expr::value(Some(now)))
        .filter(access_group::Column::Id.eq(group))
        .filter(access_group::Column::Managed.eq(true))
        .filter(access_group::Column::ReadAt.is_null())
        .exec(connection)
        .await?;
    Ok(updated.rows_affected > 0)
}

/// The managed groups of an account that the sweep has not read yet.
pub async fn unread(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<Vec<access_group::Model>, StoreError> {
    Ok(scope
        .find::<access_group::Entity>()
        .filter(access_group::Column::AccountId.eq(account))
        .filter(access_group::Column::Managed.eq(true))
        .filter(access_group::Column::ReadAt.is_null())
        .filter(access_group::Column::GoneAt.is_null())
        .filter(access_group::Column::MissingSince.is_null())
        .order_by_asc(access_group::Column::Id)
        .all(connection)
        .await?)
}

/// Records that all members were evaluated since these groups became managed and have a rule.
pub async fn mark_evaluated(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    groups: &[Uuid],
    now: i64,
) -> Result<(), StoreError> {
    scope
        .update::<access_group::Entity>()
        .col_expr(access_group::Column::EvaluatedAt, Expr::value(Some(now)))
        .filter(access_group::Column::Id.is_in(groups.iter().copied()))
        .filter(access_group::Column::Managed.eq(true))
        .exec(connection)
        .await?;
    Ok(())
}

/// Resets a group that is no longer managed, so that it is read and evaluated anew when it is managed again.
fn reset_reads(update: UpdateMany<access_group::Entity>) -> UpdateMany<access_group::Entity> {
    let nothing = || Expr::value(Option::<i64>::None);
    update
        .col_expr(access_group::Column::ReadAt, nothing())
        .col_expr(access_group::Column::EvaluatedAt, nothing())
}

/// Stops managing all groups of an account.
pub async fn unmanage_all(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<(), StoreError> {
    let update = scope
        .update::<access_group::Entity>()
        .col_expr(access_group::Column::Managed, Expr::value(false));
    reset_reads(update)
        .filter(access_group::Column::AccountId.eq(account))
        .exec(connection)
        .await?;
    Ok(())
}

/// Whether a group of a Kisi organization is managed through a row other than `row`, possibly of another club: two managers
/// of one group would undo each other's changes. Not scoped to a club; the result reveals nothing else about another club.
pub async fn is_managed_elsewhere(
    connection: &impl ConnectionTrait,
    organization: i64,
    kisi_group: i64,
    row: Uuid,
) -> Result<bool, StoreError> {
    let of_organization = Query::select()
        .column(kisi_account::Column::Id)
        .from(kisi_account::Entity)
        .and_where(kisi_account::Column::OrganizationId.eq(organization))
        .to_owned();
    let other = access_group::Entity::find()
        .filter(access_group::Column::KisiId.eq(kisi_group))
        .filter(access_group::Column::Managed.eq(true))
        .filter(access_group::Column::Id.ne(row))
        .filter(access_group::Column::AccountId.in_subquery(of_organization))
        .one(connection)
        .await?;
    Ok(other.is_some())
}
