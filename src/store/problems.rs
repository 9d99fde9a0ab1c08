//! Whose work in Kisi was refused there.

use std::collections::BTreeSet;

use entity::{kind::GrantState, kisi_grant, kisi_user};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QuerySelect};
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

/// Members whose grants Kisi refused, or for whom it made no user.
pub async fn find(
    connection: &impl ConnectionTrait,
    scope: Scope,
    of: &Of,
) -> Result<BTreeSet<DueKey>, StoreError> {
    let mut grants = scope
        .find::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::State.eq(GrantState::Failed));
    let mut users = scope
        .find::<kisi_user::Entity>()
        .filter(kisi_user::Column::Problem.is_not_null());
    if let Some(account) = of.account {
        grants = grants.filter(kisi_grant::Column::AccountId.eq(account));
        users = users.filter(kisi_user::Column::AccountId.eq(account));
    }
    if let Some(member) = of.member {
        grants = grants.filter(kisi_grant::Column::MemberId.eq(member));
        users = users.filter(kisi_user::Column::MemberId.eq(member));
    }
    if let Some(group) = of.group {
        grants = grants.filter(kisi_grant::Column::ScopeId.eq(group));
    }
    let columns = [kisi_grant::Column::AccountId, kisi_grant::Column::MemberId];
    let grants = grants.select_only().columns(columns);
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
