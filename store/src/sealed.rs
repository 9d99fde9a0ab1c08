//! The sealed values of all clubs, by kind: read before a key is generated, and to check whether the current key opens them.
//! This module itself opens none. Called by `sealed` at startup, by `/readyz` and by `check`.

use entity::{kisi_account, kisi_listener, kisi_login, source};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Select, sea_query::Expr,
};
use uuid::Uuid;

use super::StoreError;
use crate::secret::SecretKind;

/// The id of the row that a sealed value is bound to, and the value.
pub type Sealed = (Uuid, Vec<u8>);

/// The sealed values of a kind, at most `most` of them.
pub async fn of_kind(
    connection: &impl ConnectionTrait,
    kind: SecretKind,
    most: Option<u64>,
) -> Result<Vec<Sealed>, StoreError> {
    match kind {
        SecretKind::KisiCredentials => {
            let column = kisi_account::Column::Credentials;
            let rows = kisi_account::Entity::find()
                .filter(kisi_account::Column::Status.ne(entity::kind::KisiStatus::Disconnected));
            read(connection, rows, (kisi_account::Column::Id, column), most).await
        }
        SecretKind::SourceSecret => sources(connection, source::Column::Secret, most).await,
        SecretKind::OldSourceSecret => sources(connection, source::Column::OldSecret, most).await,
        SecretKind::SourceCredentials => {
            sources(connection, source::Column::Credentials, most).await
        }
        SecretKind::KisiEventSecret => {
            let columns = (
                kisi_listener::Column::AccountId,
                kisi_listener::Column::Secret,
            );
            read(connection, kisi_listener::Entity::find(), columns, most).await
        }
        SecretKind::KisiLogin => {
            let columns = (kisi_login::Column::KisiUserId, kisi_login::Column::Secret);
            read(connection, kisi_login::Entity::find(), columns, most).await
        }
        SecretKind::PreviewToken => Ok(Vec::new()),
    }
}

/// Replaces a sealed value.
pub async fn replace(
    connection: &impl ConnectionTrait,
    kind: SecretKind,
    row: Uuid,
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    match kind {
        SecretKind::KisiCredentials => {
            kisi_account::Entity::update_many()
                .col_expr(kisi_account::Column::Credentials, Expr::value(sealed))
                .filter(kisi_account::Column::Id.eq(row))
                .exec(connection)
                .await?;
        }
        SecretKind::SourceSecret => {
            replace_source(connection, source::Column::Secret, row, sealed).await?
        }
        SecretKind::OldSourceSecret => {
            replace_source(connection, source::Column::OldSecret, row, sealed).await?;
        }
        SecretKind::SourceCredentials => {
            replace_source(connection, source::Column::Credentials, row, sealed).await?;
        }
        SecretKind::KisiEventSecret => {
            kisi_listener::Entity::update_many()
                .col_expr(kisi_listener::Column::Secret, Expr::value(sealed))
                .filter(kisi_listener::Column::AccountId.eq(row))
                .exec(connection)
                .await?;
        }
        SecretKind::KisiLogin => {
            kisi_login::Entity::update_many()
                .col_expr(kisi_login::Column::Secret, Expr::value(sealed))
                .filter(kisi_login::Column::KisiUserId.eq(row))
                .exec(connection)
                .await?;
        }
        SecretKind::PreviewToken => {}
    }
    Ok(())
}

async fn sources(
    connection: &impl ConnectionTrait,
    column: source::Column,
    most: Option<u64>,
) -> Result<Vec<Sealed>, StoreError> {
    let rows = source::Entity::find()
        .filter(source::Column::RemovedAt.is_null())
        .filter(column.is_not_null());
    read(connection, rows, (source::Column::Id, column), most).await
}

async fn replace_source(
    connection: &impl ConnectionTrait,
    column: source::Column,
    row: Uuid,
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    source::Entity::update_many()
        .col_expr(column, Expr::value(sealed))
        .filter(source::Column::Id.eq(row))
        .exec(connection)
        .await?;
    Ok(())
}

async fn read<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    (row, value): (E::Column, E::Column),
    most: Option<u64>,
) -> Result<Vec<Sealed>, StoreError> {
    let rows = select.select_only().column(row).column(value);
    Ok(rows.limit(most).into_tuple().all(connection).await?)
}
