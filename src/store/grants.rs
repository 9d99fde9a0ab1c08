//! Who a member is in Kisi, and the role assignments that are ours. An intent is stored here before Kisi is called: while
//! a grant bears one, or a user was sent without an answer, what Kisi holds is not known.

use entity::{
    kind::{Intent, ScopeKind},
    kisi_grant, kisi_user,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IdenStatic,
    IntoActiveModel, Iterable, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{Scope, StoreError, bulk, facts::among};

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

/// Lets go of what somebody else made in an account, or in one of its groups: it stays in Kisi, and stays theirs.
pub async fn let_strays_go(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    group: Option<Uuid>,
) -> Result<(), StoreError> {
    let mut delete = scope
        .delete::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::AccountId.eq(account))
        .filter(kisi_grant::Column::Stray.eq(true));
    if let Some(group) = group {
        delete = delete.filter(kisi_grant::Column::ScopeId.eq(group));
    }
    delete.exec(connection).await?;
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
