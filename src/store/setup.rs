//! What Kisi has: places, locks, groups and which group opens which lock, as last read. What Kisi no longer lists is marked
//! gone, never deleted: rules and histories name it.

use std::collections::{BTreeSet, HashMap};

use entity::{access_group, group_lock, kisi_account, lock, place};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, UpdateMany,
    sea_query::{Expr, OnConflict, Query},
};
use uuid::Uuid;

use super::{Scope, StoreError, bulk, facts::among};

/// Everything that was read of an account, complete.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Places. Their ids are kept where the Kisi id is known already.
    pub places: Vec<place::Model>,
    /// Locks; `place_id` names one of the places.
    pub locks: Vec<lock::Model>,
    /// Groups.
    pub groups: Vec<access_group::Model>,
}

/// The ids of what is known of an account, by Kisi's ids.
pub async fn known(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// An account's places, with those that are gone.
pub async fn places(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
) -> Result<Vec<place::Model>, StoreError> {
    Ok(scope
        .find::<place::Entity>()
        .filter(place::Column::AccountId.eq(account))
        .order_by_asc(place::Column::FoldedName)
        .all(connection)
        .await?)
}

/// An account's locks, with those that are gone.
pub async fn locks(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
) -> Result<Vec<lock::Model>, StoreError> {
    Ok(scope
        .find::<lock::Entity>()
        .filter(lock::Column::AccountId.eq(account))
        .order_by_asc(lock::Column::FoldedName)
        .all(connection)
        .await?)
}

/// An account's groups, with those that are gone.
pub async fn groups(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
) -> Result<Vec<access_group::Model>, StoreError> {
    Ok(scope
        .find::<access_group::Entity>()
        .filter(access_group::Column::AccountId.eq(account))
        .order_by_asc(access_group::Column::FoldedName)
        .all(connection)
        .await?)
}

/// One lock, be it gone.
pub async fn lock(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<lock::Model>, StoreError> {
    Ok(scope
        .find::<lock::Entity>()
        .filter(lock::Column::Id.eq(id))
        .one(connection)
        .await?)
}

/// The lock of an account that Kisi knows by this id.
pub async fn lock_by_kisi_id(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Groups by id.
pub async fn some_groups(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<access_group::Model>, StoreError> {
    among(
        connection,
        scope.among::<access_group::Entity>(),
        access_group::Column::Id,
        ids,
    )
    .await
}

/// Locks by id.
pub async fn some_locks(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<lock::Model>, StoreError> {
    among(
        connection,
        scope.among::<lock::Entity>(),
        lock::Column::Id,
        ids,
    )
    .await
}

/// Places by id.
pub async fn some_places(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<place::Model>, StoreError> {
    among(
        connection,
        scope.among::<place::Entity>(),
        place::Column::Id,
        ids,
    )
    .await
}

/// Every pair of a group and a lock in the club.
pub async fn group_locks(
    connection: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<group_lock::Model>, StoreError> {
    Ok(scope.find::<group_lock::Entity>().all(connection).await?)
}

/// Every lock of the club that is not gone.
pub async fn all_locks(
    connection: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<lock::Model>, StoreError> {
    Ok(scope
        .find::<lock::Entity>()
        .filter(lock::Column::GoneAt.is_null())
        .order_by_asc(lock::Column::FoldedName)
        .order_by_asc(lock::Column::Id)
        .all(connection)
        .await?)
}

/// Every group of the club that is not gone.
pub async fn all_groups(
    connection: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<access_group::Model>, StoreError> {
    Ok(scope
        .find::<access_group::Entity>()
        .filter(access_group::Column::GoneAt.is_null())
        .order_by_asc(access_group::Column::FoldedName)
        .order_by_asc(access_group::Column::Id)
        .all(connection)
        .await?)
}

/// Every place of the club that is not gone.
pub async fn all_places(
    connection: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<place::Model>, StoreError> {
    Ok(scope
        .find::<place::Entity>()
        .filter(place::Column::GoneAt.is_null())
        .order_by_asc(place::Column::FoldedName)
        .order_by_asc(place::Column::Id)
        .all(connection)
        .await?)
}

/// What became of a setup that was read.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Something was not among it for the first time: one read proves nothing, so read again soon.
    pub is_missing: bool,
    /// A group is gone, or back: everybody has to be looked at again.
    pub groups_changed: bool,
}

/// Keeps what was read of an account. What was not among it twice is gone.
pub async fn keep(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    setup: Setup,
    now: i64,
) -> Result<Kept, StoreError> {
    let mut kept = Kept::default();
    let mut gone_groups = BTreeSet::new();
    macro_rules! keep {
        ($rows:expr, $table:ident, [$($column:ident),*]) => {
            let there: BTreeSet<Uuid> = $rows.iter().map(|row| row.id).collect();
            let of_account = scope
                .find::<$table::Entity>()
                .filter($table::Column::AccountId.eq(account))
                .all(connection)
                .await?;
            let back = of_account.iter().any(|row| row.gone_at.is_some() && there.contains(&row.id));
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
            let absent = of_account.iter().filter(|row| row.gone_at.is_none() && !there.contains(&row.id));
            let (again, first): (Vec<_>, Vec<_>) = absent.partition(|row| row.missing_since.is_some());
            for (rows, column) in [
                (&first, $table::Column::MissingSince),
                (&again, $table::Column::GoneAt),
            ] {
                scope
                    .update::<$table::Entity>()
                    .col_expr(column, Expr::value(Some(now)))
                    .filter($table::Column::Id.is_in(rows.iter().map(|row| row.id)))
                    .exec(connection)
                    .await?;
            }
            kept.is_missing |= !first.is_empty();
            kept.groups_changed |= back || !again.is_empty();
            gone_groups.extend(again.iter().map(|row| row.id));
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
    // Kisi removed their assignments with them.
    for id in gone_groups {
        super::grants::let_go(
            connection,
            scope,
            account,
            Some((entity::kind::ScopeKind::Group, id)),
        )
        .await?;
    }
    Ok(kept)
}

/// Keeps which locks a group opens; true where that changed.
pub async fn keep_group_locks(
    connection: &impl ConnectionTrait,
    scope: Scope,
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
    let rows = locks
        .into_iter()
        .map(|lock_id| group_lock::Model {
            group_id: group,
            lock_id,
            club_id: scope.club,
        })
        .collect();
    bulk::insert(connection, rows).await?;
    Ok(true)
}

/// Whether a group is managed, and what becomes of strangers in it.
pub async fn manage(
    connection: &impl ConnectionTrait,
    scope: Scope,
    group: Uuid,
    managed: bool,
    strangers: entity::kind::StrangerPolicy,
) -> Result<(), StoreError> {
    let mut update = scope
        .update::<access_group::Entity>()
        .col_expr(access_group::Column::Managed, Expr::value(managed))
        .col_expr(access_group::Column::Strangers, Expr::value(strangers));
    if !managed {
        update = as_never_read(update);
    }
    update
        .filter(access_group::Column::Id.eq(group))
        .exec(connection)
        .await?;
    Ok(())
}

/// The assignments of a managed group were read for the first time. False where that was known, or the group was let go.
pub async fn was_read(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Managed groups of an account that were not read yet, and that a sweep would read.
pub async fn unread(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Everybody was evaluated since these groups are managed and have a rule.
pub async fn were_evaluated(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Groups that are let go are read and evaluated anew when they are managed again.
fn as_never_read(update: UpdateMany<access_group::Entity>) -> UpdateMany<access_group::Entity> {
    let nothing = || Expr::value(Option::<i64>::None);
    update
        .col_expr(access_group::Column::ReadAt, nothing())
        .col_expr(access_group::Column::EvaluatedAt, nothing())
}

/// Lets all groups of an account go: none of them is managed any more.
pub async fn let_all_go(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
) -> Result<(), StoreError> {
    let update = scope
        .update::<access_group::Entity>()
        .col_expr(access_group::Column::Managed, Expr::value(false));
    as_never_read(update)
        .filter(access_group::Column::AccountId.eq(account))
        .exec(connection)
        .await?;
    Ok(())
}

/// Whether a group of a Kisi organization is managed through another row than this one, be it another club's: two who write
/// to one group would undo each other's work. It gives away no more than that.
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
