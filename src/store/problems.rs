//! Whose work in Kisi was refused there.

use std::collections::BTreeSet;

use entity::{kind::GrantState, kisi_grant, kisi_user};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, QueryFilter, QuerySelect, sea_query::Expr};
use uuid::Uuid;

use super::{Scope, StoreError, due::DueKey};

/// Whose problems; each field that is given narrows it.
#[derive(Copy, Clone, Debug, Default)]
pub struct Of {
    /// In this account.
    pub account: Option<Uuid>,
    /// In this group.
    pub group: Option<Uuid>,
    /// Of this member.
    pub member: Option<Uuid>,
}

impl Of {
    fn refused_grants(&self) -> Condition {
        Condition::all()
            .add(kisi_grant::Column::State.eq(GrantState::Failed))
            .add_option(self.account.map(|id| kisi_grant::Column::AccountId.eq(id)))
            .add_option(self.member.map(|id| kisi_grant::Column::MemberId.eq(id)))
            .add_option(self.group.map(|id| kisi_grant::Column::ScopeId.eq(id)))
    }
}

/// Forgets Kisi's answers to the refused grants, so that what was asked for is asked for again.
pub async fn forget_answers(
    connection: &impl ConnectionTrait,
    scope: Scope,
    of: &Of,
) -> Result<(), StoreError> {
    scope
        .update::<kisi_grant::Entity>()
        .col_expr(kisi_grant::Column::AskedDiffers, Expr::value(false))
        .filter(of.refused_grants())
        .exec(connection)
        .await?;
    Ok(())
}

/// Members whose grants Kisi refused, or for whom it made no user.
pub async fn find(
    connection: &impl ConnectionTrait,
    scope: Scope,
    of: &Of,
) -> Result<BTreeSet<DueKey>, StoreError> {
    let mut users = scope
        .find::<kisi_user::Entity>()
        .filter(kisi_user::Column::Problem.is_not_null());
    if let Some(account) = of.account {
        users = users.filter(kisi_user::Column::AccountId.eq(account));
    }
    if let Some(member) = of.member {
        users = users.filter(kisi_user::Column::MemberId.eq(member));
    }
    let columns = [kisi_grant::Column::AccountId, kisi_grant::Column::MemberId];
    let grants = scope
        .find::<kisi_grant::Entity>()
        .filter(of.refused_grants())
        .select_only()
        .columns(columns);
    let mut found: Vec<(Uuid, Uuid)> = grants.into_tuple().all(connection).await?;
    // A person without a user has a refused grant for each group.
    if of.group.is_none() {
        let columns = [kisi_user::Column::AccountId, kisi_user::Column::MemberId];
        let users = users.select_only().columns(columns);
        found.extend(users.into_tuple::<(Uuid, Uuid)>().all(connection).await?);
    }
    let key = |(account, member)| DueKey { account, member };
    Ok(found.into_iter().map(key).collect())
}
