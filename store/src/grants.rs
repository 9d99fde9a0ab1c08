//! The Kisi users of members, and grants: the role assignments that this service manages. The intent of a call is stored here
//! before Kisi is called: while a grant has one, or a user was sent and no response arrived, the state in Kisi is unknown.
//! A stranger is a Kisi user without a member; in its `kisi_user` row the member id is the row's own id.

use crate::bulk::select_by_ids;
use std::collections::BTreeMap;

use entity::{
    due,
    kind::{Intent, ScopeKind},
    kisi_grant, kisi_user, revocation,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IdenStatic,
    IntoActiveModel, Iterable, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{
    ClubScope, StoreError,
    bulk::{self, MOST_VALUES},
};

/// The Kisi users of these members in an account.
pub async fn users_in(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    members: &[Uuid],
) -> Result<Vec<kisi_user::Model>, StoreError> {
    let in_account = scope
        .find_for_ids::<kisi_user::Entity>()
        .filter(kisi_user::Column::AccountId.eq(account));
    select_by_ids(connection, in_account, kisi_user::Column::MemberId, members).await
}

/// The Kisi users of these members in all accounts.
pub async fn users_of(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: &[Uuid],
) -> Result<Vec<kisi_user::Model>, StoreError> {
    select_by_ids(
        connection,
        scope.find_for_ids::<kisi_user::Entity>(),
        kisi_user::Column::MemberId,
        members,
    )
    .await
}

/// The Kisi user with this id of Kisi's, if it belongs to a member.
pub async fn user_by_kisi_id(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    kisi_id: i64,
) -> Result<Option<kisi_user::Model>, StoreError> {
    Ok(scope
        .find::<kisi_user::Entity>()
        .filter(kisi_user::Column::AccountId.eq(account))
        .filter(kisi_user::Column::KisiId.eq(kisi_id))
        // Leaves out strangers.
        .filter(Expr::col(kisi_user::Column::MemberId).ne(Expr::col(kisi_user::Column::Id)))
        .one(connection)
        .await?)
}

/// The grant with this role assignment id of Kisi's.
pub async fn by_kisi_id(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    kisi_id: i64,
) -> Result<Option<kisi_grant::Model>, StoreError> {
    Ok(scope
        .find::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::AccountId.eq(account))
        .filter(kisi_grant::Column::KisiId.eq(kisi_id))
        .one(connection)
        .await?)
}

/// Marks the state of a grant as uncertain: the next pass reads it from Kisi before it does anything.
pub async fn mark_uncertain(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    scope
        .update::<kisi_grant::Entity>()
        .col_expr(kisi_grant::Column::MissedAt, Expr::value(Some(now)))
        .filter(kisi_grant::Column::Id.eq(id))
        .filter(kisi_grant::Column::MissedAt.is_null())
        .exec(connection)
        .await?;
    Ok(())
}

/// The grants of these members in an account.
pub async fn grants_in(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    members: &[Uuid],
) -> Result<Vec<kisi_grant::Model>, StoreError> {
    let in_account = scope
        .find_for_ids::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::AccountId.eq(account));
    select_by_ids(
        connection,
        in_account,
        kisi_grant::Column::MemberId,
        members,
    )
    .await
}

/// The grants of these members in all accounts, oldest first.
pub async fn grants_of(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: &[Uuid],
) -> Result<Vec<kisi_grant::Model>, StoreError> {
    let ordered = scope
        .find_for_ids::<kisi_grant::Entity>()
        .order_by_asc(kisi_grant::Column::Id);
    select_by_ids(connection, ordered, kisi_grant::Column::MemberId, members).await
}

pub async fn add_grant(
    connection: &impl ConnectionTrait,
    row: kisi_grant::Model,
) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// Writes a grant that is stored, but not its member. Kisi's events set `missed_at` at any time: it is written only by who knows what
/// it was.
pub async fn update_grant(
    connection: &impl ConnectionTrait,
    row: kisi_grant::Model,
    with_missed_at: bool,
) -> Result<(), StoreError> {
    let kept: &[&str] = if with_missed_at { &[] } else { &["missed_at"] };
    update(connection, row, kept).await
}

