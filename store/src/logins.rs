//! Kisi logins: sealed secrets with which calls act as a member in Kisi, one per Kisi user.

use entity::kisi_login;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, sea_query::OnConflict};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

/// The login of a Kisi user, by our id of the user.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    kisi_user: Uuid,
) -> Result<Option<kisi_login::Model>, StoreError> {
    Ok(scope
        .find::<kisi_login::Entity>()
        .filter(kisi_login::Column::KisiUserId.eq(kisi_user))
        .one(connection)
        .await?)
}

/// Stores a login in place of an earlier one.
pub async fn put(
    connection: &impl ConnectionTrait,
    row: kisi_login::Model,
) -> Result<(), StoreError> {
    let renewed = OnConflict::column(kisi_login::Column::KisiUserId)
        .update_columns([kisi_login::Column::Secret, kisi_login::Column::MadeAt])
        .to_owned();
    bulk::insert_on(connection, vec![row], Some(renewed)).await
}

/// Deletes the logins of an account.
pub async fn forget_account(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<(), StoreError> {
    scope
        .delete::<kisi_login::Entity>()
        .filter(kisi_login::Column::AccountId.eq(account))
        .exec(connection)
        .await?;
    Ok(())
}
