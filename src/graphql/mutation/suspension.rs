//! Suspensions: while one lasts, the member may pass nowhere. Called by admins.

use async_graphql::{Context, ID, InputObject, Object, Result};
use uuid::Uuid;

use super::{Admin, ahead, id_of, invalid, not_found, text_of};
use crate::{
    clock::new_id,
    graphql::{error::Refusal, member::Member, scalar::DateTime},
    id::Kind,
    store::{
        clubs, due,
        history::{self, Entry},
        members, overrides, row,
    },
};

/// The longest reason, in characters.
const LONGEST_REASON: usize = 1_000;

/// Suspends and resumes members.
#[derive(Default)]
pub struct SuspensionMutations;

/// Whom to suspend, and why.
#[derive(InputObject)]
pub struct SuspendMemberInput {
    /// The member.
    pub member: ID,
    /// Why, for the desk, in 1 to 1000 characters.
    pub reason: String,
    /// Left out: until the member is resumed.
    pub until: Option<DateTime>,
}

payload! {
    /// The member who is suspended.
    SuspendMemberPayload {
        /// The member; null where nothing was changed.
        member: Member
    }
}
payload! {
    /// The member who is suspended no more.
    ResumeMemberPayload {
        /// The member; null where nothing was changed.
        member: Member
    }
}

#[Object]
impl SuspensionMutations {
    /// Suspends a member: while it lasts, the member may pass nowhere, whatever the rules and shares say. An earlier
    /// suspension is replaced.
    async fn suspend_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom, and why.")] input: SuspendMemberInput,
    ) -> Result<SuspendMemberPayload> {
        let admin = Admin::of(context)?;
        SuspendMemberPayload::of(suspend(admin, input).await)
    }

    /// Lifts the suspension of a member. Refused where none lasts.
    async fn resume_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member.")] member: ID,
    ) -> Result<ResumeMemberPayload> {
        let admin = Admin::of(context)?;
        ResumeMemberPayload::of(resume(admin, &member).await)
    }
}

async fn suspend(admin: Admin, input: SuspendMemberInput) -> Result<row::Member, Refusal> {
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    let id = id_of(Kind::Member, "input.member", "member", &input.member)?;
    let reason = text_of("input.reason", "a reason", &input.reason, LONGEST_REASON)?;
    let until_at = ahead("input.until", input.until, now)?;
    let member = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let member = members::get(tx, scope, id).await?;
                let member = member.ok_or_else(|| not_found("input.member", "member"))?;
                let message = format!("{} was suspended: {reason}", member.name);
                let suspension = row::Suspension {
                    id: new_id(),
                    club_id: scope.club,
                    member_id: id,
                    reason,
                    until_at,
                    actor: Some(actor.clone()),
                    learned_at: now,
                    superseded_at: None,
                };
                overrides::suspend(tx, suspension).await?;
                due::mark(
                    tx,
                    scope,
                    [id],
                    now,
                    &due::Cause::by_name("the member was suspended").by(&actor),
                )
                .await?;
                let entry = entry(row::HistoryKind::Suspended, id, actor, message);
                history::write(tx, scope, now, vec![entry]).await?;
                Ok::<_, Refusal>(member)
            })
        })
        .await?;
    app.waker.wake();
    Ok(member)
}

async fn resume(admin: Admin, member: &str) -> Result<row::Member, Refusal> {
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    let id = id_of(Kind::Member, "member", "member", member)?;
    let member = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let member = members::get(tx, scope, id)
                    .await?
                    .ok_or_else(|| not_found("member", "member"))?;
                let suspensions = overrides::suspensions_of(tx, scope, &[id]).await?;
                if !suspensions
                    .iter()
                    .any(|one| one.until_at.is_none_or(|until| until > now))
                {
                    return Err(invalid("member", "this member is not suspended"));
                }
                overrides::resume(tx, scope, id, now).await?;
                due::mark(
                    tx,
                    scope,
                    [id],
                    now,
                    &due::Cause::judged("the suspension was lifted").by(&actor),
                )
                .await?;
                let message = format!("{} was resumed.", member.name);
                let entry = entry(row::HistoryKind::Resumed, id, actor, message);
                history::write(tx, scope, now, vec![entry]).await?;
                Ok::<_, Refusal>(member)
            })
        })
        .await?;
    app.waker.wake();
    Ok(member)
}

fn entry(kind: row::HistoryKind, member: Uuid, actor: String, message: String) -> Entry {
    Entry {
        kind,
        member: Some(member),
        target: None,
        cause: "a suspension".to_owned(),
        delivery: None,
        rule: None,
        actor: Some(actor),
        message,
    }
}
