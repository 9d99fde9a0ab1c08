//! Which groups are managed: only those are ever written to in Kisi. Called by admins.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{
    Admin, invalid, kisi_account::DisconnectPolicy, kisi_account::refuse_disconnected,
    named_in_kisi, not_found,
};
use crate::{
    graphql::{
        error::{Refusal, UserError, UserErrorCode},
        group::{Group, StrangerPolicy},
    },
    id::Kind,
    store::{clubs, due, grants, kisi_accounts, row, setup},
};

/// Takes groups over and lets them go.
#[derive(Default)]
pub struct GroupMutations;

/// Whether a group is managed, and how.
#[derive(InputObject)]
pub struct ManageGroupInput {
    /// The group.
    pub group: ID,
    /// Whether this service is to write to it. False: the group is let go.
    pub managed: bool,
    /// What becomes of people in it who are there by somebody else's doing.
    #[graphql(default_with = "StrangerPolicy::from(row::StrangerPolicy::Keep)")]
    pub strangers: StrangerPolicy,
    /// What becomes of this service's assignments when the group is let go.
    #[graphql(default_with = "DisconnectPolicy::Keep")]
    pub access: DisconnectPolicy,
}

payload! {
    /// The group as it is now.
    ManageGroupPayload {
        /// The group; null where nothing was changed.
        group: Group
    }
}

#[Object]
impl GroupMutations {
    /// Takes a group over, so that its rules are made true in Kisi, or lets it go.
    async fn manage_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The group, and what becomes of it.")] input: ManageGroupInput,
    ) -> Result<ManageGroupPayload> {
        let admin = Admin::of(context)?;
        ManageGroupPayload::of(manage(admin, input).await)
    }
}

async fn manage(admin: Admin, input: ManageGroupInput) -> Result<row::Group, Refusal> {
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    let kinds = [Kind::Group];
    let db = app.db.read();
    let (_, id) = named_in_kisi(db, scope, &kinds, "input.group", "group", &input.group).await?;
    let strangers = row::StrangerPolicy::from(input.strangers);
    let group = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let group = setup::some_groups(tx, scope, &[id]).await?.pop();
                let group = group.ok_or_else(|| not_found("input.group", "group"))?;
                let account = kisi_accounts::get(tx, scope, group.account_id).await?;
                let account = account.ok_or_else(|| not_found("input.group", "group"))?;
                if input.managed {
                    refuse_disconnected(&account, "input.group")?;
                    if group.gone_at.is_some() {
                        return Err(invalid("input.group", "Kisi has this group no more: refresh the account, and choose another"));
                    }
                    if let Some(organization) = account.organization_id
                        && setup::is_managed_elsewhere(tx, organization, group.kisi_id, group.id).await?
                    {
                        let message = "another connection of this service manages this group of the organization: \
                                       two would undo each other's work, so let it go there first";
                        return Err(UserError::at(UserErrorCode::GroupInUse, "input.group", message).into());
                    }
                } else if input.access == DisconnectPolicy::Keep {
                    grants::let_go(tx, scope, account.id, Some((row::ScopeKind::Group, id))).await?;
                }
                if !input.managed || strangers == row::StrangerPolicy::Keep {
                    grants::let_strays_go(tx, scope, account.id, Some(id)).await?;
                }
                setup::manage(tx, scope, id, input.managed, strangers).await?;
                // Who is a stranger there is to be seen only by reading.
                kisi_accounts::read_due(tx, account.id, now).await?;
                let cause = due::Cause::judged(format!("the group “{}” was {}", group.name, if input.managed { "taken over" } else { "let go" })).by(&actor);
                due::mark_everybody(tx, scope, now, &cause).await?;
                Ok::<_, Refusal>(row::Group { managed: input.managed, strangers, ..group })
            })
        })
        .await?;
    app.waker.wake();
    Ok(group)
}
