//! Connections to Kisi organizations, and what has been learned of each one's ways.

use entity::{
    kind::{Ability, KisiStatus},
    kisi_account,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, sea_query::Expr, sea_query::ExprTrait,
};
use uuid::Uuid;

use super::{Scope, StoreError, bulk};

/// Makes an account.
pub async fn create(
    connection: &impl ConnectionTrait,
    row: kisi_account::Model,
) -> Result<(), StoreError> {
    bulk::insert(connection, vec![row]).await
}

/// Takes an account up again that was disconnected: all of it is as given.
pub async fn revive(
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
    scope: Scope,
) -> Result<Vec<kisi_account::Model>, StoreError> {
    Ok(scope
        .find::<kisi_account::Entity>()
        .order_by_asc(kisi_account::Column::Id)
        .all(connection)
        .await?)
}

/// One account.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<kisi_account::Model>, StoreError> {
    Ok(scope
        .find::<kisi_account::Entity>()
        .filter(kisi_account::Column::Id.eq(id))
        .one(connection)
        .await?)
}

/// Every club's accounts that work is done for: for the loop, which shares them out among replicas.
pub async fn working(
    connection: &impl ConnectionTrait,
) -> Result<Vec<kisi_account::Model>, StoreError> {
    Ok(kisi_account::Entity::find()
        .filter(kisi_account::Column::Status.ne(KisiStatus::Disconnected))
        .order_by_asc(kisi_account::Column::Id)
        .all(connection)
        .await?)
}

/// Which roles can do nothing but open doors, as judged now.
pub async fn set_door_roles(
    connection: &impl ConnectionTrait,
    id: Uuid,
    (place, organization): (Option<String>, Option<String>),
    now: i64,
) -> Result<(), StoreError> {
    one(id)
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

fn one(id: Uuid) -> sea_orm::UpdateMany<kisi_account::Entity> {
    kisi_account::Entity::update_many().filter(kisi_account::Column::Id.eq(id))
}

/// An account, as long as it has the credentials that a call was made with: what Kisi answers to old ones says nothing about
/// new ones.
#[derive(Clone, Debug)]
pub struct MadeWith {
    /// The account.
    pub account: Uuid,
    /// The sealed credentials; sealed anew whenever they are set, so that no two are alike.
    pub credentials: Vec<u8>,
}

impl MadeWith {
    /// The credentials that the row has.
    pub fn of(row: &kisi_account::Model) -> Self {
        Self {
            account: row.id,
            credentials: row.credentials.clone(),
        }
    }

    fn update(&self) -> sea_orm::UpdateMany<kisi_account::Entity> {
        one(self.account)
            .filter(kisi_account::Column::Credentials.eq(self.credentials.clone()))
            .filter(kisi_account::Column::Status.ne(KisiStatus::Disconnected))
    }
}

/// How the connection is, in a word and in words, as a call showed. That an account is being disconnected stays said. False
/// where the account has other credentials meanwhile, or is disconnected: nothing is written then.
pub async fn set_status(
    connection: &impl ConnectionTrait,
    call: &MadeWith,
    status: KisiStatus,
    problem: Option<String>,
) -> Result<bool, StoreError> {
    let updated = call
        .update()
        .col_expr(kisi_account::Column::Status, Expr::value(status))
        .exec(connection)
        .await?;
    let says_something_else = Condition::any()
        .add(kisi_account::Column::Problem.is_null())
        .add(kisi_account::Column::Problem.ne(crate::connect::DISCONNECTING));
    call.update()
        .col_expr(kisi_account::Column::Problem, Expr::value(problem))
        .filter(says_something_else)
        .exec(connection)
        .await?;
    Ok(updated.rows_affected > 0)
}

/// What is wrong beside the state of the connection, in the place of what was read as wrong before. Where something else is
/// said meanwhile, that stays.
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
    one(id)
        .col_expr(kisi_account::Column::Problem, Expr::value(problem))
        .filter(is_as_before)
        .exec(connection)
        .await?;
    Ok(())
}

