//! Which groups are managed: only those are ever written to in Kisi. Called by admins.

use access::Instant;
use async_graphql::{Context, ID, InputObject, Object, Result};
use uuid::Uuid;

use super::{
    Admin, invalid, kisi_account::DisconnectPolicy, kisi_account::disconnected, named_in_kisi,
    not_found, stale,
};
use crate::{
    graphql::{
        error::{Refusal, UserError, UserErrorCode, inside},
        group::{Group, StrangerPolicy},
    },
    id::Kind,
    reconcile::take_over::{self, Basis, Confirmed, Proposal, ReadError},
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
        #[graphql(
            desc = "The basedOn of a preview of this group with this policy. Refused as STALE if anything that matters has \
                    changed since; who is removed then is the admin's own word, which the brake does not hold. Left out: the \
                    brake judges who is removed."
        )]
        based_on: Option<String>,
    ) -> Result<ManageGroupPayload> {
        let admin = Admin::of(context)?;
        ManageGroupPayload::of(manage(admin, input, based_on).await)
    }
}

/// Why a group cannot be managed, and what to do about it.
pub fn unmanageable(account: &row::KisiAccount, group: &row::Group) -> Option<&'static str> {
    let gone = group.gone_at.map(|_| GONE);
    disconnected(account).or(gone)
}

const GONE: &str = "Kisi has this group no more: refresh the account, and choose another";

fn refuse_unmanageable(account: &row::KisiAccount, group: &row::Group) -> Result<(), Refusal> {
    let problem = unmanageable(account, group);
    problem.map_or(Ok(()), |problem| Err(invalid("input.group", problem)))
}

/// What a preview showed of the group, where one is named: looked at again, with Kisi read again, so before the transaction.
async fn confirmed(
    admin: &Admin,
    group: Uuid,
    input: &ManageGroupInput,
    based_on: Option<String>,
) -> Result<Option<Confirmed>, Refusal> {
    let Some(text) = based_on else {
        return Ok(None);
    };
    if !input.managed {
        let message =
            "a preview is of a group that is to be managed: leave it out to let the group go";
        return Err(invalid("basedOn", message));
    }
    let (app, scope, db) = (&admin.app, admin.scope, admin.app.db.read());
    let strangers = row::StrangerPolicy::from(input.strangers);
    let proposal = Proposal { group, strangers };
    let now = Instant::from_micros(admin.now);
    let basis = Basis::open(&app.sealer, scope, &text, proposal, now).map_err(stale)?;
    let group = setup::some_groups(db, scope, &[group]).await?.pop();
    let group = group.ok_or_else(|| not_found("input.group", "group"))?;
    let account = kisi_accounts::get(db, scope, group.account_id).await?;
    let account = account.ok_or_else(|| not_found("input.group", "group"))?;
    refuse_unmanageable(&account, &group)?;
    let reading = match take_over::read(app, &account, &group).await {
        Ok(reading) => reading,
        Err(ReadError::Kisi(problem)) => {
            let code = UserErrorCode::of_kisi(&problem);
            return Err(UserError::at(code, "basedOn", problem.for_people()).into());
        }
        Err(secret) => return Err(inside(secret).into()),
    };
    let turns = &app.evaluations;
    let fresh = take_over::preview(app, account, &group, strangers, &reading, turns).await?;
    Ok(Some(basis.check(fresh).map_err(stale)?))
}

async fn manage(
    admin: Admin,
    input: ManageGroupInput,
    based_on: Option<String>,
) -> Result<row::Group, Refusal> {
    let kinds = [Kind::Group];
    let (db, scope) = (admin.app.db.read(), admin.scope);
    let (_, id) = named_in_kisi(db, scope, &kinds, "input.group", "group", &input.group).await?;
    let confirmed = confirmed(&admin, id, &input, based_on).await?;
    let Admin {
        app, actor, now, ..
    } = admin;
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
                    refuse_unmanageable(&account, &group)?;
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
                let group = row::Group { managed: input.managed, strangers, ..group };
                let what = if input.managed { "taken over" } else { "let go" };
                let words = format!("the group “{}” was {what}", group.name);
                match confirmed {
                    Some(confirmed) => confirmed.write(tx, scope, &group, now, &words, &actor).await?,
                    None => {
                        let cause = due::Cause::judged(words).by(&actor);
                        due::mark_everybody(tx, scope, now, &cause).await?;
                    }
                }
                Ok::<_, Refusal>(group)
            })
        })
        .await?;
    app.waker.wake();
    Ok(group)
}
