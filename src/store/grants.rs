//! Who a member is in Kisi, and the role assignments that are ours. An intent is stored here before Kisi is called: while
//! a grant bears one, or a user was sent without an answer, what Kisi holds is not known.

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
    Scope, StoreError,
    bulk::{self, MOST_VALUES},
    facts::among,
};

/// Who these members are in an account.
pub async fn users_in(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    members: &[Uuid],
) -> Result<Vec<kisi_user::Model>, StoreError> {
    let in_account = scope
        .among::<kisi_user::Entity>()
        .filter(kisi_user::Column::AccountId.eq(account));
    among(connection, in_account, kisi_user::Column::MemberId, members).await
}

/// Who these members are in all accounts.
pub async fn users_of(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: &[Uuid],
) -> Result<Vec<kisi_user::Model>, StoreError> {
    among(
        connection,
        scope.among::<kisi_user::Entity>(),
        kisi_user::Column::MemberId,
        members,
    )
    .await
}

/// Who somebody is in Kisi, by our id.
pub async fn user(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<kisi_user::Model>, StoreError> {
    Ok(scope
        .find::<kisi_user::Entity>()
        .filter(kisi_user::Column::Id.eq(id))
        .one(connection)
        .await?)
}

/// Who of the members a user of Kisi's is.
pub async fn user_by_kisi_id(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    kisi_id: i64,
) -> Result<Option<kisi_user::Model>, StoreError> {
    Ok(scope
        .find::<kisi_user::Entity>()
        .filter(kisi_user::Column::AccountId.eq(account))
        .filter(kisi_user::Column::KisiId.eq(kisi_id))
        // A stranger is a member of its own.
        .filter(Expr::col(kisi_user::Column::MemberId).ne(Expr::col(kisi_user::Column::Id)))
        .one(connection)
        .await?)
}

/// The grant that an assignment of Kisi's is.
pub async fn by_kisi_id(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// What Kisi holds of a grant is in doubt: the next pass reads it there before it does anything.
pub async fn doubt(
    connection: &impl ConnectionTrait,
    scope: Scope,
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
    scope: Scope,
    account: Uuid,
    members: &[Uuid],
) -> Result<Vec<kisi_grant::Model>, StoreError> {
    let in_account = scope
        .among::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::AccountId.eq(account));
    among(
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
    scope: Scope,
    members: &[Uuid],
) -> Result<Vec<kisi_grant::Model>, StoreError> {
    let ordered = scope
        .among::<kisi_grant::Entity>()
        .order_by_asc(kisi_grant::Column::Id);
    among(connection, ordered, kisi_grant::Column::MemberId, members).await
}

/// One grant.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<kisi_grant::Model>, StoreError> {
    Ok(scope
        .find::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::Id.eq(id))
        .one(connection)
        .await?)
}

/// Writes a grant as it is now, new or not.
pub async fn put_grant(
    connection: &impl ConnectionTrait,
    row: kisi_grant::Model,
    is_new: bool,
) -> Result<(), StoreError> {
    put(connection, row, is_new).await
}

/// Writes a Kisi user as it is now, new or not.
pub async fn put_user(
    connection: &impl ConnectionTrait,
    row: kisi_user::Model,
    is_new: bool,
) -> Result<(), StoreError> {
    put(connection, row, is_new).await
}

async fn put<M>(connection: &impl ConnectionTrait, row: M, is_new: bool) -> Result<(), StoreError>
where
    M: sea_orm::ModelTrait
        + sea_orm::FromQueryResult
        + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    M::Entity: EntityTrait<Model = M>,
    <M::Entity as EntityTrait>::ActiveModel: sea_orm::ActiveModelBehavior + Send,
{
    if is_new {
        return bulk::insert(connection, vec![row]).await;
    }
    let mut active = row.into_active_model();
    for column in <M::Entity as EntityTrait>::Column::iter() {
        // Whose it is changes where members turn out to be one, and never here.
        if column.as_str() == "member_id" {
            active.not_set(column);
        } else {
            active.reset(column);
        }
    }
    active.update(connection).await?;
    Ok(())
}