/// Its assignments are being removed, whatever else is wrong.
pub async fn begins_to_disconnect(
    connection: &impl ConnectionTrait,
    id: Uuid,
) -> Result<(), StoreError> {
    let text = crate::connect::DISCONNECTING.to_owned();
    one(id)
        .col_expr(kisi_account::Column::Problem, Expr::value(Some(text)))
        .exec(connection)
        .await?;
    Ok(())
}

/// Nothing of ours is left there.
pub async fn is_disconnected(
    connection: &impl ConnectionTrait,
    id: Uuid,
) -> Result<(), StoreError> {
    let nothing: Option<String> = None;
    one(id)
        .col_expr(
            kisi_account::Column::Status,
            Expr::value(KisiStatus::Disconnected),
        )
        .col_expr(kisi_account::Column::Problem, Expr::value(nothing))
        .exec(connection)
        .await?;
    Ok(())
}

/// New credentials, already sealed, or another name.
pub async fn set(
    connection: &impl ConnectionTrait,
    row: &kisi_account::Model,
) -> Result<(), StoreError> {
    one(row.id)
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

/// Kisi asked for no more requests of these credentials until then.
pub async fn stop_until(
    connection: &impl ConnectionTrait,
    call: &MadeWith,
    until: i64,
) -> Result<(), StoreError> {
    call.update()
        .col_expr(kisi_account::Column::StoppedUntil, Expr::value(Some(until)))
        .exec(connection)
        .await?;
    Ok(())
}

/// When Kisi is to be read again.
pub async fn read_due(
    connection: &impl ConnectionTrait,
    id: Uuid,
    at: i64,
) -> Result<(), StoreError> {
    let due_at = || Expr::col(kisi_account::Column::ReadDueAt);
    // Never the instant that a sweep which is under way was due at: it would take this for its own, and end it.
    let sooner = Expr::case(due_at().lte(at), due_at().sub(1i64)).finally(Expr::value(at));
    one(id)
        .col_expr(kisi_account::Column::ReadDueAt, sooner.into())
        .exec(connection)
        .await?;
    Ok(())
}

/// Everything was read, as was due at `due_at`; whoever asked for it anew meanwhile gets it.
pub async fn was_read(
    connection: &impl ConnectionTrait,
    id: Uuid,
    now: i64,
    due_at: i64,
    again_at: i64,
) -> Result<(), StoreError> {
    one(id)
        .col_expr(kisi_account::Column::LastReadAt, Expr::value(Some(now)))
        .exec(connection)
        .await?;
    read_again(connection, id, due_at, again_at).await
}

/// When Kisi is to be read again, unless somebody asked for it since it was due at `due_at`.
pub async fn read_again(
    connection: &impl ConnectionTrait,
    id: Uuid,
    due_at: i64,
    again_at: i64,
) -> Result<(), StoreError> {
    one(id)
        .col_expr(kisi_account::Column::ReadDueAt, Expr::value(again_at))
        .filter(kisi_account::Column::ReadDueAt.eq(due_at))
        .exec(connection)
        .await?;
    Ok(())
}

/// What was learned: whether windows can be changed, whether several assignments for one person and group can be.
pub async fn learn(
    connection: &impl ConnectionTrait,
    id: Uuid,
    change_window: Ability,
    twins: Ability,
) -> Result<(), StoreError> {
    one(id)
        .col_expr(
            kisi_account::Column::ChangeWindow,
            Expr::value(change_window),
        )
        .col_expr(kisi_account::Column::Twins, Expr::value(twins))
        .exec(connection)
        .await?;
    Ok(())
}

/// To how many seconds windows are rounded, as was learned.
pub async fn rounds_to(
    connection: &impl ConnectionTrait,
    id: Uuid,
    seconds: i64,
) -> Result<(), StoreError> {
    one(id)
        .col_expr(kisi_account::Column::GranularityS, Expr::value(seconds))
        .exec(connection)
        .await?;
    Ok(())
}