pub async fn put_user(
    connection: &impl ConnectionTrait,
    row: kisi_user::Model,
    is_new: bool,
) -> Result<(), StoreError> {
    if is_new {
        return bulk::insert(connection, vec![row]).await;
    }
    update(connection, row, &[]).await
}

/// Writes all columns of a stored row but `kept`.
async fn update<M>(
    connection: &impl ConnectionTrait,
    row: M,
    kept: &[&str],
) -> Result<(), StoreError>
where
    M: sea_orm::ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: sea_orm::ActiveModelBehavior + Send,
    M: sea_orm::FromQueryResult,
    M::Entity: EntityTrait<Model = M>,
{
    let mut active = row.into_active_model();
    for column in <M::Entity as EntityTrait>::Column::iter() {
        // Only merging members changes the member of a row.
        if column.as_str() == "member_id" || kept.contains(&column.as_str()) {
            active.not_set(column);
        } else {
            active.reset(column);
        }
    }
    active.update(connection).await?;
    Ok(())
}

/// Deletes a grant that is no longer in Kisi.
pub async fn remove(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
) -> Result<(), StoreError> {
    scope
        .delete::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}

/// Deletes the grants of an account, or of one of its scopes: the assignments stay in Kisi and are no longer managed here.
pub async fn delete_in_scope(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    target: Option<(ScopeKind, Uuid)>,
) -> Result<(), StoreError> {
    let mut delete = scope
        .delete::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::AccountId.eq(account));
    if let Some((kind, id)) = target {
        delete = delete
            .filter(kisi_grant::Column::ScopeKind.eq(kind))
            .filter(kisi_grant::Column::ScopeId.eq(id));
    }
    delete.exec(connection).await?;
    Ok(())
}

/// Deletes the grants that others created in an account, or in one of its groups, together with their revocations: the
/// assignments stay in Kisi and are no longer tracked.
pub async fn delete_external(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    group: Option<Uuid>,
) -> Result<(), StoreError> {
    let mut strays = Condition::all()
        .add(kisi_grant::Column::AccountId.eq(account))
        .add(kisi_grant::Column::External.eq(true));
    if let Some(group) = group {
        strays = strays.add(kisi_grant::Column::ScopeId.eq(group));
    }
    let holders: Vec<(Uuid, Uuid)> = scope
        .find::<kisi_grant::Entity>()
        .select_only()
        .columns([kisi_grant::Column::ScopeId, kisi_grant::Column::MemberId])
        .filter(strays.clone())
        .into_tuple()
        .all(connection)
        .await?;
    let mut by_target: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for (target, member) in holders {
        by_target.entry(target).or_default().push(member);
    }
    for (target, members) in by_target {
        for chunk in members.chunks(MOST_VALUES) {
            scope
                .delete::<revocation::Entity>()
                .filter(revocation::Column::ScopeId.eq(target))
                .filter(revocation::Column::MemberId.is_in(chunk.iter().copied()))
                .exec(connection)
                .await?;
        }
    }
    scope
        .delete::<kisi_grant::Entity>()
        .filter(strays)
        .exec(connection)
        .await?;
    Ok(())
}

/// The holder of a grant: the member, and the Kisi user that the member is or was.
#[derive(Copy, Clone, Debug)]
pub struct Holder {
    /// The member; for a stranger its own id.
    pub member: Uuid,
    /// Our id of the Kisi user.
    pub user: Uuid,
}

fn of_holder(scope: ClubScope, holder: Holder) -> Select<kisi_grant::Entity> {
    scope
        .find::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::MemberId.eq(holder.member))
        .filter(kisi_grant::Column::KisiUserId.eq(holder.user))
}

