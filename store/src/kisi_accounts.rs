//! Kisi accounts: connections to Kisi organizations, and the API behavior that was learned about each organization.

use entity::{
    kind::{Ability, KisiStatus},
    kisi_account,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, sea_query::Expr, sea_query::ExprTrait,
};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

pub async fn create(
    connection: &impl ConnectionTrait,
    row: kisi_account::Model,
) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// Reconnects a disconnected account: overwrites all columns with `row`.
pub async fn reconnect(
    connection: &impl ConnectionTrait,
    row: kisi_account::Model,
) -> Result<(), StoreError> {
    row.into_active_model()
        .reset_all()
        .update(connection)
        .await?;
    Ok(())
}

/// The club's accounts, oldest first.
pub async fn all(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<kisi_account::Model>, StoreError> {
    Ok(scope
        .find::<kisi_account::Entity>()
        .order_by_asc(kisi_account::Column::Id)
        .all(connection)
        .await?)
}

/// The accounts of all clubs that are not disconnected. The loop divides them among replicas.
pub async fn all_connected(
    connection: &impl ConnectionTrait,
) -> Result<Vec<kisi_account::Model>, StoreError> {
    Ok(kisi_account::Entity::find()
        .filter(kisi_account::Column::Status.ne(KisiStatus::Disconnected))
        .order_by_asc(kisi_account::Column::Id)
        .all(connection)
        .await?)
}

/// Stores the roles that can only open doors, as determined at `now`.
pub async fn set_door_roles(
    connection: &impl ConnectionTrait,
    id: Uuid,
    (place, organization): (Option<String>, Option<String>),
    now: i64,
) -> Result<(), StoreError> {
    update_account(id)
        .col_expr(kisi_account::Column::PlaceRole, Expr::value(place))
        .col_expr(
            kisi_account::Column::OrganizationRole,
            Expr::value(organization),
        )
        .col_expr(kisi_account::Column::RolesJudgedAt, Expr::value(Some(now)))
        .exec(connection)
        .await?;
    Ok(())
}

fn update_account(id: Uuid) -> sea_orm::UpdateMany<kisi_account::Entity> {
    kisi_account::Entity::update_many().filter(kisi_account::Column::Id.eq(id))
}

/// An account, together with the credentials that a call was made with. Updates apply only while the account still has these
/// credentials, because Kisi's responses to old credentials do not apply to new ones.
#[derive(Clone, Debug)]
pub struct CallCredentials {
    pub account: Uuid,
    /// The sealed credentials. Each time they are set they are sealed with a new nonce, so equal bytes mean the same setting.
    pub credentials: Vec<u8>,
}

impl CallCredentials {
    /// The row's current credentials.
    pub fn of(row: &kisi_account::Model) -> Self {
        Self {
            account: row.id,
            credentials: row.credentials.clone(),
        }
    }

    fn update(&self) -> sea_orm::UpdateMany<kisi_account::Entity> {
        update_account(self.account)
            .filter(kisi_account::Column::Credentials.eq(self.credentials.clone()))
            .filter(kisi_account::Column::Status.ne(KisiStatus::Disconnected))
    }
}

/// Stores the connection's status and problem as a call showed them. The status of an account that is being disconnected
/// stays. Returns false and writes nothing if the account has new credentials or is disconnected.
pub async fn set_status(
    connection: &impl ConnectionTrait,
    call: &CallCredentials,
    status: KisiStatus,
    problem: Option<String>,
) -> Result<bool, StoreError> {
    let updated = call
        .update()
        .col_expr(kisi_account::Column::Problem, Expr::value(problem))
        .exec(connection)
        .await?;
    call.update()
        .col_expr(kisi_account::Column::Status, Expr::value(status))
        .filter(kisi_account::Column::Status.ne(KisiStatus::Disconnecting))
        .exec(connection)
        .await?;
    Ok(updated.rows_affected > 0)
}

/// Replaces the problem `before` by another one. Writes nothing if the stored problem is no longer `before`.
pub async fn set_problem(
    connection: &impl ConnectionTrait,
    id: Uuid,
    before: Option<String>,
    problem: Option<String>,
) -> Result<(), StoreError> {
    let is_as_before = match before {
        Some(text) => kisi_account::Column::Problem.eq(text),
        None => kisi_account::Column::Problem.is_null(),
    };
    update_account(id)
        .col_expr(kisi_account::Column::Problem, Expr::value(problem))
        .filter(is_as_before)
        .exec(connection)
        .await?;
    Ok(())
}

/// Marks an account whose assignments are being removed, and clears its problem.
pub async fn set_disconnecting(
    connection: &impl ConnectionTrait,
    id: Uuid,
) -> Result<(), StoreError> {
    let none: Option<String> = None;
    update_account(id)
        .col_expr(
            kisi_account::Column::Status,
            Expr::value(KisiStatus::Disconnecting),
        )
        .col_expr(kisi_account::Column::Problem, Expr::value(none))
        .exec(connection)
        .await?;
    Ok(())
}

/// Marks the account as disconnected. The caller has removed all of its grants.
pub async fn set_disconnected(
    connection: &impl ConnectionTrait,
    id: Uuid,
) -> Result<(), StoreError> {
    let nothing: Option<String> = None;
    update_account(id)
        .col_expr(
            kisi_account::Column::Status,
            Expr::value(KisiStatus::Disconnected),
        )
        .col_expr(kisi_account::Column::Problem, Expr::value(nothing))
        .exec(connection)
        .await?;
    Ok(())
}

/// Writes the settings of an account: name, sealed credentials, user, invitations, status and problem. Clears a back-off.
pub async fn set(
    connection: &impl ConnectionTrait,
    row: &kisi_account::Model,
) -> Result<(), StoreError> {
    update_account(row.id)
        .col_expr(kisi_account::Column::Name, Expr::value(row.name.clone()))
        .col_expr(
            kisi_account::Column::Credentials,
            Expr::value(row.credentials.clone()),
        )
        .col_expr(
            kisi_account::Column::KisiUserId,
            Expr::value(row.kisi_user_id),
        )
        .col_expr(
            kisi_account::Column::InviteByEmail,
            Expr::value(row.invite_by_email),
        )
        .col_expr(kisi_account::Column::Status, Expr::value(row.status))
        .col_expr(
            kisi_account::Column::Problem,
            Expr::value(row.problem.clone()),
        )
        .col_expr(
            kisi_account::Column::StoppedUntil,
            Expr::value(Option::<i64>::None),
        )
        .exec(connection)
        .await?;
    Ok(())
}

/// Stores the instant until which Kisi told requests with these credentials to back off.
pub async fn stop_until(
    connection: &impl ConnectionTrait,
    call: &CallCredentials,
    until: i64,
) -> Result<(), StoreError> {
    call.update()
        .col_expr(kisi_account::Column::StoppedUntil, Expr::value(Some(until)))
        .exec(connection)
        .await?;
    Ok(())
}

/// Requests a sweep of the account at `at` at the latest.
pub async fn request_sweep(
    connection: &impl ConnectionTrait,
    id: Uuid,
    at: i64,
) -> Result<(), StoreError> {
    let due_at = || Expr::col(kisi_account::Column::ReadDueAt);
    // Must differ from the instant at which a running sweep was due: otherwise that sweep would clear this request when it ends.
    let sooner = Expr::case(due_at().lte(at), due_at().sub(1i64)).finally(Expr::value(at));
    update_account(id)
        .col_expr(kisi_account::Column::ReadDueAt, sooner.into())
        .exec(connection)
        .await?;
    Ok(())
}

/// Records a complete sweep that was due at `due_at`, and the next one at `again_at`. A sweep requested meanwhile stays.
pub async fn record_sweep(
    connection: &impl ConnectionTrait,
    id: Uuid,
    now: i64,
    due_at: i64,
    again_at: i64,
) -> Result<(), StoreError> {
    update_account(id)
        .col_expr(kisi_account::Column::LastReadAt, Expr::value(Some(now)))
        .exec(connection)
        .await?;
    schedule_sweep(connection, id, due_at, again_at).await
}

/// Schedules the next sweep at `again_at`, unless one was requested since the current one was due at `due_at`.
pub async fn schedule_sweep(
    connection: &impl ConnectionTrait,
    id: Uuid,
    due_at: i64,
    again_at: i64,
) -> Result<(), StoreError> {
    update_account(id)
        .col_expr(kisi_account::Column::ReadDueAt, Expr::value(again_at))
        .filter(kisi_account::Column::ReadDueAt.eq(due_at))
        .exec(connection)
        .await?;
    Ok(())
}

/// Stores what was learned about Kisi: whether it allows changing a validity window, and duplicate assignments of one person
/// in one group.
pub async fn set_abilities(
    connection: &impl ConnectionTrait,
    id: Uuid,
    change_window: Ability,
    duplicate_assignments: Ability,
) -> Result<(), StoreError> {
    update_account(id)
        .col_expr(
            kisi_account::Column::ChangeWindow,
            Expr::value(change_window),
        )
        .col_expr(
            kisi_account::Column::DuplicateAssignments,
            Expr::value(duplicate_assignments),
        )
        .exec(connection)
        .await?;
    Ok(())
}

/// Stores the granularity in seconds to which Kisi rounds validity windows.
pub async fn set_granularity(
    connection: &impl ConnectionTrait,
    id: Uuid,
    seconds: i64,
) -> Result<(), StoreError> {
    update_account(id)
        .col_expr(kisi_account::Column::GranularityS, Expr::value(seconds))
        .exec(connection)
        .await?;
    Ok(())
}
