//! The sealed values of all clubs, by kind: read before a key is generated, to check whether the current key opens them, and to
//! encrypt them with another key. This module itself opens none. Called by `sealed`.

use entity::{
    kind::EndpointStatus, kisi_account, kisi_listener, kisi_login, source, webhook_endpoint,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::Expr,
};
use uuid::Uuid;

use super::StoreError;
use crate::secret::SecretKind;

/// The id of the row that a sealed value is bound to, and the value.
pub type Sealed = (Uuid, Vec<u8>);

/// The sealed values of a kind in the order of their rows, at most `most` of them, after the row `after`.
pub async fn of_kind(
    connection: &impl ConnectionTrait,
    kind: SecretKind,
    after: Option<Uuid>,
    most: Option<u64>,
) -> Result<Vec<Sealed>, StoreError> {
    let page = (after, most);
    match kind {
        SecretKind::KisiCredentials => {
            let column = kisi_account::Column::Credentials;
            let rows = kisi_account::Entity::find()
                .filter(kisi_account::Column::Status.ne(entity::kind::KisiStatus::Disconnected));
            read(connection, rows, (kisi_account::Column::Id, column), page).await
        }
        SecretKind::SourceSecret => sources(connection, source::Column::Secret, page).await,
        SecretKind::OldSourceSecret => sources(connection, source::Column::OldSecret, page).await,
        SecretKind::SourceCredentials => {
            sources(connection, source::Column::Credentials, page).await
        }
        SecretKind::KisiEventSecret => {
            let columns = (
                kisi_listener::Column::AccountId,
                kisi_listener::Column::Secret,
            );
            read(connection, kisi_listener::Entity::find(), columns, page).await
        }
        SecretKind::KisiLogin => {
            let columns = (kisi_login::Column::KisiUserId, kisi_login::Column::Secret);
            read(connection, kisi_login::Entity::find(), columns, page).await
        }
        SecretKind::EndpointSecret => {
            endpoints(connection, webhook_endpoint::Column::Secret, page).await
        }
        SecretKind::OldEndpointSecret => {
            endpoints(connection, webhook_endpoint::Column::OldSecret, page).await
        }
        SecretKind::SignIn | SecretKind::PreviewToken => Ok(Vec::new()),
    }
}

/// Replaces a sealed value. False if it is not `before` any more.
pub async fn replace(
    connection: &impl ConnectionTrait,
    kind: SecretKind,
    (row, before): &Sealed,
    sealed: Vec<u8>,
) -> Result<bool, StoreError> {
    macro_rules! replace {
        ($table:ident, $id:ident, $column:expr) => {
            $table::Entity::update_many()
                .col_expr($column, Expr::value(sealed))
                .filter($table::Column::$id.eq(*row))
                .filter($column.eq(before.clone()))
                .exec(connection)
                .await?
                .rows_affected
                > 0
        };
    }
    Ok(match kind {
        SecretKind::KisiCredentials => {
            replace!(kisi_account, Id, kisi_account::Column::Credentials)
        }
        SecretKind::SourceSecret => replace!(source, Id, source::Column::Secret),
        SecretKind::OldSourceSecret => replace!(source, Id, source::Column::OldSecret),
        SecretKind::SourceCredentials => replace!(source, Id, source::Column::Credentials),
        SecretKind::KisiEventSecret => {
            replace!(kisi_listener, AccountId, kisi_listener::Column::Secret)
        }
        SecretKind::KisiLogin => replace!(kisi_login, KisiUserId, kisi_login::Column::Secret),
        SecretKind::EndpointSecret => {
            replace!(webhook_endpoint, Id, webhook_endpoint::Column::Secret)
        }
        SecretKind::OldEndpointSecret => {
            replace!(webhook_endpoint, Id, webhook_endpoint::Column::OldSecret)
        }
        SecretKind::SignIn | SecretKind::PreviewToken => false,
    })
}

/// After which row, and how many.
type Page = (Option<Uuid>, Option<u64>);

async fn sources(
    connection: &impl ConnectionTrait,
    column: source::Column,
    page: Page,
) -> Result<Vec<Sealed>, StoreError> {
    let rows = source::Entity::find()
        .filter(source::Column::RemovedAt.is_null())
        .filter(column.is_not_null());
    read(connection, rows, (source::Column::Id, column), page).await
}

async fn endpoints(
    connection: &impl ConnectionTrait,
    column: webhook_endpoint::Column,
    page: Page,
) -> Result<Vec<Sealed>, StoreError> {
    let rows = webhook_endpoint::Entity::find()
        .filter(webhook_endpoint::Column::Status.ne(EndpointStatus::Removed))
        .filter(column.is_not_null());
    read(
        connection,
        rows,
        (webhook_endpoint::Column::Id, column),
        page,
    )
    .await
}

async fn read<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    (row, value): (E::Column, E::Column),
    (after, most): Page,
) -> Result<Vec<Sealed>, StoreError> {
    let mut rows = select.select_only().column(row).column(value);
    if let Some(after) = after {
        rows = rows.filter(row.gt(after));
    }
    let rows = rows.order_by_asc(row).limit(most);
    Ok(rows.into_tuple().all(connection).await?)
}
