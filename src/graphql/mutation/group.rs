//! Mutations of groups: start or stop managing one. Only managed groups are ever written to in Kisi. For ADMIN tokens.

use access::Instant;
use async_graphql::{Context, ID, InputObject, Object, Result};
use uuid::Uuid;

use super::{
    Editor, invalid, kisi_account::DisconnectPolicy, kisi_account::disconnected, not_found, record,
    resolve_kisi_id, stale,
};
use crate::{
    graphql::{
        error::{Refusal, UserError, UserErrorCode, internal_error},
        group::{Group, StrangerPolicy},
    },
    id::Kind,
    reconcile::take_over::{self, Confirmed, PreviewToken, Proposal, ReadError},
    store::{clubs, due, grants, kisi_accounts, lookup, row, setup},
    transaction,
};

#[derive(Default)]
pub struct GroupMutations;

/// Whether a group is managed, and how.
#[derive(InputObject)]
pub struct ManageGroupInput {
    /// The group.
    pub group: ID,
    /// Whether this service manages the group's role assignments in Kisi. False: it stops managing them.
    pub managed: bool,
    /// What happens to people in the group who were added by others than this service.
    #[graphql(default_with = "StrangerPolicy::from(row::StrangerPolicy::Keep)")]
    pub strangers: StrangerPolicy,
    /// What happens to this service's role assignments when it stops managing the group.
    #[graphql(default_with = "DisconnectPolicy::Keep")]
    pub access: DisconnectPolicy,
}

payload! {
    /// The updated group.
    ManageGroupPayload {
        /// The group; null if the mutation was refused.
        group: Group
    }
}

#[Object(crate = "crate::graphql::resolve")]
impl GroupMutations {
    /// Starts managing a group, so that its rules are applied in Kisi, or stops managing it.
    async fn manage_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The group and its settings.")] input: ManageGroupInput,
        #[graphql(
            desc = "The basedOn of a preview of this group with this policy. Refused as STALE if anything relevant has changed \
                    since; otherwise the previewed removals count as approved, and the brake does not hold them. Default: the \
                    brake judges the removals."
        )]
        based_on: Option<String>,
    ) -> Result<ManageGroupPayload> {
        let admin = Editor::admin(context)?;
        ManageGroupPayload::of(manage(admin, input, based_on).await)
    }
}

/// The reason why a group cannot be managed, and what to do about it.
pub fn unmanageable(account: &row::KisiAccount, group: &row::Group) -> Option<&'static str> {
    let gone = group.gone_at.map(|_| GONE);
    disconnected(account).or(gone)
}

const GONE: &str = "this group no longer exists in Kisi: refresh the account, and choose another";

fn refuse_unmanageable(account: &row::KisiAccount, group: &row::Group) -> Result<(), Refusal> {
    let problem = unmanageable(account, group);
    problem.map_or(Ok(()), |problem| Err(invalid("input.group", problem)))
}

/// Repeats the preview named by `based_on` and checks that nothing has changed. Reads Kisi, so it runs before the transaction.
async fn confirmed(
    admin: &Editor,
    group: Uuid,
    input: &ManageGroupInput,
    based_on: Option<String>,
) -> Result<Option<Confirmed>, Refusal> {
    let Some(text) = based_on else {
        return Ok(None);
    };
    if !input.managed {
        let message =
            "a preview is only for a group to manage: leave basedOn out to stop managing it";
        return Err(invalid("basedOn", message));
    }
    let (app, scope, db) = (&admin.app, admin.scope, admin.app.db.read());
    let strangers = row::StrangerPolicy::from(input.strangers);
    let proposal = Proposal { group, strangers };
    let now = Instant::from_micros(admin.now);
    let basis = PreviewToken::open(&app.sealer, scope, &text, proposal, now).map_err(stale)?;
    let group = lookup::by_id::<row::Group>(db, scope, group).await?;
    let group = group.ok_or_else(|| not_found("input.group", "group"))?;
    let account = lookup::by_id::<row::KisiAccount>(db, scope, group.account_id).await?;
    let account = account.ok_or_else(|| not_found("input.group", "group"))?;
    refuse_unmanageable(&account, &group)?;
    let reading = match take_over::read(app, &account, &group).await {
        Ok(reading) => reading,
        Err(ReadError::Kisi(problem)) => {
            let code = UserErrorCode::of_kisi(&problem);
            return Err(UserError::at(code, "basedOn", problem.for_people()).into());
        }
        Err(secret) => return Err(internal_error(secret).into()),
    };
    let turns = &app.evaluations;
    let fresh = take_over::preview(app, account, &group, strangers, &reading, turns).await?;
    Ok(Some(basis.check(fresh).map_err(stale)?))
}

async fn manage(
    admin: Editor,
    input: ManageGroupInput,
    based_on: Option<String>,
) -> Result<row::Group, Refusal> {
    let kinds = [Kind::Group];
    let (db, scope) = (admin.app.db.read(), admin.scope);
    let (_, id) = resolve_kisi_id(db, scope, &kinds, "input.group", "group", &input.group).await?;
    let confirmed = confirmed(&admin, id, &input, based_on).await?;
    let Editor {
        app, actor, now, ..
    } = admin;
    let strangers = row::StrangerPolicy::from(input.strangers);
    let group = transaction!(app.db, |tx| {
                clubs::touch(tx, scope).await?;
                let group = lookup::by_id::<row::Group>(tx, scope, id).await?;
                let group = group.ok_or_else(|| not_found("input.group", "group"))?;
                let account = lookup::by_id::<row::KisiAccount>(tx, scope, group.account_id).await?;
                let account = account.ok_or_else(|| not_found("input.group", "group"))?;
                if input.managed {
                    refuse_unmanageable(&account, &group)?;
                    if let Some(organization) = account.organization_id
                        && setup::is_managed_elsewhere(tx, organization, group.kisi_id, group.id).await?
                    {
                        let message = "another connection of this service manages this group of the organization: \
                                       two would undo each other's work, so stop managing it there first";
                        return Err(UserError::at(UserErrorCode::GroupInUse, "input.group", message).into());
                    }
                } else if input.access == DisconnectPolicy::Keep {
                    grants::delete_in_scope(tx, scope, account.id, Some((row::ScopeKind::Group, id))).await?;
                }
                if !input.managed || strangers == row::StrangerPolicy::Keep {
                    grants::delete_external(tx, scope, account.id, Some(id)).await?;
                }
                setup::manage(tx, scope, id, input.managed, strangers).await?;
                // Only a new read of Kisi shows who in the group is a stranger.
                kisi_accounts::request_sweep(tx, account.id, now).await?;
                let group = row::Group { managed: input.managed, strangers, ..group };
                let what = if input.managed { "was taken over" } else { "is no longer managed" };
                let message = format!("The group “{}” {what}.", group.name);
                record(tx, scope, (&actor, now), row::HistoryKind::KisiChanged, message).await?;
                let description = format!("the group “{}” {what}", group.name);
                match confirmed {
                    Some(confirmed) => confirmed.write(tx, scope, &group, now, &description, &actor).await?,
                    None => {
                        let cause = due::Cause::enforced(description).by(&actor);
                        due::mark_all_members(tx, scope, now, &cause).await?;
                    }
                }
                Ok::<_, Refusal>(group)
            })
        .await?;
    app.waker.wake(scope);
    Ok(group)
}