/// Moves all grants from one holder to another.
pub async fn transfer(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    from: Holder,
    to: Holder,
) -> Result<(), StoreError> {
    scope
        .update::<kisi_grant::Entity>()
        .col_expr(kisi_grant::Column::MemberId, Expr::value(to.member))
        .col_expr(kisi_grant::Column::KisiUserId, Expr::value(to.user))
        .filter(kisi_grant::Column::MemberId.eq(from.member))
        .filter(kisi_grant::Column::KisiUserId.eq(from.user))
        .exec(connection)
        .await?;
    Ok(())
}

/// Moves the grants of the stranger with the same Kisi user id to the member, and deletes the stranger. The grants keep their
/// mark that others created them. Returns the moved grants.
pub async fn claim_from_strangers(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    user: &kisi_user::Model,
) -> Result<Vec<kisi_grant::Model>, StoreError> {
    let Some(kisi_id) = user.kisi_id.filter(|_| user.member_id != user.id) else {
        return Ok(Vec::new());
    };
    let strangers: Vec<Uuid> = scope
        .find::<kisi_user::Entity>()
        .select_only()
        .column(kisi_user::Column::Id)
        .filter(kisi_user::Column::AccountId.eq(user.account_id))
        .filter(kisi_user::Column::KisiId.eq(kisi_id))
        .filter(Expr::col(kisi_user::Column::MemberId).eq(Expr::col(kisi_user::Column::Id)))
        .into_tuple()
        .all(connection)
        .await?;
    let mut claimed = Vec::new();
    for stranger in &strangers {
        let from = Holder {
            member: *stranger,
            user: *stranger,
        };
        claimed.extend(of_holder(scope, from).all(connection).await?);
        let to = Holder {
            member: user.member_id,
            user: user.id,
        };
        transfer(connection, scope, from, to).await?;
    }
    forget_strangers(connection, scope, &strangers).await?;
    for grant in &mut claimed {
        (grant.member_id, grant.kisi_user_id) = (user.member_id, user.id);
    }
    Ok(claimed)
}

/// Deletes strangers, their due rows and their revocations.
pub async fn forget_strangers(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<(), StoreError> {
    for chunk in ids.chunks(MOST_VALUES) {
        let ids = || chunk.iter().copied();
        scope
            .delete::<due::Entity>()
            .filter(due::Column::MemberId.is_in(ids()))
            .exec(connection)
            .await?;
        scope
            .delete::<revocation::Entity>()
            .filter(revocation::Column::MemberId.is_in(ids()))
            .exec(connection)
            .await?;
        scope
            .delete::<kisi_user::Entity>()
            .filter(kisi_user::Column::Id.is_in(ids()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Adopts assignments that others created for members: this service manages them from now on.
pub async fn adopt(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<(), StoreError> {
    for chunk in ids.chunks(MOST_VALUES) {
        scope
            .update::<kisi_grant::Entity>()
            .col_expr(kisi_grant::Column::External, Expr::value(false))
            .col_expr(kisi_grant::Column::Adopted, Expr::value(true))
            .filter(kisi_grant::Column::Id.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// The number of grants of an account that are, or may be, in Kisi.
pub async fn count(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<u64, StoreError> {
    let of_account = scope
        .find::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::AccountId.eq(account));
    let may_be = Condition::any()
        .add(kisi_grant::Column::KisiId.is_not_null())
        .add(kisi_grant::Column::Intent.ne(Intent::None));
    Ok(of_account.filter(may_be).count(connection).await?)
}

/// Those of these Kisi role assignments that have a grant, as pairs of (Kisi's assignment id, member).
pub async fn by_kisi_ids(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    kisi_ids: &[i64],
) -> Result<Vec<(i64, Uuid)>, StoreError> {
    let rows = scope
        .find::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::AccountId.eq(account))
        .filter(kisi_grant::Column::KisiId.is_in(kisi_ids.iter().copied()))
        .all(connection)
        .await?;
    let pairs = rows
        .into_iter()
        .filter_map(|row| Some((row.kisi_id?, row.member_id)));
    Ok(pairs.collect())
}
