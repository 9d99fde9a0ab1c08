//! Mutations of suspensions: a suspended member has no access anywhere. For ADMIN tokens.

use async_graphql::{Context, ID, InputObject, Object, Result};
use uuid::Uuid;

use super::{Admin, MAX_REASON_CHARS, future_end, id_of, invalid, not_found, text_of};
use crate::{
    clock::new_id,
    graphql::{error::Refusal, member::Member, scalar::DateTime},
    id::Kind,
    store::{
        clubs, due,
        history::{self, Entry},
        lookup, overrides, row,
    },
    transaction,
};

#[derive(Default)]
pub struct SuspensionMutations;

/// The member to suspend, and the reason.
#[derive(InputObject)]
pub struct SuspendMemberInput {
    /// The member.
    pub member: ID,
    /// The reason, for the staff; 1 to 1000 characters.
    pub reason: String,
    /// When the suspension ends. Default: when the member is resumed.
    pub until: Option<DateTime>,
}

payload! {
    /// The suspended member.
    SuspendMemberPayload {
        /// The member; null if the mutation was refused.
        member: Member
    }
}
payload! {
    /// The member whose suspension was lifted.
    ResumeMemberPayload {
        /// The member; null if the mutation was refused.
        member: Member
    }
}

#[Object(crate = "crate::graphql::resolve")]
impl SuspensionMutations {
    /// Suspends a member, who then has no access anywhere, whatever the rules and shares grant. Replaces an earlier
    /// suspension.
    async fn suspend_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member and the reason.")] input: SuspendMemberInput,
    ) -> Result<SuspendMemberPayload> {
        let admin = Admin::of(context)?;
        SuspendMemberPayload::of(suspend(admin, input).await)
    }

    /// Lifts the suspension of a member. Refused if the member is not suspended.
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
    let reason = text_of("input.reason", "a reason", &input.reason, MAX_REASON_CHARS)?;
    let until_at = future_end("input.until", input.until, now)?;
    let member = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let member = lookup::by_id::<row::Member>(tx, scope, id).await?;
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
            &due::Cause::exempt("the member was suspended").by(&actor),
        )
        .await?;
        let entry = entry(row::HistoryKind::Suspended, id, actor, message);
        history::write(tx, scope, now, vec![entry]).await?;
        Ok::<_, Refusal>(member)
    })
    .await?;
    app.waker.wake(scope);
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
    let member = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let member = lookup::by_id::<row::Member>(tx, scope, id)
            .await?
            .ok_or_else(|| not_found("member", "member"))?;
        let suspensions = overrides::suspensions_of(tx, scope, &[id]).await?;
        if !suspensions
            .iter()
            .any(|suspension| suspension.until_at.is_none_or(|until| until > now))
        {
            return Err(invalid("member", "this member is not suspended"));
        }
        if member.erasure.is_some() {
            return Err(invalid("member", "this member is being erased"));
        }
        overrides::resume(tx, scope, id, now).await?;
        due::mark(
            tx,
            scope,
            [id],
            now,
            &due::Cause::enforced("the suspension was lifted").by(&actor),
        )
        .await?;
        let message = format!("The suspension of {} was lifted.", member.name);
        let entry = entry(row::HistoryKind::Resumed, id, actor, message);
        history::write(tx, scope, now, vec![entry]).await?;
        Ok::<_, Refusal>(member)
    })
    .await?;
    app.waker.wake(scope);
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