/// A grant that is no longer in Kisi.
pub async fn remove(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<(), StoreError> {
    scope
        .delete::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}

/// Lets all grants of an account, or of one of its scopes, go: they stay in Kisi and are no longer ours.
pub async fn let_go(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Lets go of what somebody else made in an account, or in one of its groups: it stays in Kisi, and stays theirs. What the
/// brake was asked about it is void.
pub async fn let_strays_go(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    group: Option<Uuid>,
) -> Result<(), StoreError> {
    let mut strays = Condition::all()
        .add(kisi_grant::Column::AccountId.eq(account))
        .add(kisi_grant::Column::Stray.eq(true));
    if let Some(group) = group {
        strays = strays.add(kisi_grant::Column::ScopeId.eq(group));
    }
    let held: Vec<(Uuid, Uuid)> = scope
        .find::<kisi_grant::Entity>()
        .select_only()
        .columns([kisi_grant::Column::ScopeId, kisi_grant::Column::MemberId])
        .filter(strays.clone())
        .into_tuple()
        .all(connection)
        .await?;
    let mut by_target: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for (target, member) in held {
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

/// Whose a grant is: the member, and the user of Kisi's that the member is or was.
#[derive(Copy, Clone, Debug)]
pub struct Holder {
    /// The member; a stranger is its own.
    pub member: Uuid,
    /// The user, by our id.
    pub user: Uuid,
}

fn of_holder(scope: Scope, holder: Holder) -> Select<kisi_grant::Entity> {
    scope
        .find::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::MemberId.eq(holder.member))
        .filter(kisi_grant::Column::KisiUserId.eq(holder.user))
}

/// Gives what one holds in Kisi to another.
pub async fn give(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// A user of Kisi's turns out to be a member: what that user has as a stranger is the member's, and still somebody else's
/// doing. The grants that are the member's now.
pub async fn claim(
    connection: &impl ConnectionTrait,
    scope: Scope,
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
        give(connection, scope, from, to).await?;
    }
    forget_strangers(connection, scope, &strangers).await?;
    for grant in &mut claimed {
        (grant.member_id, grant.kisi_user_id) = (user.member_id, user.id);
    }
    Ok(claimed)
}

/// Forgets strangers, the work on them and what the brake was asked about them.
pub async fn forget_strangers(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<(), StoreError> {
    for chunk in ids.chunks(MOST_VALUES) {
        let some = || chunk.iter().copied();
        scope
            .delete::<due::Entity>()
            .filter(due::Column::MemberId.is_in(some()))
            .exec(connection)
            .await?;
        scope
            .delete::<revocation::Entity>()
            .filter(revocation::Column::MemberId.is_in(some()))
            .exec(connection)
            .await?;
        scope
            .delete::<kisi_user::Entity>()
            .filter(kisi_user::Column::Id.is_in(some()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// What others made for members is this service's from now on.
pub async fn adopt(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<(), StoreError> {
    for chunk in ids.chunks(MOST_VALUES) {
        scope
            .update::<kisi_grant::Entity>()
            .col_expr(kisi_grant::Column::Stray, Expr::value(false))
            .col_expr(kisi_grant::Column::Adopted, Expr::value(true))
            .filter(kisi_grant::Column::Id.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// How many grants of an account are in Kisi, or may be.
pub async fn count(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Which of these assignments in Kisi are known as somebody's grant, and whose.
pub async fn by_kisi_ids(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    kisi_ids: &[i64],
) -> Result<Vec<(i64, Uuid)>, StoreError> {
    let rows = scope
        .find::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::AccountId.eq(account))
        .filter(kisi_grant::Column::KisiId.is_in(kisi_ids.iter().copied()))
        .all(connection)
        .await?;
    let known = rows
        .into_iter()
        .filter_map(|row| Some((row.kisi_id?, row.member_id)));
    Ok(known.collect())
}
