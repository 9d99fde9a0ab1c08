//! Finds the members whose users or grants Kisi refused, so that they can be tried again.

use std::collections::BTreeSet;

use entity::{kind::GrantState, kisi_grant, kisi_user};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, QueryFilter, QuerySelect, sea_query::Expr};
use uuid::Uuid;

use super::{ClubScope, StoreError, due::DueKey};

/// A filter on problems. Fields that are set are combined with AND.
#[derive(Copy, Clone, Debug, Default)]
pub struct ProblemFilter {
    /// Only in this account.
    pub account: Option<Uuid>,
    /// Only in this group.
    pub group: Option<Uuid>,
    /// Only of this member.
    pub member: Option<Uuid>,
}

impl ProblemFilter {
    fn refused_grants(&self) -> Condition {
        Condition::all()
            .add(kisi_grant::Column::State.eq(GrantState::Failed))
            .add_option(self.account.map(|id| kisi_grant::Column::AccountId.eq(id)))
            .add_option(self.member.map(|id| kisi_grant::Column::MemberId.eq(id)))
            .add_option(self.group.map(|id| kisi_grant::Column::ScopeId.eq(id)))
    }
}

/// Clears the mark that Kisi's response differed from the request on refused grants, so that the request is sent again.
pub async fn clear_differences(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    of: &ProblemFilter,
) -> Result<(), StoreError> {
    scope
        .update::<kisi_grant::Entity>()
        .col_expr(kisi_grant::Column::AskedDiffers, Expr::value(false))
        .filter(of.refused_grants())
        .exec(connection)
        .await?;
    Ok(())
}

/// The members with a refused grant, or whose user could not be created in Kisi, with the account.
pub async fn find(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    of: &ProblemFilter,
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
    let mut keys: Vec<(Uuid, Uuid)> = grants.into_tuple().all(connection).await?;
    // With a group filter, a member without a Kisi user is already included by the refused grant for that group.
    if of.group.is_none() {
        let columns = [kisi_user::Column::AccountId, kisi_user::Column::MemberId];
        let users = users.select_only().columns(columns);
        keys.extend(users.into_tuple::<(Uuid, Uuid)>().all(connection).await?);
    }
    let key = |(account, member)| DueKey { account, member };
    Ok(keys.into_iter().map(key).collect())
}
